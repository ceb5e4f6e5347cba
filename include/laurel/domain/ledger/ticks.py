"""Ticks: the moments, in UTC, at which a training's data interval ends, which are its as_ofs.

A tick is a time of the cron expression. The first one is the first at or after ``start``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from croniter import croniter

from laurel.domain.config import UseCaseConfig

_INSTANT = timedelta(seconds=1)
"""Finer than any tick, so that a tick counts as being at or before itself."""


def due_as_of(
    schedule: str, *, start: date | datetime, lag: timedelta, t: datetime
) -> datetime | None:
    """The newest tick whose decision is effective at ``t``: ``tick + lag <= t``; ``None`` if none.

    >>> from laurel.domain.canonical import parse_instant as at
    >>> found = due_as_of("0 0 * * 1", start=date(2013, 7, 1), lag=timedelta(days=1),
    ...                   t=at("2013-08-05"))
    >>> found.isoformat()
    '2013-07-29T00:00:00+00:00'
    """
    tick = _last_tick(schedule, (t - lag).astimezone(UTC))
    return tick if tick >= _midnight(start) else None


def ticks(schedule: str, *, start: date | datetime, end: datetime) -> Iterator[datetime]:
    """The ticks of ``[start, end)``, ascending.

    >>> from laurel.domain.canonical import parse_instant as at
    >>> found = ticks("0 0 * * 1", start=date(2013, 7, 1), end=at("2013-07-15"))
    >>> [f"{tick:%m-%d}" for tick in found]
    ['07-01', '07-08']
    """
    times = croniter(schedule, _midnight(start) - _INSTANT)
    while (tick := times.get_next(datetime)) < end:
        yield tick


def intervals_before(config: UseCaseConfig, as_of: datetime) -> dict[datetime, datetime]:
    """The as_ofs of the trainings before ``as_of``, ascending, by the starts of their intervals."""
    training = config.training
    return {
        _last_tick(training.schedule, tick - _INSTANT): tick
        for tick in ticks(training.schedule, start=training.start, end=as_of)
    }


def _last_tick(schedule: str, bound: datetime) -> datetime:
    """The newest tick at or before ``bound``."""
    # croniter steps back to before its start, and ignores what is finer than a second
    after = bound.replace(microsecond=0) + _INSTANT
    tick: datetime = croniter(schedule, after).get_prev(datetime)
    return tick.astimezone(UTC)


def _midnight(start: date | datetime) -> datetime:
    if isinstance(start, datetime):
        return start.astimezone(UTC)
    return datetime.combine(start, time(), UTC)
