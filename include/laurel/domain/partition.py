"""A partition is the day of event time, in UTC, that a run owns: ``[start, end)``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from laurel.errors import ConfigError

DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Partition:
    """One day of event time.

    >>> p = Partition.of("2013-07-01")
    >>> p.key, p.end.isoformat()
    ('2013-07-01', '2013-07-02T00:00:00+00:00')
    """

    day: date

    @classmethod
    def of(cls, key: str) -> Partition:
        """Read a key, ``YYYY-MM-DD``; raises :class:`ConfigError` for anything else."""
        try:
            if len(key) != len("YYYY-MM-DD"):
                raise ValueError(key)
            return cls(date.fromisoformat(key))
        except ValueError:
            raise ConfigError(
                "this is not a partition", found=repr(key), expected="a day as YYYY-MM-DD"
            ) from None

    @classmethod
    def at(cls, moment: datetime) -> Partition:
        """The partition that holds an aware moment."""
        return cls(moment.astimezone(UTC).date())

    @property
    def key(self) -> str:
        return self.day.isoformat()

    @property
    def start(self) -> datetime:
        return datetime.combine(self.day, time(), UTC)

    @property
    def end(self) -> datetime:
        return self.start + DAY

    def shifted(self, days: int) -> Partition:
        """The partition ``days`` later, or earlier when negative."""
        return Partition(self.day + timedelta(days=days))

    def __str__(self) -> str:
        return self.key


def partitions(start: datetime, end: datetime) -> Iterator[Partition]:
    """The partitions of ``[start, end)``, both at midnight UTC.

    Raises :class:`ConfigError` when a bound is not a midnight in UTC or the range is empty.

    >>> from laurel.domain.canonical import parse_instant as at
    >>> [p.key for p in partitions(at("2013-02-27"), at("2013-03-02"))]
    ['2013-02-27', '2013-02-28', '2013-03-01']
    """
    first, last = Partition.at(start), Partition.at(end)
    if first.start != start or last.start != end or first >= last:
        raise ConfigError(
            "this range holds no whole partition",
            found=f"[{start.isoformat()}, {end.isoformat()})",
            expected="midnights in UTC, the end after the start",
        )
    for offset in range((last.day - first.day).days):
        yield first.shifted(offset)
