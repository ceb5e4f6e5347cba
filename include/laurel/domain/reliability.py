"""The reliability curve: what was observed where a model predicted so much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laurel.domain.objective import Objective

BINS = 10
Z_95 = 1.959963984540054


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of neighbouring scores: the mean score, what was observed and its 95% interval."""

    rows: int
    mean_score: float
    observed: float
    low: float
    high: float


def calibration(
    labels: NDArray[Any], scores: NDArray[Any], *, objective: Objective, bins: int = BINS
) -> tuple[CalibrationBin, ...]:
    """The reliability curve over bins of equally many rows.

    Intervals are Wilson's of a rate where scores are probabilities (of several classes: that the
    most probable one is right), else those of a mean. Source: Wilson, Probable inference, the law
    of succession, and statistical inference, Journal of the American Statistical Association 22,
    1927.

    >>> from laurel.domain.objective import OBJECTIVES
    >>> labels, scores = np.array([0, 1, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    >>> curve = calibration(labels, scores, objective=OBJECTIVES["binary"], bins=2)
    >>> [point.observed for point in curve]
    [0.5, 1.0]
    """
    observed, predicted = objective.reliability(labels, scores)
    order = np.argsort(predicted, kind="stable")
    interval = _of_rate if objective.probabilities else _of_mean
    return tuple(
        CalibrationBin(
            len(members),
            float(predicted[members].mean()),
            float(observed[members].mean()),
            *interval(observed[members]),
        )
        for members in np.array_split(order, bins)
        if len(members)
    )


def _of_rate(outcomes: NDArray[Any]) -> tuple[float, float]:
    n, rate = len(outcomes), float(outcomes.mean())
    centre = (rate + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    half = Z_95 / (1 + Z_95**2 / n) * math.sqrt(rate * (1 - rate) / n + Z_95**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def _of_mean(values: NDArray[Any]) -> tuple[float, float]:
    middle, n = float(values.mean()), len(values)
    half = Z_95 * float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return middle - half, middle + half
