"""Metrics of a regression: labels and scores are numbers of one unit."""

from __future__ import annotations

import numpy as np

from laurel.domain.metric.base import (
    ROUNDING,
    Floats,
    Metric,
    Weighted,
    Weights,
    by_name,
    mean,
    prefix_sums,
    ratio,
    total,
)


def mae(labels: Floats, scores: Floats) -> Weighted:
    """Mean absolute error, in the unit of the label."""
    return mean(np.abs(scores - labels))


def rmse(labels: Floats, scores: Floats) -> Weighted:
    """Root of the mean squared error, in the unit of the label."""
    squares = mean((scores - labels) ** 2)
    return lambda weights: np.sqrt(squares(weights))


def _r2(labels: Floats, scores: Floats) -> Weighted:
    """Share of the labels' variance that is explained; undefined where they do not vary."""
    squares = (scores - labels) ** 2
    # the variance does not depend on where zero lies; near it, less is lost to rounding
    centred = labels - labels.mean() if len(labels) else labels

    def compute(weights: Weights) -> Floats:
        middle = ratio(total(weights, centred), weights.sum(axis=1))
        spread = total(weights, centred**2) - middle**2 * weights.sum(axis=1)
        real = spread > ROUNDING * total(weights, labels**2)
        return 1 - ratio(total(weights, squares), np.where(real, spread, 0.0))

    return compute


def _median_absolute_error(labels: Floats, scores: Floats) -> Weighted:
    """Weighted median of the absolute errors; the mean of the middle two where it lies between."""
    errors = np.abs(scores - labels)
    order = np.argsort(errors, kind="stable")
    errors = errors[order]

    def compute(weights: Weights) -> Floats:
        if not len(errors):
            return np.full(len(weights), np.nan)
        reached = prefix_sums(np.take(weights, order, axis=1))[:, 1:]
        half = reached[:, -1:] / 2
        low = errors[np.minimum((reached < half).sum(axis=1), len(errors) - 1)]
        high = errors[np.minimum((reached <= half).sum(axis=1), len(errors) - 1)]
        return np.where(half[:, 0] > 0, (low + high) / 2, np.nan)

    return compute


def _mape(labels: Floats, scores: Floats) -> Weighted:
    """Mean of ``|error / label|``; undefined as soon as one label is zero."""
    if (labels == 0).any():
        return lambda weights: np.full(len(weights), np.nan)
    return mean(np.abs((scores - labels) / labels))


def _smape(labels: Floats, scores: Floats) -> Weighted:
    """Mean of ``2 |error| / (|label| + |score|)``, zero where both are zero: 0 to 2.

    Source: Makridakis, Accuracy measures, International Journal of Forecasting 9, 1993.
    """
    size = np.abs(labels) + np.abs(scores)
    gaps = 2 * np.abs(scores - labels)
    return mean(np.divide(gaps, size, out=np.zeros_like(size), where=size > 0))


REGRESSION = by_name(
    Metric("rmse", bigger_is_better=False, prepare=rmse),
    Metric("mae", bigger_is_better=False, prepare=mae),
    Metric("median_absolute_error", bigger_is_better=False, prepare=_median_absolute_error),
    Metric("r2", bigger_is_better=True, prepare=_r2),
    Metric("mape", bigger_is_better=False, prepare=_mape),
    Metric("smape", bigger_is_better=False, prepare=_smape),
)
"""Metrics of a regression, by name."""
