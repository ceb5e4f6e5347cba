"""Which days a training run reads, from ``as_of`` alone: history, train, validation, hold-out.

Backwards from ``as_of``::

    history | train | validation | embargo | hold-out | labels not known yet | as_of

The embargo is as long as the label delay, and as the horizon of scoring in whole days. Whoever
scores the first hold-out day knows no later labels than those before the embargo, so neither does
the challenger that is judged on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any, Literal

from laurel.domain.canonical import instant, parse_instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.partition import Partition
from laurel.errors import IntegrityError, Refused

Split = Literal["train", "validation", "holdout"]
SPLITS: tuple[Split, ...] = ("train", "validation", "holdout")


@dataclass(frozen=True)
class Days:
    """A run of days, both ends included.

    >>> days = Days(date(2013, 2, 27), date(2013, 3, 1))
    >>> len(days), date(2013, 2, 28) in days, [p.key for p in days][-1]
    (3, True, '2013-03-01')
    """

    first: date
    last: date

    @classmethod
    def of(cls, ends: Sequence[str]) -> Days:
        """Read both ends; raises ``ValueError`` for anything else."""
        first, last = (date.fromisoformat(end) for end in ends)
        return cls(first, last)

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last

    def __iter__(self) -> Iterator[Partition]:
        return (Partition(self.first + timedelta(days=n)) for n in range(len(self)))

    def shifted(self, days: int) -> Days:
        """The same number of days, ``days`` later."""
        return Days(self.first + timedelta(days=days), self.last + timedelta(days=days))

    def document(self) -> list[str]:
        """Both ends as ``YYYY-MM-DD``."""
        return [self.first.isoformat(), self.last.isoformat()]


@dataclass(frozen=True)
class TrainingWindow:
    """The days of event time that a training run reads, and in which part each of them is."""

    usecase: str
    as_of: datetime
    label_delay_days: int
    embargo_days: int
    """Between validation and hold-out: never shorter than the label delay."""
    history: Days | None
    """Days that only features look back on; ``None`` where nothing lies before the train days."""
    train: Days
    validation: Days
    holdout: Days

    @property
    def events(self) -> Days:
        """All days whose rows are read, the embargo's among them."""
        return Days((self.history or self.train).first, self.holdout.last)

    def partitions(self, role: str) -> tuple[Partition, ...]:
        """The partitions to read of a dataset of that role: ``rows``, ``labels`` or ``context``.

        Labels are keyed by the day on which they arrive, so theirs lie a label delay later.
        """
        return tuple(
            self.events.shifted(self.label_delay_days) if role == "labels" else self.events
        )

    def split(self, day: date) -> Split | None:
        """The part a day is in; ``None`` for history and the embargo."""
        return next((name for name in SPLITS if day in getattr(self, name)), None)

    def document(self) -> dict[str, Any]:
        """Plain JSON values, as :func:`read_window` reads them."""
        return {
            "usecase": self.usecase,
            "as_of": instant(self.as_of),
            "label_delay_days": self.label_delay_days,
            "embargo_days": self.embargo_days,
            "days": {
                "history": self.history.document() if self.history else None,
                "train": self.train.document(),
                "validation": self.validation.document(),
                "holdout": self.holdout.document(),
            },
        }


def plan(config: UseCaseConfig, as_of: datetime) -> TrainingWindow:
    """The window of a training run with that bound of knowledge.

    The hold-out ends with the last day whose labels are known at ``as_of``: labels of event day d
    arrive in partition d + delay, which is known at its end. Train days are cut off at the first
    partition; fewer of them than validation and hold-out days together are refused.

    as_of: an aware moment (``ValueError`` for a naive one). Raises :class:`Refused` when it lies
    before the first training run, or when there is not enough history.
    """
    _check_start(config, as_of)
    delay = config.label.delay_days
    known = Partition.at(as_of).day - timedelta(days=delay + 1)
    holdout = _before(known, config.training.holdout_days)
    embargo = delay + ceil(config.scoring.horizon_hours / 24)
    validation = _before(_eve(holdout) - timedelta(days=embargo), config.training.validation_days)
    train = _clip(_before(_eve(validation), config.training.train_days), config.start)
    required = _minimum(config)
    if train is None or len(train) < required:
        raise Refused(
            f"there is not enough history for a training run with as_of {instant(as_of)}",
            usecase=config.name,
            found=f"{len(train) if train else 0} days to train on, from {config.start} on",
            expected=f"at least {required} days",
            hint="start training later, or ask for fewer train, validation or hold-out days",
        )
    return TrainingWindow(
        usecase=config.name,
        as_of=as_of,
        label_delay_days=delay,
        embargo_days=embargo,
        history=lookback(config, train.first),
        train=train,
        validation=validation,
        holdout=holdout,
    )


def cutoff_of(partition: Partition, config: UseCaseConfig) -> datetime:
    """The moment after which nothing may be known of a partition that is scored."""
    return partition.start - config.horizon


def lookback(config: UseCaseConfig, day: date, *, history_days: int | None = None) -> Days | None:
    """The days before ``day`` that its features may look at; ``None`` when there are none.

    The same rule holds when a partition is scored, so both see the same history. history_days: as
    a model of another version has it; the use case's own when left out.
    """
    count = config.features.history_days if history_days is None else history_days
    return _clip(_before(day - timedelta(days=1), count), config.start) if count else None


def read_window(document: Mapping[str, Any]) -> TrainingWindow:
    """Read what :meth:`TrainingWindow.document` wrote; raises :class:`IntegrityError`."""
    try:
        days = {name: _days(value) for name, value in document["days"].items()}
        train, validation, holdout = days["train"], days["validation"], days["holdout"]
        if train is None or validation is None or holdout is None:
            raise ValueError("a part has no days")
        return TrainingWindow(
            usecase=document["usecase"],
            as_of=parse_instant(document["as_of"]),
            label_delay_days=document["label_delay_days"],
            embargo_days=document["embargo_days"],
            history=days.get("history"),
            train=train,
            validation=validation,
            holdout=holdout,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError(
            "this is not a training window",
            found=f"{type(error).__name__}: {error}",
            expected="usecase, as_of, label_delay_days, embargo_days and the days of each part",
        ) from error


def window_files(document: Mapping[str, Any], dataset: str) -> dict[str, Mapping[str, Any]]:
    """The files of a dataset that a run reads, by name, each with its line of ``window.json``.

    A partition's file has the name that it has in its dataset; that of a revision which was
    superseded before as_of has its number besides. document: ``window.json``, or the inputs in a
    bundle, both with ``datasets`` and, where something was superseded, ``superseded``.

    >>> new, old = ({"partition": "2024-01-03", "revision": number} for number in (2, 1))
    >>> [*window_files({"datasets": {"visits": [new]}, "superseded": {"visits": [old]}}, "visits")]
    ['2024-01-03.parquet', '2024-01-03.r1.parquet']
    """
    newest = document["datasets"][dataset]
    before = document.get("superseded", {}).get(dataset, ())
    return {
        **{f"{line['partition']}.parquet": line for line in newest},
        **{f"{line['partition']}.r{line['revision']}.parquet": line for line in before},
    }


def _check_start(config: UseCaseConfig, as_of: datetime) -> None:
    said = instant(as_of)
    if Partition.at(as_of).day < config.training.start:
        raise Refused(
            "training starts later than this as_of",
            usecase=config.name,
            found=said,
            expected=f"{config.training.start} or later",
        )


def _minimum(config: UseCaseConfig) -> int:
    training = config.training
    return min(training.train_days, training.validation_days + training.holdout_days)


def _before(last: date, count: int) -> Days:
    return Days(last - timedelta(days=count - 1), last)


def _eve(days: Days) -> date:
    return days.first - timedelta(days=1)


def _clip(days: Days, start: date) -> Days | None:
    return Days(max(days.first, start), days.last) if days.last >= start else None


def _days(value: Any) -> Days | None:
    return Days.of(value) if value else None
