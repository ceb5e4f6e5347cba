"""Folds in the order of time: cut from the train days alone, the past learns, later days validate.

Backwards from the last train day, with three folds::

    learn | embargo | validate |                                   train days of fold 1
    learn               | embargo | validate |                     of fold 2
    learn                              | embargo | validate        of fold 3

The days that validate are different ones in each fold. The embargo is that of the hold-out: who
scores the first day that validates knows no later labels than those before it. Neither validation
days, which stop the final fit, nor the hold-out are in any fold. Source of the order: Tashman 2000
(rolling origins); of the embargo: López de Prado 2018, chapter 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from laurel.domain.window import Days
from laurel.errors import Refused


@dataclass(frozen=True)
class Fold:
    """Days to learn from and later days to validate on, the embargo between them."""

    train: Days
    validation: Days

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"train": self.train.document(), "validation": self.validation.document()}


def cut_folds(
    train: Days,
    *,
    count: int,
    validation_days: int,
    embargo_days: int,
    kind: Literal["expanding", "sliding"] = "expanding",
) -> tuple[Fold, ...]:
    """The folds of these train days, the earliest first; the last ends with the last train day.

    kind: ``expanding`` folds learn from the first train day on; ``sliding`` ones all learn from as
    many days as the first one has. Raises :class:`Refused` where no day is left to learn from.

    >>> from datetime import date
    >>> days = Days(date(2024, 1, 1), date(2024, 1, 10))
    >>> for fold in cut_folds(days, count=2, validation_days=2, embargo_days=1):
    ...     print(fold.train.document(), fold.validation.document())
    ['2024-01-01', '2024-01-05'] ['2024-01-07', '2024-01-08']
    ['2024-01-01', '2024-01-07'] ['2024-01-09', '2024-01-10']
    """
    learned = len(train) - count * validation_days - embargo_days
    if learned < 1:
        raise Refused(
            "there are not enough train days for the folds of a search",
            found=f"{len(train)} days, {train.first} to {train.last}",
            expected=f"at least {count * validation_days + embargo_days + 1}: {count} times "
            f"{validation_days} to validate, {embargo_days} of embargo, one to learn from",
            hint="ask for fewer or shorter folds in training.tuning.folds, or train later",
        )
    return tuple(
        _fold(
            train,
            after=timedelta(days=number * validation_days),
            learned=learned,
            ahead=embargo_days + validation_days,
            validation_days=validation_days,
            slides=kind == "sliding",
        )
        for number in range(count)
    )


def _fold(
    train: Days, *, after: timedelta, learned: int, ahead: int, validation_days: int, slides: bool
) -> Fold:
    first = train.first + (after if slides else timedelta(0))
    last = train.first + after + timedelta(days=learned - 1)
    end = last + timedelta(days=ahead)
    return Fold(Days(first, last), Days(end - timedelta(days=validation_days - 1), end))
