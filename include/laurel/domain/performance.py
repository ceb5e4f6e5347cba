"""Realised performance where labels have matured, and an estimate where they have not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.objective import Objective
from laurel.domain.reliability import CalibrationBin, calibration

UNKNOWABLE = ("calibration_error",)
"""What scores say of themselves is always that it is nothing."""

__all__ = [
    "CalibrationBin",
    "DayPerformance",
    "EstimateError",
    "Gap",
    "NightEstimate",
    "Performance",
    "SlicePerformance",
    "SlicePeriod",
    "by_day",
    "by_slice",
    "calibration",
    "estimate",
    "matured",
    "measure",
]


@dataclass(frozen=True)
class Performance:
    """What is known of some scored rows; metrics are nan where they are undefined."""

    rows: int
    labelled: int
    mean_label: float
    """Mean of the matured labels, a share of positives or a number; nan of several classes."""
    mean_score: float
    """Mean score of the rows whose labels have matured; nan of several classes."""
    metrics: Mapping[str, float]
    outstanding: float = math.nan
    """Share of the rows whose labels have not matured; nan of no rows."""


@dataclass(frozen=True)
class DayPerformance:
    """The performance of one scored partition."""

    partition: str
    performance: Performance
    versions: tuple[str, ...] = ()
    """The model versions that scored it, sorted: more than one where keys were shared out."""
    mean_scores: Mapping[str, float] = field(default_factory=dict)
    """The mean of each score of a row, over all rows; nan of none."""


@dataclass(frozen=True)
class SlicePerformance:
    """The performance on the rows with one value of one column."""

    column: str
    value: str
    performance: Performance


@dataclass(frozen=True)
class SlicePeriod:
    """The performance of a slice over one whole week of the trailing window."""

    column: str
    value: str
    first: str
    """The first partition of the week."""
    last: str
    performance: Performance


@dataclass(frozen=True)
class Gap:
    """How far apart the slices of a column are over one week: those with enough labelled rows."""

    column: str
    protected: bool
    """Whether the gate is to protect the column's groups (``gate.protected``)."""
    first: str
    last: str
    metric: str
    """A metric, ``mean_label`` or ``mean_score``."""
    gap: float
    """The highest value minus the lowest."""
    highest: str
    """The slice that has it."""
    lowest: str


@dataclass(frozen=True)
class NightEstimate:
    """What a past night was expected to show before its labels came, and what it showed."""

    partition: str
    labelled: int
    outstanding: float
    """Share of its rows whose labels have not matured."""
    estimate: Mapping[str, float]
    realised: Mapping[str, float]


@dataclass(frozen=True)
class EstimateError:
    """How good the estimates of a metric were, over nights whose labels have matured."""

    nights: int
    bias: float
    """Mean of estimate minus realised."""
    absolute: float
    """Mean of its size."""
    largest: float
    """The largest size."""


def measure(frame: pd.DataFrame, *, objective: Objective) -> Performance:
    """Measure scored rows: the objective's score columns, and ``label`` as it was published.

    The label is missing until it has matured.

    >>> from laurel.domain.objective import OBJECTIVES
    >>> frame = pd.DataFrame({"score": [0.2, 0.9, 0.4], "label": [0, 1, None]})
    >>> measure(frame, objective=OBJECTIVES["binary"]).labelled
    2
    """
    labels, scores = matured(frame, objective=objective)
    one = bool(len(labels)) and not objective.classes
    return Performance(
        rows=len(frame),
        labelled=len(labels),
        outstanding=1 - len(labels) / len(frame) if len(frame) else math.nan,
        mean_label=float(labels.mean()) if one else math.nan,
        mean_score=float(scores.mean()) if one else math.nan,
        metrics={name: metric(labels, scores) for name, metric in objective.metrics.items()},
    )


def by_day(frame: pd.DataFrame, *, objective: Objective) -> tuple[DayPerformance, ...]:
    """Measure each ``partition`` of a frame, in order of time."""
    return tuple(
        DayPerformance(
            partition=str(day),
            performance=measure(rows, objective=objective),
            versions=tuple(sorted(rows["model_version"].astype(str).unique())),
            mean_scores={name: float(rows[name].mean()) for name in objective.score_columns},
        )
        for day, rows in frame.groupby(frame["partition"].astype(str), sort=True)
    )


def by_slice(
    frame: pd.DataFrame, columns: tuple[str, ...], *, objective: Objective, minimum_rows: int
) -> tuple[SlicePerformance, ...]:
    """Measure the values of some columns that have enough matured labels, sorted."""
    found = (
        SlicePerformance(column, str(value), measure(rows, objective=objective))
        for column in columns
        if column in frame.columns
        for value, rows in frame.groupby(frame[column].astype(str), sort=True)
    )
    return tuple(part for part in found if part.performance.labelled >= minimum_rows)


def estimate(scores: NDArray[Any], *, objective: Objective) -> dict[str, float]:
    """The metrics to be expected of rows without labels, if the scores are calibrated.

    Each row counts as one of each outcome, weighed by the probability that its scores give it;
    nothing is said where scores are no probabilities. Blind to a change of the relation between
    features and label: drift of concept shows only in labels.

    Source: confidence-based performance estimation, NannyML's documentation, 2022.

    >>> from laurel.domain.objective import OBJECTIVES
    >>> round(estimate(np.array([0.1, 0.9]), objective=OBJECTIVES["binary"])["auc"], 2)
    0.9
    """
    if not objective.probabilities:
        return {}
    given = np.asarray(scores, dtype=float)
    known = given[~np.isnan(given).reshape(len(given), objective.width).any(axis=1)]
    shares = known.T if objective.classes else np.stack([1 - known, known])
    outcomes = range(len(shares))[::-1]
    labels = np.concatenate([np.full(len(known), outcome) for outcome in outcomes])
    weights = np.concatenate([shares[outcome] for outcome in outcomes])
    often = np.concatenate([known for _ in outcomes])
    return {
        name: metric.of_weighted(labels, often, weights) if len(known) else math.nan
        for name, metric in objective.metrics.items()
        if name not in UNKNOWABLE
    }


def matured(
    frame: pd.DataFrame, *, objective: Objective
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Labels as numbers and scores of the rows whose label has matured."""
    labels = objective.encode(frame["label"])
    scores = objective.scores(frame, objective.score_columns)
    known = ~np.isnan(labels)
    return labels[known], scores[known]
