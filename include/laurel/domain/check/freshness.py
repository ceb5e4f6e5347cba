"""Freshness: the newest time of a partition, its gaps, and the partitions before it."""

from __future__ import annotations

from datetime import date, timedelta

from laurel.domain.canonical import parse_instant
from laurel.domain.check.finding import Finding, Outcome
from laurel.domain.check.past import Past
from laurel.domain.check.profile import Profile
from laurel.domain.config.check import Freshness
from laurel.domain.partition import Partition

_HOUR = 3600.0


def check_freshness(
    check: Freshness, profile: Profile, *, day: date, past: Past, first: date
) -> list[Finding]:
    """A finding for each bound that the check sets.

    first: the first partition that the dataset has; none before it is missed. A partition without
    rows breaks the bounds on times.

    >>> time = {"first": "2013-07-01T05:00:00Z", "last": "2013-07-01T21:00:00Z", "gap": 3600.0}
    >>> check = Freshness(kind="freshness", max_lag_hours=2)
    >>> day = date(2013, 7, 1)
    >>> found = check_freshness(check, {"rows": 9, "time": time}, day=day, past={}, first=day)
    >>> [(each.outcome, each.observed) for each in found]
    [('failed', 'the newest row is 3.0 hours before the end'), ('passed', '0 of 0 days before')]
    """
    found = []
    if check.max_lag_hours is not None:
        found.append(_lag(check, profile, day, check.max_lag_hours))
    if check.max_gap_hours is not None:
        found.append(_gap(check, profile, day, check.max_gap_hours))
    if check.previous:
        found.append(_previous(check, day, past, first))
    return found


def _lag(check: Freshness, profile: Profile, day: date, limit: float) -> Finding:
    expected = f"at most {limit:g} hours"
    last = profile["time"]["last"]
    if last is None:
        return _finding(check, "failed", "no row has a time", expected)
    hours = (Partition(day).end - parse_instant(last)).total_seconds() / _HOUR
    said = f"the newest row is {hours:.1f} hours before the end"
    return _finding(check, "passed" if hours <= limit else "failed", said, expected)


def _gap(check: Freshness, profile: Profile, day: date, limit: float) -> Finding:
    expected = f"at most {limit:g} hours"
    time = profile["time"]
    if time["first"] is None:
        return _finding(check, "failed", "no row has a time", expected)
    begin = (parse_instant(time["first"]) - Partition(day).start).total_seconds()
    hours = max(begin, time["gap"]) / _HOUR
    said = f"the longest time without a row is {hours:.1f} hours"
    return _finding(check, "passed" if hours <= limit else "failed", said, expected)


def _previous(check: Freshness, day: date, past: Past, first: date) -> Finding:
    before = [day - timedelta(days=back) for back in range(1, check.previous + 1)]
    due = [each for each in before if each >= first]
    missing = sorted(each.isoformat() for each in due if each not in past)
    said = f"{len(due) - len(missing)} of {len(due)} days before"
    if missing:
        said += f", {missing[0]} is missing"
    return _finding(check, "failed" if missing else "passed", said, "each is published")


def _finding(check: Freshness, outcome: Outcome, observed: str, expected: str) -> Finding:
    return Finding("freshness", check.severity, outcome, observed, expected)
