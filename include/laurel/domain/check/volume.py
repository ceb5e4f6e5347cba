"""Volume: as many rows as the same weekday of the trailing weeks had."""

from __future__ import annotations

from datetime import date
from statistics import median

from laurel.domain.check.finding import Finding, Outcome
from laurel.domain.check.past import Past, same_weekday
from laurel.domain.check.profile import Profile
from laurel.domain.config.check import Volume

_ROBUST = 1.4826
"""The standard deviation of a normal sample in units of its median absolute deviation."""


def check_volume(check: Volume, profile: Profile, *, day: date, past: Past) -> Finding:
    """Whether the rows differ from the median by more than is tolerated and usual.

    >>> from datetime import timedelta
    >>> day = date(2013, 7, 29)
    >>> past = {day - timedelta(weeks=n): {"rows": 1000 + n} for n in range(1, 5)}
    >>> found = check_volume(Volume(kind="volume"), {"rows": 90}, day=day, past=past)
    >>> found.outcome, found.observed, found.expected
    ('failed', '90 rows', '501 to 1,504, after 4 weeks')
    """
    weeks = [earlier["rows"] for earlier in same_weekday(past, day, check.weeks)]
    observed = f"{profile['rows']:,} rows"
    if len(weeks) < check.minimum_weeks:
        return Finding(
            "volume",
            check.severity,
            "underpowered",
            observed,
            f"{check.minimum_weeks} weeks to compare with, {len(weeks)} known",
        )
    middle = median(weeks)
    spread = _ROBUST * median(abs(rows - middle) for rows in weeks)
    room = max(check.tolerance * middle, check.spreads * spread)
    low, high = max(0.0, middle - room), middle + room
    outcome: Outcome = "passed" if low <= profile["rows"] <= high else "failed"
    expected = f"{round(low):,} to {round(high):,}, after {len(weeks)} weeks"
    return Finding("volume", check.severity, outcome, observed, expected)
