"""What the sketches of two windows tell of one column, finer than the coarse bins do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from laurel.domain.chance import kolmogorov_tail
from laurel.domain.entry import describe, shape_of
from laurel.domain.sketch import UNKNOWN, Description, Shape, ks_distance, wasserstein


@dataclass(frozen=True)
class Contrast:
    """Two windows of one column; nan where undefined or where no sketch was kept."""

    then: Description = UNKNOWN
    """The reference."""
    now: Description = UNKNOWN
    """This window."""
    ks: float = math.nan
    """Kolmogorov-Smirnov distance over 190 bins of equal mass; undefined of categories."""
    ks_p_value: float = math.nan
    """Of the two-sample Kolmogorov-Smirnov test."""
    wasserstein: float = math.nan
    """First Wasserstein distance, in the unit of the values."""
    wasserstein_std: float = math.nan
    """The same in standard deviations of the reference."""


def contrast(
    reference: Mapping[str, Any], current: Mapping[str, Any], profile: Mapping[str, Any]
) -> Contrast:
    """Lay the sketches of two entries side by side; ``profile`` is the entry that has the edges.

    The p-value is that of Kolmogorov's limit, corrected for the number of rows; of binned values
    it errs upward, since the distance is a lower bound.

    Source: Stephens, Use of the Kolmogorov-Smirnov, Cramér-von Mises and related statistics without
    extensive tables, Journal of the Royal Statistical Society B 32(1), 1970.

    >>> import numpy as np
    >>> from laurel.domain.entry import count_numbers, describe_numbers
    >>> then = describe_numbers(np.arange(1000.0), kind="numeric")
    >>> found = contrast(then, count_numbers(np.arange(1000.0) + 100, then), then)
    >>> round(found.wasserstein), round(found.ks, 3), found.ks_p_value < 1e-4
    (100, 0.1, True)
    """
    then, now = describe(reference, profile), describe(current, profile)
    left, right = shape_of(reference, profile), shape_of(current, profile)
    if left is None or right is None:
        return Contrast(then=then, now=now)
    distance, area = ks_distance(left, right), wasserstein(left, right)
    # never below the distance of the means, which are known exactly
    moved = max(area, abs(now.mean - then.mean)) if area >= 0 else area
    return Contrast(
        then=then,
        now=now,
        ks=distance,
        ks_p_value=_ks_p_value(distance, left, right),
        wasserstein=moved,
        wasserstein_std=moved / then.std if then.std > 0 else math.nan,
    )


def _ks_p_value(distance: float, left: Shape, right: Shape) -> float:
    n, m = sum(left.counts), sum(right.counts)
    if not n or not m:
        return math.nan
    root = math.sqrt(n / (n + m) * m)
    return kolmogorov_tail((root + 0.12 + 0.11 / root) * distance)
