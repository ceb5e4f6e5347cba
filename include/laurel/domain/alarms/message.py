"""What is told of a night's alarms: which of them are news to a channel, and in what words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from laurel.domain.alarms.record import AlarmLog
from laurel.domain.alarms.state import nights_between
from laurel.domain.config.alarms import Channel
from laurel.domain.drift import SEVERITIES

SHOWN = 20
"""Alarms that a message tells of at most; the rest is counted, and all are in the report."""
SCHEMA = 1


@dataclass(frozen=True)
class News:
    """One change of one alarm, as a channel is told."""

    check: str
    state: str
    """``confirmed critical``, ``suspected warning`` or ``cleared``."""
    reason: str
    found: str = ""
    bound: str = ""
    belief: str = ""
    since: str | None = None

    def lines(self) -> tuple[str, ...]:
        """What a person reads."""
        first = f"{self.state}: {self.check}"
        more = [f"found {self.found}; bound {self.bound}" if self.found else "", self.belief]
        return (first, self.reason, *(line for line in more if line))


@dataclass(frozen=True)
class Message:
    """What one channel is told of one night."""

    usecase: str
    title: str
    partition: str
    run: str
    backfilled: bool
    verdict: str
    page: str
    """The key of the report's page."""
    news: tuple[News, ...]

    @property
    def subject(self) -> str:
        """One line, without line breaks whatever a title holds.

        >>> Message("toy", "Toy", "2024-02-20", "1a", True, "", "", ()).subject
        'backfilled: toy 2024-02-20: nothing new'
        """
        counts: dict[str, int] = {}
        for each in self.news:
            counts[each.state] = counts.get(each.state, 0) + 1
        told = ", ".join(f"{number} {state}" for state, number in counts.items()) or "nothing new"
        head = "backfilled: " if self.backfilled else ""
        return " ".join(f"{head}{self.usecase} {self.partition}: {told}".split())

    @property
    def shown(self) -> tuple[News, ...]:
        """What is told in full."""
        return self.news[:SHOWN]

    @property
    def rest(self) -> str:
        """What is not, counted."""
        more = len(self.news) - SHOWN
        return f"and {more} more, in the report" if more > 0 else ""

    def document(self) -> dict[str, Any]:
        """What a webhook is sent: plain JSON values."""
        return {
            "schema": SCHEMA,
            "usecase": self.usecase,
            "partition": self.partition,
            "run": self.run,
            "backfilled": self.backfilled,
            "verdict": self.verdict,
            "page": self.page,
            "alarms": [
                {
                    "check": each.check,
                    "state": each.state,
                    "reason": each.reason,
                    "found": each.found,
                    "bound": each.bound,
                    "belief": each.belief,
                    "since": each.since,
                }
                for each in self.news
            ],
        }


def channel_name(channel: Channel) -> str:
    """How the journal names a channel: by its kind and its connection, never by an address.

    >>> from laurel.domain.config.alarms import Slack
    >>> channel_name(Slack(kind="slack", connection="slack_ops"))
    'slack:slack_ops'
    """
    return f"{channel.kind}:{channel.connection}"


def news_for(
    channel: Channel,
    document: Mapping[str, Any],
    log: AlarmLog,
    *,
    cooldown: int,
) -> tuple[News, ...]:
    """What a report has to say that a channel has not been told within the cooldown.

    So a repeated task tells nothing twice, and an alarm that comes and goes is told once.
    """
    night, name = document["partition"], channel_name(channel)
    told = {
        (entry.check, entry.state)
        for entry in log.of("told")
        if entry.channel == name and nights_between(entry.partition or night, night) <= cooldown
    }
    every = [*_raised(channel, document), *_cleared(document, log, name)]
    return tuple(each for each in every if (each.check, each.state) not in told)


def _raised(channel: Channel, document: Mapping[str, Any]) -> Iterator[News]:
    for alarm in document["alarms"]:
        floor = SEVERITIES.index(alarm["severity"]) <= SEVERITIES.index(channel.severity)
        suspicion = alarm["state"] == "suspected" and not channel.suspected
        # a fact has no state before this night; a statistic is news on the night of its change
        fresh = alarm["since"] is None or alarm["change"] is not None
        if floor and fresh and not suspicion and alarm["silenced"] is None:
            yield News(
                check=alarm["check"],
                state=f"{alarm['state']} {alarm['severity']}",
                reason=alarm["reason"],
                found=alarm["found"],
                bound=alarm["bound"],
                belief=alarm["belief"],
                since=alarm["since"],
            )


def _cleared(document: Mapping[str, Any], log: AlarmLog, name: str) -> Iterator[News]:
    """Of alarms that this channel was told of; who heard of none need not hear that it is gone."""
    heard = {entry.check for entry in log.of("told") if entry.channel == name}
    for check in document["cleared"]:
        if check in heard:
            yield News(check, "cleared", f"{check} is within its bound again")
