"""A sketch of numbers: a fine histogram and exact moments, small, mergeable, the same in any order.

Edges, centre and unit come from the reference, so sketches of two windows add up. Sums are whole
numbers of units: adding them is exact, and no digit depends on how rows were cut into batches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FINE = 190
"""Fine bins of equal mass: each holds half a percent of the reference."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TAILS = (500, 1_000, 2_000, 5_000)
"""One row in so many lies beyond these edges, on either side."""
BEYOND = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Standard deviations beyond the range of the reference at which there are edges too."""
UNITS = 2**16
"""Units of a standard deviation of the reference: moments are exact to half a unit per value."""
FARTHEST = 2**31 - 1
"""Units from the centre beyond which a value counts as that far: 32,768 standard deviations."""


@dataclass(frozen=True)
class Description:
    """What the values of a window are like; nan where undefined."""

    rows: int
    """Rows, those without a value too."""
    missing: float
    """Share of rows without a value."""
    mean: float
    """Mean of the finite values."""
    std: float
    """Standard deviation of the finite values, over n."""
    least: float
    """The least finite value."""
    largest: float
    """The largest finite value."""
    quantiles: Mapping[str, float] = field(default_factory=dict)
    """Quantile → value. Of a window it is read from the fine histogram."""
    levels: int | None = None
    """How many different categories occur; ``None`` of a number."""


UNKNOWN = Description(0, math.nan, math.nan, math.nan, math.nan, math.nan)
"""Of no rows."""


def fine_edges(ordered: Floats) -> tuple[list[float], bool]:
    """Edges at quantiles of sorted finite values, and whether they are all values there are.

    Bins are ``(edge, next edge]``; the first edge lies just below the least value. At most 191
    edges, and some more in and beyond the tails of a feature with many values: what lies there is
    rare, and moves distances the most.

    >>> edges, exact = fine_edges(np.array([1.0, 1.0, 2.0]))
    >>> edges[1:], exact
    ([1.0, 2.0], True)
    """
    n = len(ordered)
    if not n:
        return [], True
    places = (np.arange(1, FINE + 1) * n + FINE - 1) // FINE - 1
    inner = np.unique(ordered[places])
    first = [] if len(inner) == FINE else [ordered[0]]
    below = np.nextafter(ordered[0], -np.inf)
    edges = np.unique(np.concatenate([[below], first, inner]))
    different = 1 + int(np.count_nonzero(np.diff(ordered)))
    if different == len(edges) - 1:
        return [float(edge) for edge in edges], True
    rare = np.unique([place for part in TAILS for place in (n // part, n - 1 - n // part)])
    beyond = np.asarray(BEYOND) * float(ordered.std())
    tails = [below - beyond, ordered[rare], ordered[-1] + beyond]
    found = np.unique(np.concatenate([edges, *tails]))
    return [float(edge) for edge in found[np.isfinite(found)]], False


def scale_of(mean: float | None, std: float | None) -> tuple[float, float]:
    """Centre and unit of the sums; a constant is measured in shares of its size.

    >>> scale_of(3.0, 65536.0), scale_of(None, None)
    ((3.0, 1.0), (0.0, 1.52587890625e-05))
    """
    centre = mean or 0.0
    return centre, (std or max(1.0, abs(centre))) / UNITS


def tally(finite: Floats, *, centre: float, unit: float) -> dict[str, Any]:
    """Count, sums and range of finite values: ``n``, ``sum``, ``squares``, ``min``, ``max``.

    >>> tally(np.array([1.0, 3.0]), centre=0.0, unit=1.0)
    {'n': 2, 'sum': 4, 'squares': 10, 'min': 1.0, 'max': 3.0}
    """
    if not len(finite):
        return {"n": 0, "sum": 0, "squares": 0, "min": None, "max": None}
    scaled = np.clip(np.rint((finite - centre) / unit), -FARTHEST, FARTHEST).astype(np.int64)
    # in two halves: a square may have 62 bits, and a sum of many has more
    high, low = scaled >> 16, scaled & 0xFFFF
    squares = (int(high @ high) << 32) + (int(high @ low) << 17) + int(low @ low)
    return {
        "n": len(finite),
        "sum": int(scaled.sum()),
        "squares": squares,
        "min": float(finite.min()),
        "max": float(finite.max()),
    }


def add_tallies(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """The tally of both.

    >>> one = tally(np.array([1.0]), centre=0.0, unit=1.0)
    >>> add_tallies(one, tally(np.array([]), centre=0.0, unit=1.0)) == one
    True
    """
    added = {name: a[name] + b[name] for name in ("n", "sum", "squares")}
    lows = [each["min"] for each in (a, b) if each["min"] is not None]
    highs = [each["max"] for each in (a, b) if each["max"] is not None]
    return {**added, "min": min(lows, default=None), "max": max(highs, default=None)}


def moments_of(tallied: Mapping[str, Any], *, centre: float, unit: float) -> tuple[float, float]:
    """Mean and standard deviation (over n); nan of nothing.

    >>> moments_of(tally(np.array([1.0, 3.0]), centre=0.0, unit=1.0), centre=0.0, unit=1.0)
    (2.0, 1.0)
    """
    n, total = tallied["n"], tallied["sum"]
    if not n:
        return math.nan, math.nan
    spread = n * tallied["squares"] - total * total
    # sums are of rounded values: no mean lies beyond them, least of all that of a constant
    mean = min(max(centre + unit * (total / n), tallied["min"]), tallied["max"])
    return mean, unit * math.sqrt(spread) / n


@dataclass(frozen=True)
class Shape:
    """A distribution over fine bins: what is below the edges, between them and above."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    least: float
    largest: float
    exact: bool
    """Whether values are the edges themselves, as of a feature with few different values."""

    @property
    def cumulative(self) -> Floats:
        """Share of the values up to each edge, then 1."""
        total = sum(self.counts)
        return np.cumsum(self.counts) / total if total else np.full(len(self.counts), np.nan)

    def quantile(self, share: float) -> float:
        """The value that this share of the values does not exceed, linear within a bin.

        >>> Shape((0.0, 10.0), (0, 4, 0), 1.0, 9.0, exact=False).quantile(0.5)
        5.0
        """
        reached = self.cumulative
        if not len(reached) or math.isnan(reached[-1]):
            return math.nan
        place = min(int(np.searchsorted(reached, share - 1e-12)), len(reached) - 1)
        ends = (-math.inf, *self.edges, math.inf)
        low = max(ends[place], min(self.least, ends[place + 1]))
        high = min(ends[place + 1], max(self.largest, ends[place]))
        if self.exact or not math.isfinite(low):
            return float(high)
        before = reached[place - 1] if place else 0.0
        part = (share - before) / (reached[place] - before)
        return float(low + (high - low) * min(1.0, max(0.0, part)))

    def share_below(self, value: float) -> float:
        """Share of the values below one, linear within a bin; nan of no values.

        >>> Shape((0.0, 10.0), (0, 4, 0), 1.0, 9.0, exact=False).share_below(5.0)
        0.5
        """
        reached = self.cumulative
        if not len(reached) or math.isnan(reached[-1]) or not self.edges:
            return math.nan
        if self.exact:
            # a bin's values are its upper edge: those below are in the bins before
            return float(np.concatenate([[0.0], reached])[np.searchsorted(self.edges, value)])
        inner = np.clip(self.edges, self.least, self.largest)
        return float(np.interp(value, [self.least, *inner, self.largest], [0.0, *reached]))


def ks_distance(reference: Shape, current: Shape) -> float:
    """Kolmogorov-Smirnov distance at the fine edges; nan where either has no values.

    At most the largest share of a bin below that over the values themselves.
    """
    apart = np.abs(reference.cumulative - current.cumulative)
    return float(apart.max()) if len(apart) else math.nan


def wasserstein(reference: Shape, current: Shape) -> float:
    """The first Wasserstein distance, in the unit of the values; nan where either has none.

    The area between the two cumulative shares, linear within a bin or, of a feature with few
    values, in steps; an infinite value counts as the farthest finite one.

    Source: Vallender, Calculation of the Wasserstein distance between probability distributions on
    the line, Theory of Probability and its Applications 18(4), 1974.

    >>> one = Shape((0.0, 1.0, 2.0), (0, 4, 0, 0), 1.0, 1.0, exact=True)
    >>> wasserstein(one, Shape((0.0, 1.0, 2.0), (0, 0, 4, 0), 2.0, 2.0, exact=True))
    1.0
    """
    apart = reference.cumulative - current.cumulative
    if not reference.edges or np.isnan(apart).any():
        return math.nan
    low, high = min(reference.least, current.least), max(reference.largest, current.largest)
    # nothing lies beyond either range, so the outermost bins end there
    edges = np.clip(reference.edges, low, high)
    width = np.diff(np.concatenate([[low], edges, [high]]))
    left = np.concatenate([[0.0], apart[:-1]])
    a, b = np.abs(left), np.abs(apart)
    crossing = left * apart < 0
    area = np.where(crossing, (a**2 + b**2) / np.where(crossing, a + b, 1.0), a + b) / 2
    if reference.exact:
        # between the edges in steps; nothing is known of values beyond them
        area[1:-1] = a[1:-1]
    return float((area * width).sum())


def quantiles_of(shape: Shape, shares: Sequence[float] = QUANTILES) -> dict[str, float]:
    """Quantiles by their names; nan of no values."""
    return {str(share): shape.quantile(share) for share in shares}
