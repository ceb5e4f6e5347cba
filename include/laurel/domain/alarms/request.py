"""Whether a night asks for retraining: once, never in a loop, and never from a backfill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.domain.alarms.record import AlarmEntry, AlarmLog
from laurel.domain.alarms.settled import CURABLE
from laurel.domain.alarms.state import nights_between
from laurel.domain.canonical import instant
from laurel.domain.config import Alarms
from laurel.domain.ledger import LedgerState
from laurel.domain.partition import Partition

LONGEST = 500
"""Characters of a reason at most."""


@dataclass(frozen=True)
class Request:
    """A training that a night asks for."""

    usecase: str
    partition: str
    as_of: datetime
    reason: str
    since: str
    """The first night of the alarm."""

    @property
    def run_id(self) -> str:
        """The id of the training's run: the same at every retry, so that it is triggered once."""
        return f"alarm_{self.partition}"

    @property
    def conf(self) -> dict[str, str]:
        """What the training is given."""
        return {"as_of": instant(self.as_of), "reason": self.reason}


@dataclass(frozen=True)
class Declined:
    """Why no training is asked for."""

    why: str


def ask(
    document: Mapping[str, Any],
    log: AlarmLog,
    ledger: LedgerState,
    *,
    backfilled: bool,
    rules: Alarms,
) -> Request | Declined:
    """What a night's report asks for, by what was asked and decided before."""
    night = Partition.of(document["partition"])
    if not document["retrain"]:
        return Declined("the report does not ask for retraining")
    if backfilled:
        return Declined("a backfilled night does not ask for retraining")
    alarms = [alarm for alarm in document["alarms"] if _asks(alarm)]
    since = min(alarm["since"] or night.key for alarm in alarms)
    request = Request(
        usecase=document["usecase"],
        partition=night.key,
        as_of=night.end,
        reason="; ".join(alarm["reason"] for alarm in alarms)[:LONGEST],
        since=since,
    )
    asked = log.of("asked")
    if any(entry.partition == night.key for entry in asked):
        return request  # a retry: the same run, which is triggered once
    why = _hindered(request, asked, ledger, rules=rules)
    return Declined(why) if why else request


def _hindered(
    request: Request,
    asked: tuple[AlarmEntry, ...],
    ledger: LedgerState,
    *,
    rules: Alarms,
) -> str | None:
    decided = ledger.newest_as_of
    if decided is not None and decided >= request.as_of:
        return f"a training as of {instant(decided)} is decided, which knows this night already"
    champion = ledger.champion
    if champion is not None and champion.as_of > Partition.of(request.since).end:
        return (
            f"the newest champion {champion.model_version} was trained after the alarm began "
            f"on {request.since}"
        )
    for entry in asked:
        partition = entry.partition or request.partition
        if decided is None or decided < Partition.of(partition).end:
            return f"the training asked for on {partition} is not decided yet: {entry.run}"
        gone = nights_between(partition, request.partition)
        if gone < rules.retrain_cooldown_days:
            return f"a training was asked for {gone} days ago, on {partition}"
    return None


def _asks(alarm: Mapping[str, Any]) -> bool:
    return (
        alarm["state"] == "confirmed"
        and alarm["silenced"] is None
        and alarm["severity"] == "critical"
        and alarm["check"].startswith(CURABLE)
    )
