"""The counts of nights over the bins of a profile, side by side: what drift is judged by.

All nights of a check stand in one array, so that a quarter costs little more than a night.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from laurel.domain.bins import align
from laurel.domain.distance import EXPECTED, LEAST_SHARE

Floats = NDArray[np.float64]

SPANS = (1, 7)
"""Nights that are judged together: each by itself, and whole weeks, which show smaller shifts."""
LEAST_SCALE = 0.02
"""An index below this is nobody's habit: it is what some hundred rows show by chance."""
NEW, MISSING = "new", "missing"


@dataclass(frozen=True)
class Counted:
    """One check over nights: counts of the reference, and of each night, over the same bins."""

    check: str
    reference: Floats
    """Of shape (bins,)."""
    nights: Floats
    """Of shape (nights, bins); zeros of a night that is not there."""
    single: Floats
    """The same before several nights were summed."""
    scale: float
    """The index that a single day, or week, of training usually shows."""
    target: int | None
    """The bin into which injected shifts move rows; none where there is only one."""
    span: int = 1

    @property
    def rows(self) -> Floats:
        """Rows of each night."""
        found: Floats = self.nights.sum(axis=-1)
        return found

    @property
    def index(self) -> Floats:
        """The population stability index of each night; nan of a night without rows."""
        return index(self.reference, self.nights)

    @property
    def chance(self) -> Floats:
        """The p-value of each night; nan of a night without rows, and over one bin."""
        return chance(self.reference, self.nights)


def count_nights(
    profile: Mapping[str, Any],
    nights: Sequence[Mapping[str, Any] | None],
    *,
    spans: Iterable[int] = SPANS,
) -> tuple[Counted, ...]:
    """Every check of a profile over nights in their order; ``None`` is a night that is not there.

    A week is judged where each of its nights is there.

    >>> day = {"features": {"c": {"kind": "categorical", "counts": {"a": 5}, "missing": 0}},
    ...        "scores": {}, "rows": 5}
    >>> [(each.check, each.rows.tolist()) for each in count_nights(day, [day, None])]
    [('drift/c', [5.0, 0.0]), ('drift_week/c', [0.0, 0.0])]
    """
    usual = profile.get("usual") or {}
    found = []
    for part, name, reference in _entries(profile):
        entries = [None if night is None else night[part][name] for night in nights]
        counts, rows = _side_by_side(reference, entries)
        target = _target(counts, kind=reference["kind"])
        for span in spans:
            habit = usual.get("day" if span == 1 else "week", {}).get(part, {}).get(name)
            found.append(
                Counted(
                    check=check_name(part, name, span=span, alone=len(profile["scores"]) == 1),
                    reference=counts,
                    nights=rolled(rows, span),
                    single=rows,
                    scale=max(LEAST_SCALE, habit or 0.0),
                    target=target,
                    span=span,
                )
            )
    return tuple(found)


def check_name(part: str, name: str, *, span: int, alone: bool) -> str:
    """The name of a check of drift.

    >>> check_name("features", "hour", span=7, alone=True)
    'drift_week/hour'
    >>> check_name("scores", "score", span=1, alone=True)
    'score_drift'
    """
    word = "drift" if part == "features" else "score_drift"
    word = word if span == 1 else f"{word}_week"
    return word if part == "scores" and alone else f"{word}/{name}"


def rolled(nights: Floats, span: int) -> Floats:
    """Sums over the last ``span`` nights, along the last axis but one; zeros where one is missing.

    >>> rolled(np.array([[1.0], [2.0], [0.0], [3.0], [4.0]]), 2).ravel().tolist()
    [0.0, 3.0, 0.0, 0.0, 7.0]
    """
    if span == 1:
        return nights
    there = nights.sum(axis=-1, keepdims=True) > 0
    whole = _sums(there.astype(float), span) == span
    found: Floats = np.where(whole, _sums(nights, span), 0.0)
    return found


def index(reference: Floats, nights: Floats) -> Floats:
    """As :func:`laurel.domain.distance.psi`, of many nights at once, along the last axis."""
    rows = nights.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        now = np.maximum(nights / rows, LEAST_SHARE)
        then = np.maximum(reference / reference.sum(), LEAST_SHARE)
        found: Floats = ((then - now) * np.log(then / now)).sum(axis=-1)
    return np.where(rows[..., 0] > 0, found, np.nan)


def chance(reference: Floats, nights: Floats) -> Floats:
    """The p-value of Pearson's test of each night against the reference, along the last axis.

    Bins of which fewer than five rows are expected on either side are one bin, which is left out
    where five are not expected of it either (Cochran, Biometrics 10(4), 1954).

    >>> counts = np.array([[50.0, 50.0], [90.0, 10.0], [0.0, 0.0]])
    >>> chance(np.array([500.0, 500.0]), counts).round(3).tolist()
    [1.0, 0.0, nan]
    """
    total, rows = reference.sum(), nights.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (reference + nights) / (total + rows)
        rare = share * np.minimum(total, rows) < EXPECTED
        tables = []
        for counts, size in ((np.broadcast_to(reference, nights.shape), total), (nights, rows)):
            kept, pool = np.where(rare, 0.0, counts), np.where(rare, counts, 0.0).sum(-1)
            tables.append((np.concatenate([kept, pool[..., None]], axis=-1), size))
        pooled = np.where(rare, share, 0.0).sum(-1)[..., None]
        shares = np.concatenate([np.where(rare, 0.0, share), pooled], axis=-1)
        used = shares * np.minimum(total, rows) >= EXPECTED
        parts = [np.where(used, (c - shares * n) ** 2 / (shares * n), 0.0) for c, n in tables]
        statistic, freedom = (parts[0] + parts[1]).sum(-1), used.sum(-1) - 1
        found: Floats = np.where(freedom > 0, stats.chi2.sf(statistic, freedom), np.nan)
    return found


def _entries(profile: Mapping[str, Any]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    for part in ("features", "scores"):
        for name in sorted(profile[part]):
            yield part, name, profile[part][name]


def _side_by_side(
    reference: Mapping[str, Any], nights: Sequence[Mapping[str, Any] | None]
) -> tuple[Floats, Floats]:
    """The reference (bins,) and the nights (nights, bins): its own bins, new ones, missing."""
    own = align(reference, reference)
    names = [name for name in own.bins if name != MISSING]
    place = {name: number for number, name in enumerate([*names, NEW, MISSING])}
    counts = np.zeros(len(place))
    counts[[place[name] for name in own.bins]] = own.reference
    rows = np.zeros((len(nights), len(place)))
    for number, night in enumerate(nights):
        if night is not None:
            both = align(reference, night)
            for name, count in zip(both.bins, both.current, strict=True):
                rows[number, place.get(name, place[NEW])] += count
    return counts, rows


def _target(reference: Floats, *, kind: str) -> int | None:
    """The topmost bin of a number, the commonest but one of a category."""
    used = np.flatnonzero(reference[:-2] >= 0.01 * reference.sum())
    if len(used) < 2:
        return None
    if kind != "categorical":
        return int(used[-1])
    return int(used[np.argsort(-reference[used], kind="stable")[1]])


def _sums(values: Floats, span: int) -> Floats:
    total = values.cumsum(axis=-2)
    before = np.zeros_like(total)
    before[..., span:, :] = total[..., :-span, :]
    found: Floats = total - before
    found[..., : span - 1, :] = 0.0
    return found
