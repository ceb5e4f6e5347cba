"""Realised performance where labels have matured, and an estimate where they have not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.metric import METRICS

CALIBRATION_BINS = 10
Z_95 = 1.959963984540054
ESTIMATED = ("auc", "average_precision", "log_loss", "brier")


@dataclass(frozen=True)
class Performance:
    """What is known of some scored rows; metrics are nan where they are undefined."""

    rows: int
    labelled: int
    base_rate: float
    """Share of positive labels among the matured ones."""
    mean_score: float
    """Mean score of the rows whose labels have matured."""
    metrics: Mapping[str, float]

    @property
    def outstanding(self) -> float:
        """Share of the rows whose labels have not matured; nan of no rows."""
        return 1 - self.labelled / self.rows if self.rows else math.nan


@dataclass(frozen=True)
class DayPerformance:
    """The performance of one scored partition."""

    partition: str
    performance: Performance


@dataclass(frozen=True)
class SlicePerformance:
    """The performance on the rows with one value of one column."""

    column: str
    value: str
    performance: Performance


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of neighbouring scores: the mean score, the observed rate and its 95% interval."""

    rows: int
    mean_score: float
    observed: float
    low: float
    high: float


def measure(frame: pd.DataFrame) -> Performance:
    """Measure scored rows with columns ``score`` and ``label`` (missing until it has matured).

    >>> measure(pd.DataFrame({"score": [0.2, 0.9, 0.4], "label": [0, 1, None]})).labelled
    2
    """
    labels, scores = matured(frame)
    return Performance(
        rows=len(frame),
        labelled=len(labels),
        base_rate=float(labels.mean()) if len(labels) else math.nan,
        mean_score=float(scores.mean()) if len(labels) else math.nan,
        metrics={name: metric(labels, scores) for name, metric in METRICS.items()},
    )


def by_day(frame: pd.DataFrame) -> tuple[DayPerformance, ...]:
    """Measure each ``partition`` of a frame, in order of time."""
    days = frame.groupby(frame["partition"].astype(str), sort=True)
    return tuple(DayPerformance(str(day), measure(rows)) for day, rows in days)


def by_slice(
    frame: pd.DataFrame, columns: tuple[str, ...], *, minimum_rows: int
) -> tuple[SlicePerformance, ...]:
    """Measure the values of some columns that have enough matured labels, sorted."""
    found = (
        SlicePerformance(column, str(value), measure(rows))
        for column in columns
        if column in frame.columns
        for value, rows in frame.groupby(frame[column].astype(str), sort=True)
    )
    return tuple(part for part in found if part.performance.labelled >= minimum_rows)


def calibration(
    labels: NDArray[Any], scores: NDArray[Any], *, bins: int = CALIBRATION_BINS
) -> tuple[CalibrationBin, ...]:
    """The reliability curve over bins of equally many rows, with Wilson's intervals.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, Journal
    of the American Statistical Association 22, 1927.

    >>> [point.observed for point in calibration(np.array([0, 1, 1, 1]),
    ...                                          np.array([0.1, 0.2, 0.8, 0.9]), bins=2)]
    [0.5, 1.0]
    """
    order = np.argsort(scores, kind="stable")
    return tuple(
        _point(labels[members], scores[members])
        for members in np.array_split(order, bins)
        if len(members)
    )


def estimate(scores: NDArray[Any]) -> dict[str, float]:
    """The metrics to be expected of rows without labels, if the scores are calibrated.

    Each row counts as a positive with weight ``score`` and as a negative with the rest. Blind to
    a change of the relation between features and label: drift of concept shows only in labels.

    Source: confidence-based performance estimation, NannyML's documentation, 2022.

    >>> round(estimate(np.array([0.1, 0.9]))["auc"], 2)
    0.9
    """
    known = np.asarray(scores, dtype=float)
    known = known[~np.isnan(known)]
    labels = np.concatenate([np.ones(len(known)), np.zeros(len(known))])
    weights = np.concatenate([known, 1 - known])[np.newaxis]
    twice = np.concatenate([known, known])
    return {
        name: float(METRICS[name].weighted(labels, twice)(weights)[0]) if len(known) else math.nan
        for name in ESTIMATED
    }


def matured(frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Labels and scores of the rows whose label has matured."""
    labels = frame["label"].to_numpy(dtype="float64", na_value=np.nan)
    scores = frame["score"].to_numpy(dtype="float64", na_value=np.nan)
    known = ~np.isnan(labels)
    return labels[known], scores[known]


def _point(labels: NDArray[Any], scores: NDArray[Any]) -> CalibrationBin:
    n, rate = len(labels), float(labels.mean())
    centre = (rate + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    half = Z_95 / (1 + Z_95**2 / n) * math.sqrt(rate * (1 - rate) / n + Z_95**2 / (4 * n**2))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return CalibrationBin(n, float(scores.mean()), rate, low, high)
