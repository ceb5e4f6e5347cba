"""Two counts of one feature, laid side by side over the same few bins.

Distances over hundreds of rare categories, or over 50 bins of a score that mostly stays in five,
would measure noise: rare categories share a bin, new ones too, and a score has about ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LEVELS = 20
"""Categories compared one by one, the reference's most frequent; the rest is one bin."""

_Bins = tuple[list[str], list[int], list[int]]


@dataclass(frozen=True)
class Aligned:
    """Names of the bins, and the rows that either window has in each."""

    bins: tuple[str, ...]
    reference: tuple[int, ...]
    current: tuple[int, ...]


def align(reference: Mapping[str, Any], current: Mapping[str, Any]) -> Aligned:
    """Lay two counts of one feature of a profile side by side; missing values are a bin too.

    >>> before = {"kind": "categorical", "counts": {"AA": 3}, "missing": 0}
    >>> now = {"kind": "categorical", "counts": {"AA": 1, "ZZ": 1}, "missing": 2}
    >>> align(before, now)
    Aligned(bins=('AA', '1 new', 'missing'), reference=(3, 0, 0), current=(1, 1, 2))
    """
    sides = {"categorical": _align_levels, "numeric": _align_edges, "score": _align_scores}
    bins, r, c = sides[reference["kind"]](reference, current)
    if reference["missing"] or current["missing"]:
        bins.append("missing")
        r.append(reference["missing"])
        c.append(current["missing"])
    return Aligned(tuple(bins), tuple(r), tuple(c))


def _align_levels(reference: Mapping[str, Any], current: Mapping[str, Any]) -> _Bins:
    before, now = reference["counts"], current["counts"]
    frequent = sorted(sorted(before), key=lambda level: -before[level])
    shown, rest = frequent[:LEVELS], frequent[LEVELS:]
    new = [level for level in now if not before.get(level)]
    bins = list(shown)
    r, c = [before[level] for level in shown], [now.get(level, 0) for level in shown]
    if rest:
        bins.append(f"{len(rest)} rarer")
        r.append(sum(before[level] for level in rest))
        c.append(sum(now.get(level, 0) for level in rest))
    if new:
        bins.append(f"{len(new)} new")
        r.append(0)
        c.append(sum(now[level] for level in new))
    return bins, r, c


def _align_edges(reference: Mapping[str, Any], current: Mapping[str, Any]) -> _Bins:
    edges = reference["edges"]
    inner = [f"to {edge:.6g}" for edge in edges[1:]]
    bins = ["below", *inner, "above"] if edges else ["any"]
    return bins, list(reference["counts"]), list(current["counts"])


def _align_scores(reference: Mapping[str, Any], current: Mapping[str, Any]) -> _Bins:
    if "edges" in reference:
        return _align_edges(reference, current)
    before, now = np.asarray(reference["counts"]), np.asarray(current["counts"])
    groups = np.minimum(np.floor((before.cumsum() - before) * 10 / max(1, before.sum())), 9)
    bins, r, c = [], [], []
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        bins.append(f"to {(members[-1] + 1) / len(before):g}")
        r.append(int(before[members].sum()))
        c.append(int(now[members].sum()))
    return bins, r, c
