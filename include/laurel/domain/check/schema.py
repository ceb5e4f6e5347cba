"""Schema: what comes in has the columns, types and categories that the champion learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from laurel.domain.check.finding import Finding
from laurel.domain.check.profile import Profile
from laurel.domain.config.check import Schema


def check_schema(check: Schema, profile: Profile, *, champion: Profile | None) -> list[Finding]:
    """A finding for the columns and types, and one for each column with unseen categories.

    >>> seen = {"type": "string", "nulls": 0, "categories": {"AA": 9}}
    >>> now = {"type": "string", "nulls": 0, "categories": {"AA": 1, "ZZ": 1}}
    >>> found = check_schema(
    ...     Schema(kind="schema"),
    ...     {"rows": 2, "columns": {"carrier": now}},
    ...     champion={"rows": 9, "columns": {"carrier": seen}},
    ... )
    >>> [(each.outcome, each.observed) for each in found]
    [('passed', '1 column(s)'), ('failed', '1 of 2 rows (50 %) in ZZ')]
    """
    if champion is None:
        why = "no champion reigned, or its training data has no profile"
        return [Finding("schema", check.severity, "underpowered", why, "a champion's profile")]
    return [_columns(check, profile, champion), *_unseen(check, profile, champion)]


def _columns(check: Schema, profile: Profile, champion: Profile) -> Finding:
    now, then = _types(profile), _types(champion)
    wrong = [f"{name} is not there" for name in then if name not in now]
    wrong += [f"{name} is new" for name in now if name not in then]
    wrong += [
        f"{name} is {kind}, was {then[name]}"
        for name, kind in now.items()
        if name in then and then[name] != kind
    ]
    said = "; ".join(wrong) if wrong else f"{len(now)} column(s)"
    expected = "the columns and types that the champion learned from"
    return Finding("schema", check.severity, "failed" if wrong else "passed", said, expected)


def _types(profile: Profile) -> dict[str, str]:
    return {name: column["type"] for name, column in sorted(profile["columns"].items())}


def _unseen(check: Schema, profile: Profile, champion: Profile) -> list[Finding]:
    found = []
    for name, column in sorted(profile["columns"].items()):
        seen = champion["columns"].get(name, {}).get("categories")
        counts: Mapping[str, Any] | None = column.get("categories")
        if not seen or not counts:
            continue
        fresh = {value: count for value, count in counts.items() if value not in seen}
        total, rows = sum(fresh.values()), sum(counts.values())
        if total > check.unseen * rows:
            named = ", ".join(sorted(fresh)[:3]) + (", …" if len(fresh) > 3 else "")
            said = f"{total:,} of {rows:,} rows ({100 * total / rows:.3g} %) in {named}"
            expected = f"at most {check.unseen:.3g} in categories that the champion has not seen"
            found.append(Finding("schema", check.severity, "failed", said, expected, name))
    return found
