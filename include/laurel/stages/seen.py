"""See a night's own rows once, batch by batch: published scores over features as known now."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.losses import sum_losses
from laurel.domain.objective import Numbers, Objective, judged_objective
from laurel.domain.objective.base import DECISION
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts, bin_counts, empty_counts, merge
from laurel.domain.report import Skew
from laurel.domain.sampling import MEASURED, REFERENCE_ROWS, sample_rows
from laurel.errors import DataError
from laurel.usecase import UseCase

SAME_SCORE = 1e-6


@dataclass(frozen=True)
class Part:
    """Some of a night's rows, one line for each in every table, in the same order."""

    features: pd.DataFrame
    """By the champion's own code, as they are known now."""
    predictions: pd.DataFrame
    """As published: its scores, and ``decision`` where the objective decides."""
    rescored: NDArray[np.floating[Any]] | None = None
    """The champion's scores on ``features``, computed anew."""
    losses: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """The losses to be expected of each row, where the model can say."""


@dataclass(frozen=True)
class Seen:
    """What a report needs of the night's own rows; as large for many rows as for few."""

    rows: int
    counts: Counts
    """Over the bins of the champion's profile, with what was decided and the losses expected."""
    scores: Numbers
    """Published scores of all rows, or of :data:`MEASURED` of them, evenly taken."""
    sample: pd.DataFrame
    """Feature rows, those with the least hashes of what was evenly taken."""
    mean_scores: Mapping[str, float]
    decided: Mapping[str, float]
    """Shares of what was decided: of positives, or of each class; empty where nothing is."""
    skew: Skew | None = None
    """``None`` where nothing was scored anew, or nothing at all."""


def see(
    usecase: UseCase,
    parts: Iterable[Part],
    *,
    profile: Mapping[str, Any],
    rows: int,
    partition: Partition,
) -> Seen:
    """See all parts of a night once; one part is in memory at a time.

    rows: how many there are in all. Raises :class:`DataError` when columns or features are
    missing, or when features and predictions are not the same rows.
    """
    objective = judged_objective(usecase.config)
    found = _Sight(objective, profile, step=max(1, -(-rows // MEASURED)))
    for part in parts:
        expect_columns(part.predictions, _columns(objective), usecase=usecase, partition=partition)
        found.take(part)
    return found.seen()


def expect_columns(
    frame: pd.DataFrame, columns: Iterable[str], *, usecase: UseCase, partition: Partition
) -> None:
    """Raise :class:`DataError` where a table of predictions lacks columns."""
    expected = list(columns)
    missing = [name for name in expected if name not in frame.columns]
    if missing:
        raise DataError(
            "columns are missing for the report",
            usecase=usecase.name,
            dataset="predictions",
            partition=partition.key,
            found=", ".join(map(str, frame.columns)) or "no column",
            expected=", ".join(expected),
        )


class _Sight:
    """Sums over the parts that were taken so far."""

    def __init__(self, objective: Objective, profile: Mapping[str, Any], *, step: int) -> None:
        self._objective, self._profile, self._step = objective, profile, step
        self._counts: list[Counts] = []
        self._scores: list[Numbers] = []
        self._sample: pd.DataFrame | None = None
        self._sums = np.zeros((2, objective.width))
        self._skew: Skew | None = None
        self._rows = 0

    def take(self, part: Part) -> None:
        """Add the rows of a part."""
        scores = self._objective.scores(part.predictions, self._objective.score_columns)
        counts = bin_counts(self._profile, part.features, scores, decided=_decided(part))
        if part.losses:
            counts = {**counts, "losses": sum_losses(part.losses)}
        self._counts = [reduce(merge, [*self._counts, counts])]
        wide = scores.reshape(len(scores), self._objective.width)
        self._sums += [np.nansum(wide, axis=0), (~np.isnan(wide)).sum(axis=0)]
        # row numbers, of the whole partition, that are multiples of the step
        places = np.arange(-self._rows % self._step, len(scores), self._step)
        self._scores.append(scores[places])
        picked = sample_rows(part.features.iloc[places], most=REFERENCE_ROWS)
        kept = [] if self._sample is None else [self._sample]
        self._sample = sample_rows(
            pd.concat([*kept, picked], ignore_index=True), most=REFERENCE_ROWS
        )
        self._skew = _added(self._skew, _skew(scores, part.rescored))
        self._rows += len(scores)

    def seen(self) -> Seen:
        """What was found, also of no part."""
        counts = self._counts[0] if self._counts else empty_counts(self._profile)
        none = np.empty((0, self._objective.width) if self._objective.classes else 0)
        with np.errstate(invalid="ignore"):
            means = self._sums[0] / self._sums[1]
        return Seen(
            rows=self._rows,
            counts=counts,
            scores=np.concatenate([none, *self._scores]),
            sample=pd.DataFrame() if self._sample is None else self._sample,
            mean_scores=dict(zip(self._objective.score_columns, map(float, means), strict=True)),
            decided=_shares(counts, self._objective),
            skew=self._skew,
        )


def _columns(objective: Objective) -> tuple[str, ...]:
    return (*objective.score_columns, *((DECISION,) if objective.decision else ()))


def _decided(part: Part) -> pd.Series[Any] | None:
    said = part.predictions.get(DECISION)
    return None if said is None or not said.notna().any() else said


def _shares(counts: Counts, objective: Objective) -> dict[str, float]:
    if "decided" not in counts:
        return {}
    levels = counts["decided"]["counts"]
    known = sum(levels.values())
    if not objective.classes:
        return {"positive": levels.get("True", 0) / known}
    return {str(each): levels.get(str(each), 0) / known for each in objective.classes}


def _skew(scores: NDArray[Any], rescored: NDArray[Any] | None) -> Skew | None:
    if rescored is None or not len(scores):
        return None
    now = np.asarray(rescored, dtype=float)
    gaps = np.abs(scores - now)
    # of probabilities a millionth, of other scores a millionth of their size
    same = gaps <= SAME_SCORE * np.maximum(1.0, np.abs(scores))
    differing = ~same & ~(np.isnan(scores) & np.isnan(now))
    largest = float(np.nanmax(gaps)) if np.isfinite(gaps).any() else math.nan
    rows = differing.reshape(len(scores), -1).any(axis=1)
    return Skew(rows=len(scores), differing=int(rows.sum()), largest=largest)


def _added(one: Skew | None, other: Skew | None) -> Skew | None:
    if one is None or other is None:
        return one or other
    return Skew(
        rows=one.rows + other.rows,
        differing=one.differing + other.differing,
        largest=float(np.fmax(one.largest, other.largest)),
    )
