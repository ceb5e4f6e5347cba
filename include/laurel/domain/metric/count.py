"""Metrics of counts: labels 0, 1, 2 …, scores the counts that were expected, above zero."""

from __future__ import annotations

import numpy as np

from laurel.domain.metric.base import (
    CLIP,
    ROUNDING,
    Floats,
    Metric,
    Weighted,
    Weights,
    by_name,
    mean,
    ratio,
    total,
)
from laurel.domain.metric.regression import mae, rmse


def _poisson_deviance(labels: Floats, scores: Floats) -> Weighted:
    """Mean unit deviance of the Poisson distribution (McCullagh and Nelder 1989): 0 is best.

    Expected counts are clipped to at least 1e-15.
    """
    return mean(_deviances(labels, scores))


def _deviance_explained(labels: Floats, scores: Floats) -> Weighted:
    """Share of the deviance from the mean count that is explained (D²).

    Undefined where nothing was counted, or the same everywhere.
    """
    losses = _deviances(labels, scores)
    logs = _times_log(labels)

    def compute(weights: Weights) -> Floats:
        rows = weights.sum(axis=1)
        middle = ratio(total(weights, labels), rows)
        # the deviance from the mean: what is linear in the labels sums to nothing
        of_mean = 2 * (total(weights, logs) - rows * _times_log(middle))
        real = of_mean > ROUNDING * total(weights, np.abs(logs))
        return 1 - ratio(total(weights, losses), np.where(real, of_mean, 0.0))

    return compute


def _bias(labels: Floats, scores: Floats) -> Weighted:
    """``|sum of expected counts / sum of counts - 1|``; undefined where nothing was counted."""

    def compute(weights: Weights) -> Floats:
        return np.abs(ratio(total(weights, scores), total(weights, labels)) - 1)

    return compute


def _deviances(labels: Floats, scores: Floats) -> Floats:
    expected = np.maximum(scores, CLIP)
    return 2 * (_times_log(labels) - labels * np.log(expected) - labels + expected)


def _times_log(values: Floats) -> Floats:
    """``v log v``, which is zero at zero."""
    return values * np.log(np.where(values > 0, values, 1.0))


COUNT = by_name(
    Metric("poisson_deviance", bigger_is_better=False, prepare=_poisson_deviance),
    Metric("deviance_explained", bigger_is_better=True, prepare=_deviance_explained),
    Metric("mae", bigger_is_better=False, prepare=mae),
    Metric("rmse", bigger_is_better=False, prepare=rmse),
    Metric("bias", bigger_is_better=False, prepare=_bias),
)
"""Metrics of counts, by name."""
