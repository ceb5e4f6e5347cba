"""Trials of a search: what was tried, what came of it, and which is the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from laurel.errors import IntegrityError

TUNING, BEST, SEARCH, TRIALS = "tuning", "best.json", "search.json", "trials.jsonl"
"""The output of a search, and the files in it."""
State = Literal["complete", "pruned"]


@dataclass(frozen=True)
class Point:
    """Where a trial stands after some rounds."""

    fitted: int
    """Rounds that every fold was fitted so far."""
    rounds: int
    """Of them, the number after which the mean of what early stopping watches was best."""
    folds: tuple[float, ...]
    """The metric that is optimised, for each fold after ``rounds`` rounds."""
    ends: bool = False
    """Whether the trial came to its own end here."""

    @property
    def value(self) -> float:
        """The mean over the folds."""
        return sum(self.folds) / len(self.folds)


@dataclass(frozen=True)
class Trial:
    """One set of parameters and what came of it."""

    number: int
    """From 1 on: the first has the parameters that the use case itself names."""
    params: Mapping[str, Any]
    """The values of what is searched."""
    reports: tuple[Point, ...]
    """What the pruner was told, and where the trial ended."""

    @property
    def state(self) -> State:
        """``pruned`` where it was ended before its own end."""
        return "complete" if self.last.ends else "pruned"

    @property
    def last(self) -> Point:
        """Where it ended."""
        return self.reports[-1]

    @property
    def value(self) -> float:
        """The mean of the metric over the folds; for a pruned one where it was ended."""
        return self.last.value

    def document(self) -> dict[str, Any]:
        """Plain JSON values, as :func:`read_trial` reads them."""
        last = self.last
        return {
            "number": self.number,
            "params": dict(self.params),
            "state": self.state,
            "value": last.value,
            "folds": list(last.folds),
            "rounds": last.rounds,
            "pruned_at": last.fitted if self.state == "pruned" else None,
            "reports": [[p.fitted, p.rounds, list(p.folds)] for p in self.reports],
        }


def read_trial(document: Mapping[str, Any]) -> Trial:
    """Read what :meth:`Trial.document` wrote; raises :class:`IntegrityError`."""
    try:
        said, whole = list(document["reports"]), document["state"] == "complete"
        reports = tuple(
            Point(fitted, rounds, tuple(map(float, folds)), ends=whole and place == len(said))
            for place, (fitted, rounds, folds) in enumerate(said, 1)
        )
        trial = Trial(int(document["number"]), dict(document["params"]), reports)
        if trial.document() != dict(document):
            raise ValueError("its parts do not agree")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise IntegrityError(
            "this is not a trial", found=f"{type(error).__name__}: {error}"
        ) from error
    return trial


def ranked(trials: Iterable[Trial], *, bigger_is_better: bool) -> list[Trial]:
    """Whole trials from the best on, then the pruned ones; of equal ones the earlier first."""
    sign = -1 if bigger_is_better else 1

    def rank(trial: Trial) -> tuple[bool, float, int]:
        return trial.state == "pruned", sign * trial.value, trial.number

    return sorted(trials, key=rank)


def best_of(trials: Iterable[Trial], *, bigger_is_better: bool) -> Trial:
    """The best whole trial, of equal ones the first; raises ``ValueError`` where there is none."""
    whole = [trial for trial in trials if trial.state == "complete"]
    if not whole:
        raise ValueError("no trial came to its own end")
    return ranked(whole, bigger_is_better=bigger_is_better)[0]


def best_so_far(trials: Sequence[Trial], *, bigger_is_better: bool) -> list[float | None]:
    """After each trial the best value of a whole one; ``None`` before the first.

    >>> point = Point(1, 1, (0.5,), ends=True)
    >>> best_so_far([Trial(1, {}, (point,))], bigger_is_better=False)
    [0.5]
    """
    found: list[float | None] = []
    for trial in trials:
        best = found[-1] if found else None
        if trial.state == "complete":
            values = [trial.value] if best is None else [best, trial.value]
            best = max(values) if bigger_is_better else min(values)
        found.append(best)
    return found
