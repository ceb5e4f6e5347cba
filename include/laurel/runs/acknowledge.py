"""A person's word on an alarm: it silences the nights to come, and changes none before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from laurel.adapters.records.alarms import AlarmJournal
from laurel.domain.alarms.record import AlarmEntry, AlarmLog
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, NotFound
from laurel.runs.calibrate import expect_person
from laurel.runs.reports import NightReport, list_reports
from laurel.runs.site import Site
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Acknowledged:
    """The entry, and whether it had been written before."""

    entry: AlarmEntry
    repeated: bool

    def sentence(self) -> str:
        """What is silenced, and for how long."""
        said = self.entry
        until = f"until {said.until}" if said.until else "until it clears"
        again = "; this was said before" if self.repeated else ""
        return f"{said.check} is acknowledged by {said.by} from {said.first} on, {until}{again}"


def newest_report(site: Site, usecase: UseCase) -> NightReport:
    """The report of the newest night; raises :class:`NotFound` where there is none."""
    found = list_reports(site.store, usecase.name)
    if not found:
        raise NotFound(
            "there is no report yet",
            usecase=usecase.name,
            hint=f"run {usecase.name}_monitor",
        )
    return found[-1]


def acknowledge(
    site: Site,
    usecase: UseCase,
    *,
    check: str,
    by: str,
    reason: str,
    until: Partition | None = None,
    first: Partition | None = None,
) -> Acknowledged:
    """Acknowledge an alarm from the night ``first`` on, by default the one after the newest report.

    It is silenced until the night ``until``, which is included, or until it clears. Raises
    :class:`NotFound` where the newest report has no such alarm, :class:`Refused` without a person
    and a reason, :class:`ConfigError` for an end before the beginning.
    """
    expect_person(usecase, by=by, reason=reason)
    newest = newest_report(site, usecase)
    open_ = [alarm["check"] for alarm in newest.document["alarms"]]
    if check not in open_:
        raise NotFound(
            "the newest report has no such alarm",
            usecase=usecase.name,
            partition=newest.partition,
            found=check,
            expected=", ".join(open_) or "no alarm at all",
            hint=f"see: laurel alarms list {usecase.name}",
        )
    begins = first or Partition.of(newest.partition).shifted(1)
    if until is not None and until < begins:
        raise ConfigError(
            "an acknowledgement cannot end before it begins",
            usecase=usecase.name,
            found=f"until {until.key}",
            expected=f"{begins.key} or later, from which night on it holds",
        )
    entry = AlarmEntry(
        event="acknowledged",
        at=datetime.now(UTC),
        check=check,
        first=begins.key,
        until=until.key if until else None,
        by=by,
        reason=reason,
    )
    journal = AlarmJournal(site.store, usecase.name)
    written = journal.append(lambda log: None if _same(log, entry) else entry)
    return Acknowledged(written or entry, repeated=written is None)


def _same(log: AlarmLog, entry: AlarmEntry) -> bool:
    fields = {"number", "at"}
    said = entry.model_dump(exclude=fields)
    return any(each.model_dump(exclude=fields) == said for each in log.of("acknowledged"))
