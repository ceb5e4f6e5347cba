"""Correlations of numeric features from sums that add up, and which of them have changed.

Values are standardised by the reference and rounded to 1,024ths of a standard deviation, so that
every sum is a whole number: exact, whatever the order, the batches or the threads. Pairs are
pairwise complete: a row counts for a pair where it has both values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.chance import normal_tail
from laurel.domain.column import floats, is_numeric

BLOCK = 8_192
"""Rows whose sums are taken at a time."""
FEATURES = 24
"""Numeric features that are correlated: of more, those that matter most to the model."""
STEPS = 1024
FARTHEST = 16
"""Standard deviations from the mean beyond which a value counts as that far."""
SHOWN = 12
SUMS = ("rows", "first", "second", "first_squares", "second_squares", "products")


@dataclass(frozen=True)
class CorrelationChange:
    """Pearson's correlation of two features, then and now; nan where undefined."""

    first: str
    second: str
    then: float
    """In the reference."""
    now: float
    """In this window."""
    p_value: float
    """Of Fisher's test that both are equal, before any correction."""
    tests: int
    """Pairs of this comparison: what a p-value is to be multiplied by (Bonferroni)."""


def choose(features: pd.DataFrame, ranked: Sequence[str] = ()) -> list[str]:
    """The numeric features to correlate: those first in ``ranked`` where there are too many."""
    numeric = [str(name) for name in sorted(features.columns) if is_numeric(features[name])]
    order = {name: place for place, name in enumerate(ranked)}
    kept = sorted(numeric, key=lambda name: (order.get(name, len(order)), name))[:FEATURES]
    return sorted(kept)


def sums_of(features: pd.DataFrame, scales: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Sums over the pairs of some features; ``scales``: feature → its mean and spread.

    ``{"names": […], "rows": [n of each pair], "first": […], …}``, all whole numbers.

    >>> frame = pd.DataFrame({"x": [0.0, 1.0], "y": [1.0, None]})
    >>> sums_of(frame, {"x": (0.0, 1.0), "y": (0.0, 1.0)})["rows"]
    [1]
    """
    names = sorted(scales)
    columns = [floats(features[name]) for name in names]
    upper = np.triu_indices(len(names), k=1)
    found = np.zeros((len(SUMS), len(names), len(names)))
    # whole numbers below 2**53 throughout, so that no order of adding changes a digit
    for first in range(0, len(features), BLOCK):
        block = (column[first : first + BLOCK] for column in columns)
        found += _block_sums([_scaled(x, *scales[n]) for n, x in zip(names, block, strict=True)])
    return {
        "names": names,
        **{key: [int(n) for n in each[upper]] for key, each in zip(SUMS, found, strict=True)},
    }


def _block_sums(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The sums over some rows, which fit into a processor's cache: shape (6, columns, columns)."""
    if not columns:
        return np.zeros((len(SUMS), 0, 0))
    values = np.stack(columns)
    known = ~np.isnan(values)
    here, values = known.astype(np.float64), np.where(known, values, 0.0)
    sums, squares = values @ here.T, (values**2) @ here.T
    return np.stack([here @ here.T, sums, sums.T, squares, squares.T, values @ values.T])


def add_sums(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """The sums over both windows: of the same features."""
    return {
        "names": list(a["names"]),
        **{key: [x + y for x, y in zip(a[key], b[key], strict=True)] for key in SUMS},
    }


def no_sums(names: Sequence[str]) -> dict[str, Any]:
    """The sums of no rows."""
    pairs = len(names) * (len(names) - 1) // 2
    return {"names": list(names), **{key: [0] * pairs for key in SUMS}}


def changes(reference: Mapping[str, Any], current: Mapping[str, Any]) -> list[CorrelationChange]:
    """The pairs whose correlation differs most, at most a dozen, the largest change first.

    Source: Fisher, On the probable error of a coefficient of correlation deduced from a small
    sample, Metron 1, 1921.
    """
    pairs = list(_pairs(reference["names"]))
    then, now = correlations(reference), correlations(current)
    values = [
        _fisher(float(r), float(c), n, m)
        for r, c, n, m in zip(then, now, reference["rows"], current["rows"], strict=True)
    ]
    tests = sum(not math.isnan(value) for value in values)
    found = [
        CorrelationChange(*pair, float(r), float(c), value, tests)
        for pair, r, c, value in zip(pairs, then, now, values, strict=True)
        if not math.isnan(value)
    ]
    return sorted(found, key=lambda c: (-abs(c.now - c.then), c.first, c.second))[:SHOWN]


def correlations(sums: Mapping[str, Any]) -> NDArray[np.float64]:
    """Pearson's correlation of each pair; nan of a constant, and of fewer than two rows.

    >>> frame = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [0.0, -1.0, -2.0]})
    >>> correlations(sums_of(frame, {"x": (0.0, 1.0), "y": (0.0, 1.0)})).round(6)
    array([-1.])
    """
    return np.array(
        [_pearson(*each) for each in zip(*(sums[key] for key in SUMS), strict=True)], np.float64
    )


def _pearson(n: int, a: int, b: int, aa: int, bb: int, ab: int) -> float:
    # in whole numbers as far as the root: nothing cancels
    spread = (n * aa - a * a, n * bb - b * b)
    if n < 2 or min(spread) <= 0:
        return math.nan
    return (n * ab - a * b) / math.sqrt(spread[0]) / math.sqrt(spread[1])


def _fisher(r: float, c: float, n: int, m: int) -> float:
    if math.isnan(r) or math.isnan(c) or min(n, m) < 4:
        return math.nan
    limit = 1 - 1e-12
    apart = math.atanh(max(-limit, min(limit, r))) - math.atanh(max(-limit, min(limit, c)))
    error = math.sqrt(1 / (n - 3) + 1 / (m - 3))
    return 2 * normal_tail(abs(apart) / error)


def _pairs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            yield first, second


def _scaled(values: NDArray[np.float64], mean: float, spread: float) -> NDArray[np.float64]:
    known = np.where(np.isfinite(values), values, np.nan)
    return np.rint(np.clip((known - mean) / spread, -FARTHEST, FARTHEST) * STEPS)
