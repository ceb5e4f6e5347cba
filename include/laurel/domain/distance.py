"""Distances between two windows' counts, each with its source.

They take two aligned sequences of counts (a reference's and a current window's) and return
``nan`` where they are undefined: when either counted nothing, and a test over one bin alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laurel.domain.chance import chi_square_tail

Bins = Sequence[float]

LEAST_SHARE = 1e-4
EXPECTED = 5.0
"""The least expected count of a bin in the chi-square test; rarer bins are pooled (Cochran)."""


def psi(reference: Bins, current: Bins) -> float:
    """Population stability index: 0 for equal shares, symmetric, unbounded.

    A share below 1 in 10,000 counts as that, whatever the number of rows, so that days of
    different size can be compared. By chance alone it is about (bins - 1) (1/n + 1/m).

    Source: Siddiqi, Credit Risk Scorecards, Wiley 2006; for its size under chance, Yurdakul and
    Naranjo, Statistical properties of the population stability index, Journal of Risk Model
    Validation, 2020.

    >>> psi([50, 50], [50, 50]), round(psi([50, 50], [90, 10]), 4)
    (0.0, 0.8789)
    >>> psi([1, 2], [0, 0])
    nan
    """
    r, c = _both(reference, current)
    if not r.sum() or not c.sum():
        return math.nan
    p, q = np.maximum(r / r.sum(), LEAST_SHARE), np.maximum(c / c.sum(), LEAST_SHARE)
    return float(((p - q) * np.log(p / q)).sum())


def js(reference: Bins, current: Bins) -> float:
    """Jensen-Shannon distance with base 2: a metric, 0 for equal shares, 1 for disjoint ones.

    Source: Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on
    Information Theory 37(1), 1991; its root is a metric: Endres and Schindelin, ibid. 49(7), 2003.

    >>> js([1, 1], [5, 5]), js([1, 0], [0, 1])
    (0.0, 1.0)
    """
    r, c = _both(reference, current)
    if not r.sum() or not c.sum():
        return math.nan
    p, q = r / r.sum(), c / c.sum()
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return math.sqrt(min(1.0, max(0.0, divergence)))


def ks(reference: Bins, current: Bins) -> float:
    """Kolmogorov-Smirnov distance over ordered bins: a lower bound of that over the values.

    Source: Smirnov, Table for estimating the goodness of fit of empirical distributions, Annals of
    Mathematical Statistics 19(2), 1948.

    >>> ks([10, 10, 0], [0, 10, 10])
    0.5
    """
    r = np.asarray(reference, dtype=float)
    c = np.asarray(current, dtype=float)
    if not r.sum() or not c.sum():
        return math.nan
    return float(np.abs(r.cumsum() / r.sum() - c.cumsum() / c.sum()).max())


def chi_square(reference: Bins, current: Bins) -> float:
    """The p-value of Pearson's test that both were drawn from the same shares.

    The rarest bins are pooled until at least five rows are expected of the pool on either side.

    Source: Pearson, Philosophical Magazine 50(302), 1900; the pooling: Cochran, Some methods for
    strengthening the common chi-square tests, Biometrics 10(4), 1954.

    >>> chi_square([500, 500], [50, 50]), chi_square([500, 500], [90, 10]) < 1e-10
    (1.0, True)
    >>> chi_square([500], [90])
    nan
    """
    r, c = _both(reference, current)
    if not r.sum() or not c.sum():
        return math.nan
    table = _pool_rare(np.vstack([r, c]))
    if table.shape[1] < 2:
        return math.nan
    return homogeneity(table)


def homogeneity(table: NDArray[Any]) -> float:
    """The p-value of Pearson's test that the rows of a table of counts have equal shares.

    Without a correction for continuity; no row and no column may be empty.

    >>> round(homogeneity(np.array([[10, 20], [20, 10]])), 4)
    0.0098
    """
    rows, columns = table.sum(axis=1, keepdims=True), table.sum(axis=0, keepdims=True)
    expected = rows * columns / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    return chi_square_tail(statistic, freedom)


def missing_difference(
    *, reference: int, reference_rows: int, current: int, current_rows: int
) -> float:
    """Share of missing values now minus the share in the reference.

    >>> missing_difference(reference=1, reference_rows=100, current=5, current_rows=100)
    0.04
    """
    if not reference_rows or not current_rows:
        return math.nan
    return current / current_rows - reference / reference_rows


def new_levels(reference: dict[str, int], current: dict[str, int]) -> tuple[str, ...]:
    """Categories that the reference never saw, sorted.

    >>> new_levels({"AA": 3}, {"AA": 1, "ZZ": 1})
    ('ZZ',)
    """
    return tuple(sorted(key for key, n in current.items() if n and not reference.get(key)))


def vanished_levels(
    reference: dict[str, int], current: dict[str, int], *, expected: float = 10.0
) -> tuple[str, ...]:
    """Categories now absent of which at least ``expected`` rows were to be expected, sorted.

    The absence of a rarer one says nothing: of 10 expected rows, none are seen by chance once in
    22,000 times (Poisson).

    >>> vanished_levels({"AA": 900, "UA": 99, "OO": 1}, {"AA": 500})
    ('UA',)
    """
    total, rows = sum(reference.values()), sum(current.values())
    if not total:
        return ()
    return tuple(
        sorted(
            key
            for key, n in reference.items()
            if not current.get(key) and n / total * rows >= expected
        )
    )


def _both(reference: Bins, current: Bins) -> tuple[NDArray[Any], NDArray[Any]]:
    r, c = np.asarray(reference, dtype=float), np.asarray(current, dtype=float)
    if r.shape != c.shape:
        raise ValueError(f"counts are not aligned: {r.shape} and {c.shape}")
    used = (r + c) > 0
    return r[used], c[used]


def _relative_entropy(p: NDArray[Any], q: NDArray[Any]) -> float:
    seen = p > 0
    return float((p[seen] * np.log2(p[seen] / q[seen])).sum())


def _pool_rare(table: NDArray[Any]) -> NDArray[Any]:
    expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    order = np.argsort(expected, kind="stable")
    table, total = table[:, order], expected[order].cumsum()
    if expected.min() >= EXPECTED:
        return table
    pooled = int(np.searchsorted(total, EXPECTED)) + 1
    # the pool must take in every rare bin, not only as many as make it big enough
    pooled = max(pooled, int((expected < EXPECTED).sum()))
    return np.column_stack([table[:, :pooled].sum(axis=1), table[:, pooled:]])
