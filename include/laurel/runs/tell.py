"""What a night's alarms do: they are written down, told to each channel once, and ask for training.

A message is sent first and remembered then: a run that is killed in between tells a channel twice,
never not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from laurel.adapters.records.alarms import AlarmJournal
from laurel.domain.alarms.message import Message, channel_name, news_for
from laurel.domain.alarms.record import AlarmEntry, AlarmLog
from laurel.domain.alarms.request import Declined, Request, ask
from laurel.domain.bundle import bundle_prefix
from laurel.domain.config.alarms import Channel
from laurel.runs.site import Site
from laurel.usecase import UseCase


def report_document(site: Site, usecase: UseCase, run: str) -> dict[str, Any]:
    """The document of a report; raises :class:`NotFound`."""
    prefix = bundle_prefix(usecase.name, "monitor", run)
    found: dict[str, Any] = json.loads(site.store.read(f"{prefix}/report.json"))
    return found


def write_changes(
    site: Site, usecase: UseCase, *, document: Mapping[str, Any], run: str, backfilled: bool
) -> AlarmEntry | None:
    """Write what a night changed into the journal of alarms, once; nothing where nothing did."""
    changes = (
        *(
            f"{alarm['check']} {alarm['change'] or 'found'} {alarm['severity']}"
            for alarm in document["alarms"]
            # a fact, of which no night before is known, is written down on each of its nights
            if alarm["change"] is not None or alarm["since"] is None
        ),
        *(f"{check} cleared" for check in document["cleared"]),
    )
    if not changes:
        return None
    entry = AlarmEntry(
        event="changed",
        at=datetime.now(UTC),
        partition=document["partition"],
        run=run,
        backfilled=backfilled,
        changes=changes,
    )

    def say(log: AlarmLog) -> AlarmEntry | None:
        known = any(
            said.partition == entry.partition and said.changes == changes
            for said in log.of("changed")
        )
        return None if known else entry

    return AlarmJournal(site.store, usecase.name).append(say)


def messages(
    site: Site, usecase: UseCase, *, run: str, backfilled: bool
) -> Iterator[tuple[Channel, Message]]:
    """What each configured channel has not been told yet; remember each when it is sent."""
    config = usecase.config
    if backfilled and not config.alarms.notify_backfilled:
        return
    document = report_document(site, usecase, run)
    for channel in config.alarms.notify:
        log = AlarmJournal(site.store, usecase.name).read()
        news = news_for(channel, document, log, cooldown=config.alarms.cooldown_nights)
        if news:
            yield (
                channel,
                Message(
                    usecase=usecase.name,
                    title=config.title,
                    partition=document["partition"],
                    run=run,
                    backfilled=backfilled,
                    verdict=document["verdict"],
                    page=f"{bundle_prefix(usecase.name, 'monitor', run)}/report.html",
                    news=news,
                ),
            )


def remember(site: Site, usecase: UseCase, *, channel: Channel, message: Message) -> None:
    """Write down what a channel was told."""
    journal = AlarmJournal(site.store, usecase.name)
    entries = [
        AlarmEntry(
            event="told",
            at=datetime.now(UTC),
            partition=message.partition,
            run=message.run,
            backfilled=message.backfilled,
            check=news.check,
            state=news.state,
            channel=channel_name(channel),
        )
        for news in message.news
    ]
    for entry in entries:
        journal.append(partial(_say, entry))


def _say(entry: AlarmEntry, _log: AlarmLog) -> AlarmEntry:
    return entry


def request_training(
    site: Site, usecase: UseCase, *, run: str, backfilled: bool
) -> Request | Declined:
    """The training that a night asks for, written down before anything is triggered."""
    document = report_document(site, usecase, run)
    ledger = site.ledger(usecase).read()
    said: list[Request | Declined] = []

    def say(log: AlarmLog) -> AlarmEntry | None:
        found = ask(document, log, ledger, backfilled=backfilled, rules=usecase.config.alarms)
        said.append(found)
        if isinstance(found, Declined) or _asked(log, found):
            return None
        return AlarmEntry(
            event="asked",
            at=datetime.now(UTC),
            partition=found.partition,
            run=found.run_id,
            reason=found.reason,
            since=found.since,
        )

    AlarmJournal(site.store, usecase.name).append(say)
    return said[-1]


def _asked(log: AlarmLog, request: Request) -> bool:
    return any(entry.partition == request.partition for entry in log.of("asked"))
