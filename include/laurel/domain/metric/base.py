"""What a metric is: a name, a direction, and a computation over rows that weigh.

Every metric is written once, for rows that count several times. With weights of one it is the
metric itself, with the counts of a bootstrap resample it is the metric of that resample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Weights = NDArray[Any]
"""How often each row counts: whole numbers in a resample, or any numbers."""
Weighted = Callable[[Weights], Floats]
"""Weights of shape (resamples, rows) → one value per resample; nan where it is undefined."""

CLIP = 1e-15
BINS = 10
ROUNDING = 1e-12
"""What varies by less than this share of itself does not vary."""


@dataclass(frozen=True)
class Metric:
    """One metric: its name, its direction, and how it is computed."""

    name: str
    bigger_is_better: bool
    prepare: Callable[[Floats, Floats], Weighted]
    """Labels of shape (rows,) and scores of shape (rows,) or (rows, classes) → a function of
    weights."""

    def __call__(self, labels: NDArray[Any], scores: NDArray[Any]) -> float:
        """The metric of these rows; nan where it is undefined (no rows, or a missing class).

        >>> from laurel.domain.metric.binary import BINARY
        >>> BINARY["auc"](np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
        0.75
        """
        return float(self.weighted(labels, scores)(np.ones((1, len(labels))))[0])

    def of_weighted(
        self, labels: NDArray[Any], scores: NDArray[Any], weights: NDArray[Any]
    ) -> float:
        """The metric of rows that weigh; weights: shape (rows,)."""
        return float(self.weighted(labels, scores)(np.asarray(weights, np.float64)[None, :])[0])

    def weighted(self, labels: NDArray[Any], scores: NDArray[Any]) -> Weighted:
        """Sort and bin the rows once; the result computes any number of resamples."""
        labels, scores = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
        if np.isnan(scores).any():
            return lambda weights: np.full(len(weights), np.nan)
        return self.prepare(labels, scores)

    def gain(self, value: Floats, reference: Floats) -> Floats:
        """By how much ``value`` is better than ``reference``: above zero is better, always."""
        return value - reference if self.bigger_is_better else reference - value


def by_name(*metrics: Metric) -> Mapping[str, Metric]:
    """Metrics by name, in their order, not to be changed."""
    return MappingProxyType({metric.name: metric for metric in metrics})


def mean(losses: Floats) -> Weighted:
    """The weighted mean of what each row loses."""

    # einsum and not @: a matrix product's last digits depend on BLAS's number of threads
    def compute(weights: Weights) -> Floats:
        return ratio(total(weights, losses), weights.sum(axis=1))

    return compute


def total(weights: Weights, values: Floats) -> Floats:
    """The weighted sum over rows, one per resample."""
    sums: Floats = np.einsum("bn,n->b", weights, values)
    return sums


def ratio(top: Floats, bottom: NDArray[Any]) -> Floats:
    """A quotient per resample; nan where the lower part is not above zero."""
    undefined: Floats = np.full(len(top), np.nan)
    np.divide(top, bottom, out=undefined, where=bottom > 0)
    return undefined


def prefix_sums(weights: Weights) -> NDArray[Any]:
    """Sums of the first 0, 1, 2 … columns: shape (resamples, rows + 1), whole where weights are."""
    kind = np.int64 if weights.dtype.kind in "iu" else np.float64
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1), kind)
    np.cumsum(weights, axis=1, dtype=kind, out=sums[:, 1:])
    return sums


def binned_gaps(confidence: Floats, residual: Floats) -> Weighted:
    """The weighted mean of ``|mean residual|`` over ten equal bins of a confidence in [0, 1]."""
    bins = np.minimum(confidence * BINS, BINS - 1).astype(int)
    members = [np.flatnonzero(bins == number) for number in np.unique(bins)]

    def compute(weights: Weights) -> Floats:
        gaps = np.zeros(len(weights))
        for rows in members:
            gaps += np.abs(total(np.take(weights, rows, axis=1), residual[rows]))
        return ratio(gaps, weights.sum(axis=1))

    return compute
