"""The classifier two-sample test: can a model tell the rows of two windows apart?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from laurel.domain.chance import normal_tail


@dataclass(frozen=True)
class Separation:
    """How well a small classifier tells this window's rows from the reference's.

    Source: Lopez-Paz and Oquab, Revisiting classifier two-sample tests, ICLR 2017.
    """

    auc: float
    """Area under the ROC curve out of fold: 0.5 when the windows are alike; nan where undefined."""
    p_value: float
    """Of the Mann-Whitney test that the area is 0.5, one-sided; nan where undefined."""
    reference_rows: int
    """Sampled rows of the reference."""
    rows: int
    """Sampled rows of this window."""
    features: Mapping[str, float]
    """What the classifier goes by: feature → share of its gain, the largest first."""
    constant: tuple[str, ...] = ()
    """Features left out because they have one value in this window and others in the reference:
    each tells the windows apart by itself, and is judged by itself."""


def area_of(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> tuple[float, float]:
    """The area under the ROC curve of two groups' scores, and its variance where they are alike.

    Source: Mann and Whitney, On a test of whether one of two random variables is stochastically
    larger than the other, Annals of Mathematical Statistics 18(1), 1947; with ties.

    >>> area_of(np.array([0.9, 0.8]), np.array([0.1, 0.2]))[0]
    1.0
    """
    n, m = len(ours), len(theirs)
    if not n or not m:
        return math.nan, math.nan
    together = np.concatenate([ours, theirs])
    _, place, ties = np.unique(together, return_inverse=True, return_counts=True)
    # equal scores share the mean of their ranks
    ranks = ties.cumsum() - (ties - 1) / 2
    area = (ranks[place[:n]].sum() - n * (n + 1) / 2) / (n * m)
    tied = float((ties.astype(float) ** 3 - ties).sum()) / ((n + m) * (n + m - 1))
    return float(area), float((n + m + 1 - tied) / (12 * n * m))


def p_value_of(areas: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The mean area over folds, and the one-sided p-value that it is 0.5 but for chance.

    >>> p_value_of([(0.5, 0.01), (0.5, 0.01)])
    (0.5, 0.5)
    """
    mean = sum(area for area, _ in areas) / len(areas)
    error = math.sqrt(sum(variance for _, variance in areas)) / len(areas)
    if math.isnan(error) or error == 0:
        return mean, math.nan
    return mean, normal_tail((mean - 0.5) / error)
