"""One column: what kind it is, and how its values fall into bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.errors import DataError

BINS = 19
"""Bins of equal mass inside a numeric feature's range; one more on either side lies outside it."""


def is_numeric(column: pd.Series[Any]) -> bool:
    """Whether a feature is a number; raises :class:`DataError` for what is no feature."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True
    if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object:
        return False
    raise DataError(
        f"feature {str(column.name)!r} has a type that no profile describes",
        found=str(column.dtype),
        expected="a number, a boolean, text or a category",
    )


def floats(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Its values, nan where missing."""
    return np.asarray(column.to_numpy(dtype="float64", na_value=np.nan), dtype=np.float64)


def quantile_edges(ordered: NDArray[np.float64]) -> list[float]:
    """Edges that are values of the data, so that a discrete feature's bins are its values.

    ordered: finite values in ascending order.
    The first lies just below the least value: bins are ``(edge, next edge]``, and what falls
    outside the range seen in training is counted by itself.
    """
    if not len(ordered):
        return []
    # order statistics by whole numbers: each of these edges is one of the ten times finer ones too
    n = len(ordered)
    inner = np.unique(ordered[(np.arange(1, BINS + 1) * n + BINS - 1) // BINS - 1])
    least = ordered[0]
    first = [] if len(inner) == BINS else [least]
    below = np.nextafter(least, -np.inf)
    return [float(edge) for edge in np.unique(np.concatenate([[below], first, inner]))]


def count_between(values: NDArray[np.float64], edges: list[float]) -> list[int]:
    """How many values fall between the edges; missing ones fall nowhere."""
    # to sort is faster than to look each value up
    return count_ordered(np.sort(values[~np.isnan(values)]), edges)


def count_ordered(ordered: NDArray[np.float64], edges: list[float]) -> list[int]:
    """The same of values in ascending order, none missing: by looking up the edges in them.

    >>> count_ordered(np.array([1.0, 2.0, 2.5]), [0.0, 2.0])
    [0, 2, 1]
    """
    below = np.searchsorted(ordered, np.asarray(edges, dtype=float), side="right")
    return [int(n) for n in np.diff([0, *below, len(ordered)])]


def count_between_by(
    values: NDArray[np.float64], edges: list[float], group: NDArray[np.intp], *, groups: int
) -> list[list[int]]:
    """The same for each group of values; ``group`` is the number of each value's.

    >>> count_between_by(np.array([1.0, 2.0, 2.5]), [0.0, 2.0], np.array([0, 0, 1]), groups=2)
    [[0, 2, 0], [0, 0, 1]]
    """
    known = ~np.isnan(values)
    places = np.searchsorted(np.asarray(edges, dtype=float), values[known], side="left")
    counted = _counts(places, group[known], groups, wide=len(edges) + 1)
    return [[int(count) for count in counts] for counts in counted]


def count_levels(column: pd.Series[Any]) -> tuple[dict[str, int], int]:
    """How often each category occurs, and how many values are missing."""
    return count_levels_by(column, np.zeros(len(column), np.intp), groups=1)[0]


def count_levels_by(
    column: pd.Series[Any], group: NDArray[np.intp], *, groups: int
) -> list[tuple[dict[str, int], int]]:
    """The same for each group of rows; ``group`` is the number of each row's.

    >>> count_levels_by(pd.Series(["a", "b", None]), np.array([0, 0, 1]), groups=2)
    [({'a': 1, 'b': 1}, 0), ({}, 1)]
    """
    category = column.astype("category").cat
    codes, names = category.codes.to_numpy(), [str(level) for level in category.categories]
    known = codes >= 0
    seen = _counts(codes[known], group[known], groups, wide=len(names))
    missing = np.bincount(group[~known], minlength=groups)
    return [(_levels(names, counts), int(lost)) for counts, lost in zip(seen, missing, strict=True)]


def _counts(
    places: NDArray[Any], group: NDArray[np.intp], groups: int, *, wide: int
) -> NDArray[np.int64]:
    """Shape (groups, wide): how often each place occurs in each group."""
    flat = group * wide + places
    return np.bincount(flat, minlength=groups * wide).astype(np.int64).reshape(groups, wide)


def _levels(names: list[str], counts: NDArray[np.int64]) -> dict[str, int]:
    levels: dict[str, int] = {}
    for place in np.flatnonzero(counts):
        levels[names[place]] = levels.get(names[place], 0) + int(counts[place])
    return dict(sorted(levels.items()))
