"""Metrics of a binary classifier: each knows whether bigger is better, and weighs its rows.

Every metric is written once, for rows that count several times. With weights of one it is the
metric itself, with the counts of a bootstrap resample it is the metric of that resample.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laurel.errors import ConfigError

Floats = NDArray[np.float64]
Weighted = Callable[[Floats], Floats]
"""Weights of shape (resamples, rows) → one value per resample; nan where it is undefined."""

CLIP = 1e-15
BINS = 10


@dataclass(frozen=True)
class Metric:
    """One metric: its name, its direction, and how it is computed."""

    name: str
    bigger_is_better: bool
    prepare: Callable[[Floats, Floats], Weighted]
    """Labels (0 or 1) and scores of shape (rows,) → a function of weights."""

    def __call__(self, labels: NDArray[Any], scores: NDArray[Any]) -> float:
        """The metric of these rows; nan where it is undefined (no rows, or a missing class).

        >>> METRICS["auc"](np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
        0.75
        """
        return float(self.weighted(labels, scores)(np.ones((1, len(labels))))[0])

    def weighted(self, labels: NDArray[Any], scores: NDArray[Any]) -> Weighted:
        """Sort and bin the rows once; the result computes any number of resamples."""
        return self.prepare(np.asarray(labels, np.float64), np.asarray(scores, np.float64))

    def gain(self, value: Floats, reference: Floats) -> Floats:
        """By how much ``value`` is better than ``reference``: above zero is better, always."""
        return value - reference if self.bigger_is_better else reference - value


def get_metric(name: str) -> Metric:
    """The metric of that name; raises :class:`ConfigError` naming the near match."""
    if name not in METRICS:
        near = difflib.get_close_matches(name, METRICS, n=1)
        raise ConfigError(
            "there is no such metric",
            found=name,
            expected=", ".join(METRICS),
            hint=f"did you mean {near[0]!r}?" if near else None,
        )
    return METRICS[name]


def _auc(labels: Floats, scores: Floats) -> Weighted:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order.

    Ties count one half (Mann and Whitney 1947; Hanley and McNeil 1982).
    """
    positives, negatives, where = _by_score(labels, scores)
    below = np.searchsorted(scores[negatives], scores[positives], side="left")
    through = np.searchsorted(scores[negatives], scores[positives], side="right")

    def compute(weights: Floats) -> Floats:
        won = weights[:, positives]
        passed = _prefix_sums(weights[:, negatives])
        halves = passed[:, below] + passed[:, through]
        return _ratio(np.einsum("bn,bn->b", won, halves), 2 * won.sum(axis=1) * passed[:, -1])

    return _undefined_where_nan(compute, where)


def _average_precision(labels: Floats, scores: Floats) -> Weighted:
    """Mean precision over the positives, each at the threshold of its own score.

    The step-wise form, without interpolation (scikit-learn's ``average_precision_score``).
    """
    positives, negatives, where = _by_score(labels, scores)
    own = np.searchsorted(scores[positives], scores[positives], side="left")
    below = np.searchsorted(scores[negatives], scores[positives], side="left")

    def compute(weights: Floats) -> Floats:
        won = weights[:, positives]
        found = _prefix_sums(won)
        passed = _prefix_sums(weights[:, negatives])
        true = found[:, -1:] - found[:, own]
        flagged = true + passed[:, -1:] - passed[:, below]
        precision = np.divide(true, flagged, out=np.zeros_like(true), where=flagged > 0)
        return _ratio(np.einsum("bn,bn->b", won, precision), found[:, -1])

    return _undefined_where_nan(compute, where)


def _log_loss(labels: Floats, scores: Floats) -> Weighted:
    """Mean negative log-likelihood, scores clipped to [1e-15, 1 - 1e-15] (Good 1952)."""
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    return _mean(-(labels * np.log(clipped) + (1 - labels) * np.log1p(-clipped)))


def _brier(labels: Floats, scores: Floats) -> Weighted:
    """Mean squared difference between score and outcome (Brier 1950)."""
    return _mean((scores - labels) ** 2)


def _calibration_error(labels: Floats, scores: Floats) -> Weighted:
    """Expected calibration error over ten equal bins of the score (Naeini et al. 2015).

    The bins' weighted mean of ``|mean score - observed rate|``. Its resamples lie a little higher
    than the metric itself, since noise in a bin only ever adds to an absolute value.
    """
    bins = np.minimum(np.nan_to_num(scores) * BINS, BINS - 1).astype(int)
    members = [np.flatnonzero(bins == number) for number in np.unique(bins)]
    residual = scores - labels

    def compute(weights: Floats) -> Floats:
        gaps = np.zeros(len(weights))
        for rows in members:
            gaps += np.abs(np.einsum("bn,n->b", weights[:, rows], residual[rows]))
        return _ratio(gaps, weights.sum(axis=1))

    return compute


def _mean(losses: Floats) -> Weighted:
    # einsum and not @: a matrix product's last digits depend on BLAS's number of threads
    def compute(weights: Floats) -> Floats:
        return _ratio(np.einsum("bn,n->b", weights, losses), weights.sum(axis=1))

    return compute


def _by_score(labels: Floats, scores: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], bool]:
    order = np.argsort(scores, kind="stable")
    positive = labels[order] > 0
    return order[positive], order[~positive], bool(np.isnan(scores).any())


def _undefined_where_nan(compute: Weighted, undefined: bool) -> Weighted:
    return (lambda weights: np.full(len(weights), np.nan)) if undefined else compute


def _prefix_sums(weights: Floats) -> Floats:
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums


def _ratio(top: Floats, bottom: Floats) -> Floats:
    undefined: Floats = np.full(len(top), np.nan)
    return np.divide(top, bottom, out=undefined, where=bottom > 0)


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("auc", bigger_is_better=True, prepare=_auc),
            Metric("average_precision", bigger_is_better=True, prepare=_average_precision),
            Metric("log_loss", bigger_is_better=False, prepare=_log_loss),
            Metric("brier", bigger_is_better=False, prepare=_brier),
            Metric("calibration_error", bigger_is_better=False, prepare=_calibration_error),
        )
    }
)
"""All metrics by name."""
