"""Metrics of a binary classifier: labels 0 or 1, scores of shape (rows,)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from laurel.domain.metric.base import (
    CLIP,
    Floats,
    Metric,
    Weighted,
    Weights,
    binned_gaps,
    by_name,
    mean,
    prefix_sums,
    ratio,
)


def auc(labels: Floats, scores: Floats) -> Weighted:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order.

    Ties count one half (Mann and Whitney 1947; Hanley and McNeil 1982).
    """
    positives, negatives = _by_score(labels, scores)
    below = np.searchsorted(scores[negatives], scores[positives], side="left")
    through = np.searchsorted(scores[negatives], scores[positives], side="right")

    def compute(weights: Weights) -> Floats:
        won = np.take(weights, positives, axis=1)
        passed = prefix_sums(np.take(weights, negatives, axis=1))
        halves = np.take(passed, below, axis=1)
        halves += np.take(passed, through, axis=1)
        return ratio(np.einsum("bn,bn->b", won, halves), 2 * won.sum(axis=1) * passed[:, -1])

    return compute


def _average_precision(labels: Floats, scores: Floats) -> Weighted:
    """Mean precision over the positives, each at the threshold of its own score.

    The step-wise form, without interpolation (scikit-learn's ``average_precision_score``).
    """
    positives, negatives = _by_score(labels, scores)
    own = np.searchsorted(scores[positives], scores[positives], side="left")
    below = np.searchsorted(scores[negatives], scores[positives], side="left")

    def compute(weights: Weights) -> Floats:
        won = np.take(weights, positives, axis=1)
        found = prefix_sums(won)
        passed = prefix_sums(np.take(weights, negatives, axis=1))
        true = found[:, -1:] - np.take(found, own, axis=1)
        flagged = true + passed[:, -1:] - np.take(passed, below, axis=1)
        precision = np.divide(true, flagged, out=np.zeros(true.shape), where=flagged > 0)
        return ratio(np.einsum("bn,bn->b", won, precision), found[:, -1])

    return compute


def _log_loss(labels: Floats, scores: Floats) -> Weighted:
    """Mean negative log-likelihood, scores clipped to [1e-15, 1 - 1e-15] (Good 1952)."""
    clipped, positive = np.clip(scores, CLIP, 1 - CLIP), labels > 0
    # one logarithm a row: early stopping asks after every round
    losses = np.empty(len(labels))
    losses[positive] = -np.log(clipped[positive])
    losses[~positive] = -np.log1p(-clipped[~positive])
    return mean(losses)


def _brier(labels: Floats, scores: Floats) -> Weighted:
    """Mean squared difference between score and outcome (Brier 1950)."""
    return mean((scores - labels) ** 2)


def _calibration_error(labels: Floats, scores: Floats) -> Weighted:
    """Expected calibration error over ten equal bins of the score (Naeini et al. 2015).

    The bins' weighted mean of ``|mean score - observed rate|``. Its resamples lie a little higher
    than the metric itself, since noise in a bin only ever adds to an absolute value.
    """
    return binned_gaps(scores, scores - labels)


def _by_score(labels: Floats, scores: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = np.argsort(scores, kind="stable")
    positive = labels[order] > 0
    return order[positive], order[~positive]


BINARY = by_name(
    Metric("auc", bigger_is_better=True, prepare=auc),
    Metric("average_precision", bigger_is_better=True, prepare=_average_precision),
    Metric("log_loss", bigger_is_better=False, prepare=_log_loss),
    Metric("brier", bigger_is_better=False, prepare=_brier),
    Metric("calibration_error", bigger_is_better=False, prepare=_calibration_error),
)
"""Metrics of a binary classifier, by name."""
