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


def quantile_edges(finite: NDArray[np.float64]) -> list[float]:
    """Edges that are values of the data, so that a discrete feature's bins are its values.

    The first lies just below the least value: bins are ``(edge, next edge]``, and what falls
    outside the range seen in training is counted by itself.
    """
    if not len(finite):
        return []
    shares = np.linspace(0, 1, BINS + 1)[1:]
    inner = np.unique(np.quantile(finite, shares, method="inverted_cdf"))
    least = finite.min()
    first = [] if len(inner) == BINS else [least]
    below = np.nextafter(least, -np.inf)
    return [float(edge) for edge in np.unique(np.concatenate([[below], first, inner]))]


def count_between(values: NDArray[np.float64], edges: list[float]) -> list[int]:
    """How many values fall between the edges; missing ones fall nowhere."""
    known = values[~np.isnan(values)]
    places = np.searchsorted(np.asarray(edges, dtype=float), known, side="left")
    return [int(n) for n in np.bincount(places, minlength=len(edges) + 1)]


def count_levels(column: pd.Series[Any]) -> tuple[dict[str, int], int]:
    """How often each category occurs, and how many values are missing."""
    codes = column.astype("category").cat
    seen = np.bincount(codes.codes[codes.codes >= 0], minlength=len(codes.categories))
    levels: dict[str, int] = {}
    for level, count in zip(codes.categories, seen, strict=True):
        if count:
            levels[str(level)] = levels.get(str(level), 0) + int(count)
    return dict(sorted(levels.items())), int((codes.codes < 0).sum())
