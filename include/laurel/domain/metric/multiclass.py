"""Metrics of a classifier of several classes: labels 0, 1, 2 …, scores of shape (rows, classes).

A class counts by its number, which is its place among the declared classes.
"""

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
    ratio,
)
from laurel.domain.metric.binary import auc


def _log_loss(labels: Floats, scores: Floats) -> Weighted:
    """Mean negative log-likelihood of the own class, clipped to [1e-15, 1 - 1e-15] (Good 1952)."""
    return mean(-np.log(np.clip(_of_own_class(labels, scores), CLIP, 1 - CLIP)))


def _brier(labels: Floats, scores: Floats) -> Weighted:
    """Mean over rows of the squared differences, summed over classes (Brier 1950): 0 to 2."""
    return mean(((scores - _one_hot(labels, scores)) ** 2).sum(axis=1))


def _accuracy(labels: Floats, scores: Floats) -> Weighted:
    """Share of rows whose most probable class is their own."""
    return mean((_predicted(scores) == labels).astype(np.float64))


def _balanced_accuracy(labels: Floats, scores: Floats) -> Weighted:
    """Mean over the classes that occur of the share of their rows that are found."""
    own = _one_hot(labels, scores)
    right = own * (_predicted(scores) == labels)[:, None]

    def compute(weights: Weights) -> Floats:
        rows, found = _sums(weights, own), _sums(weights, right)
        recall = np.divide(found, rows, out=np.zeros_like(found), where=rows > 0)
        return ratio(recall.sum(axis=1), (rows > 0).sum(axis=1).astype(np.float64))

    return compute


def _macro_f1(labels: Floats, scores: Floats) -> Weighted:
    """Mean of the classes' F1 (van Rijsbergen 1979), over those that occur or are predicted."""
    own, said = _one_hot(labels, scores), _one_hot(_predicted(scores), scores)

    def compute(weights: Weights) -> Floats:
        both = _sums(weights, own) + _sums(weights, said)
        right = 2 * _sums(weights, own * said)
        f1 = np.divide(right, both, out=np.zeros_like(both), where=both > 0)
        return ratio(f1.sum(axis=1), (both > 0).sum(axis=1).astype(np.float64))

    return compute


def _macro_auc(labels: Floats, scores: Floats) -> Weighted:
    """Mean of each class's area under the ROC curve against the rest (Provost and Domingos 2000).

    Undefined where a class does not occur.
    """
    parts = [
        auc((labels == number).astype(np.float64), scores[:, number])
        for number in range(scores.shape[1])
    ]

    def compute(weights: Weights) -> Floats:
        areas: Floats = np.array([part(weights) for part in parts])
        return np.asarray(areas.mean(axis=0))

    return compute


def _calibration_error(labels: Floats, scores: Floats) -> Weighted:
    """Expected calibration error of the most probable class (Guo et al. 2017)."""
    confidence = scores.max(axis=1, initial=0.0)
    return binned_gaps(confidence, confidence - (_predicted(scores) == labels))


def _predicted(scores: Floats) -> NDArray[np.intp]:
    return scores.argmax(axis=1) if len(scores) else np.empty(0, np.intp)


def _of_own_class(labels: Floats, scores: Floats) -> Floats:
    own: Floats = np.take_along_axis(scores, labels.astype(int)[:, None], axis=1)[:, 0]
    return own


def _one_hot(labels: NDArray[np.number], scores: Floats) -> Floats:
    return np.asarray(labels[:, None] == np.arange(scores.shape[1]), np.float64)


def _sums(weights: Weights, columns: Floats) -> Floats:
    sums: Floats = np.einsum("bn,nk->bk", weights, columns)
    return sums


MULTICLASS = by_name(
    Metric("log_loss", bigger_is_better=False, prepare=_log_loss),
    Metric("macro_auc", bigger_is_better=True, prepare=_macro_auc),
    Metric("accuracy", bigger_is_better=True, prepare=_accuracy),
    Metric("balanced_accuracy", bigger_is_better=True, prepare=_balanced_accuracy),
    Metric("macro_f1", bigger_is_better=True, prepare=_macro_f1),
    Metric("brier", bigger_is_better=False, prepare=_brier),
    Metric("calibration_error", bigger_is_better=False, prepare=_calibration_error),
)
"""Metrics of a classifier of several classes, by name."""
