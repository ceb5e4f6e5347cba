"""Distribution: columns as they were in the trailing days, or in what the champion learned from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from laurel.domain.bins import align
from laurel.domain.check.finding import Finding, Outcome
from laurel.domain.check.profile import Profile, pool
from laurel.domain.config.check import Distribution
from laurel.domain.distance import new_levels, psi, vanished_levels

Column = Mapping[str, Any]
_DECILES = np.arange(1, 10) / 10


def check_distribution(
    check: Distribution, profile: Profile, *, past: Sequence[Profile], champion: Profile | None
) -> list[Finding]:
    """A finding for each column.

    past: the trailing days, against which a day is compared and which say what a day usually
    shows. champion: what the champion learned from, all of it as one profile.

    >>> def day(mean):
    ...     points = [mean - 1.0, mean, mean + 1.0]
    ...     column = {"type": "float64", "nulls": 0, "mean": mean, "std": 1.0, "points": points}
    ...     return {"rows": 900, "columns": {"seats": column}}
    >>> check = Distribution(kind="distribution", columns=("seats",), psi=None)
    >>> (found,) = check_distribution(check, day(9.0), past=[day(2.0)] * 9, champion=None)
    >>> found.outcome, found.observed
    ('failed', 'mean 9 after 2, 7.00 standard deviations apart')
    """
    against, days = (pool(past), past) if check.against == "trailing" else (champion, past)
    return [_column(check, name, profile, against=against, days=days) for name in check.columns]


def _column(
    check: Distribution,
    name: str,
    profile: Profile,
    *,
    against: Profile | None,
    days: Sequence[Profile],
) -> Finding:
    now = profile["columns"].get(name)
    then = against["columns"].get(name) if against else None
    if now is None or then is None:
        return _underpowered(check, name, "the column has no profile to compare with")
    if check.against == "trailing" and len(days) < check.minimum_days:
        return _underpowered(check, name, f"{len(days)} of {check.minimum_days} days are known")
    rows = min(profile["rows"], then["rows"])
    if rows < check.minimum_rows:
        return _underpowered(check, name, f"{rows} of {check.minimum_rows} rows")
    past = [(day["rows"], day["columns"][name]) for day in days if name in day["columns"]]
    broken = _missing(check, now, then, profile["rows"])
    if now.get("categories") and then.get("categories"):
        broken += _categories(check, now["categories"], then["categories"], past)
    if now.get("points") and then.get("points"):
        broken += _numbers(check, now, then, past)
    outcome: Outcome = "failed" if broken else "passed"
    said = "; ".join(broken) or "as before"
    return Finding("distribution", check.severity, outcome, said, _expected(check), name)


def _missing(check: Distribution, now: Column, then: Column, rows: int) -> list[str]:
    if check.missing is None:
        return []
    share, before = now["nulls"] / rows, then["nulls"] / then["rows"]
    if abs(share - before) <= check.missing:
        return []
    return [f"{100 * share:.3g} % null after {100 * before:.3g} %"]


def _numbers(
    check: Distribution, now: Column, then: Column, past: Sequence[tuple[int, Column]]
) -> list[str]:
    found = []
    days = [column for _, column in past if column.get("points")]
    apart = abs(now["mean"] - then["mean"])
    scale = then["std"] or abs(then["mean"]) or 1.0
    if check.mean is not None and apart > check.mean * scale:
        usual = [abs(day["mean"] - then["mean"]) for day in days]
        if _is_unusual(check, apart, usual):
            said = f"{apart / scale:.2f} standard deviations apart"
            found.append(f"mean {now['mean']:.6g} after {then['mean']:.6g}, {said}")
    ratio = _log_ratio(now["std"], then["std"])
    wide = check.spread is not None and abs(ratio) > math.log(check.spread)
    if wide and _is_unusual(
        check, abs(ratio), [abs(_log_ratio(d["std"], then["std"])) for d in days]
    ):
        found.append(f"standard deviation {now['std']:.6g} after {then['std']:.6g}")
    return found + _shape(check, lambda column: _number_psi(column, then), now, days)


def _categories(
    check: Distribution,
    now: Mapping[str, int],
    then: Mapping[str, int],
    past: Sequence[tuple[int, Column]],
) -> list[str]:
    found = []
    before, counts, rows = dict(then), dict(now), sum(now.values())
    fresh = new_levels(before, counts)
    share = sum(counts[value] for value in fresh) / rows
    if check.new is not None and share > check.new:
        found.append(f"{100 * share:.3g} % of rows in {_count(fresh, 'new')}")
    if check.vanished is not None:
        gone = vanished_levels(before, counts, expected=check.vanished)
        found += [_count(gone, "vanished")] if gone else []
    days = [column for _, column in past if column.get("categories")]
    return found + _shape(
        check, lambda column: _category_psi(column["categories"], then), {"categories": now}, days
    )


def _shape(
    check: Distribution,
    distance: Callable[[Column], float],
    now: Column,
    days: Sequence[Column],
) -> list[str]:
    if check.psi is None:
        return []
    found = distance(now)
    if not found > check.psi or not _is_unusual(check, found, [distance(day) for day in days]):
        return []
    return [f"population stability index {found:.3g}"]


def _is_unusual(check: Distribution, found: float, usual: Sequence[float]) -> bool:
    return not usual or found > check.usual * median(usual)


def _category_psi(now: Mapping[str, int], then: Mapping[str, int]) -> float:
    sides = [{"kind": "categorical", "counts": counts, "missing": 0} for counts in (then, now)]
    aligned = align(*sides)
    return psi(aligned.reference, aligned.current)


def _number_psi(now: Column, then: Column) -> float:
    """Over about ten bins at the deciles of the past, of which ties may leave fewer."""
    points = np.asarray(then["points"])
    edges = np.unique(np.quantile(points, _DECILES, method="inverted_cdf"))
    sides = [np.searchsorted(edges, np.asarray(side["points"])) for side in (then, now)]
    counts = [np.bincount(places, minlength=len(edges) + 1) for places in sides]
    r, c = ([float(n) for n in each] for each in counts)
    return psi(r, c)


def _log_ratio(now: float, then: float) -> float:
    """Of two standard deviations; a constant column that stays constant has not changed."""
    if not now or not then:
        return 0.0 if now == then else math.copysign(math.inf, now - then)
    return math.log(now / then)


def _count(values: Sequence[str], what: str) -> str:
    named = ", ".join(values[:3]) + (", …" if len(values) > 3 else "")
    return f"{len(values)} {what} categories: {named}"


def _expected(check: Distribution) -> str:
    against = f"the {check.days} days before" if check.against == "trailing" else "the champion"
    return f"distributed as in {against}"


def _underpowered(check: Distribution, name: str, why: str) -> Finding:
    return Finding("distribution", check.severity, "underpowered", why, _expected(check), name)
