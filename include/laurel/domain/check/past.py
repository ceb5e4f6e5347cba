"""The past of a partition: profiles of earlier days, as they were known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from laurel.domain.check.profile import Profile
from laurel.domain.config.check import Check, Distribution, Freshness, Volume

Past = Mapping[date, Profile]


def trailing(past: Past, day: date, days: int) -> list[Profile]:
    """The profiles of the ``days`` days before ``day`` that are known, the oldest first.

    >>> past = {date(2013, 7, 1): {"rows": 1}, date(2013, 7, 2): {"rows": 2}}
    >>> trailing(past, date(2013, 7, 2), 7)
    [{'rows': 1}]
    """
    window = (day - timedelta(days=back) for back in range(days, 0, -1))
    return [past[each] for each in window if each in past]


def same_weekday(past: Past, day: date, weeks: int) -> list[Profile]:
    """The profiles of the same weekday in the ``weeks`` weeks before, the newest first.

    >>> same_weekday({date(2013, 7, 1): {"rows": 1}}, date(2013, 7, 8), 2)
    [{'rows': 1}]
    """
    window = (day - timedelta(weeks=back) for back in range(1, weeks + 1))
    return [past[each] for each in window if each in past]


def days_needed(checks: tuple[Check, ...], day: date) -> tuple[date, ...]:
    """The days before ``day`` whose profiles any of the checks looks at, the oldest first.

    >>> check = Freshness(kind="freshness", previous=2)
    >>> [each.isoformat() for each in days_needed((check,), date(2013, 7, 3))]
    ['2013-07-01', '2013-07-02']
    """
    back: set[int] = set()
    for check in checks:
        match check:
            case Volume():
                back.update(7 * week for week in range(1, check.weeks + 1))
            case Freshness():
                back.update(range(1, check.previous + 1))
            case Distribution():
                back.update(range(1, check.days + 1))
            case _:
                pass
    return tuple(day - timedelta(days=n) for n in sorted(back, reverse=True))
