"""What alarms do: told once to each channel, escaped, and asking for training at most once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from laurel.domain.alarms.message import SHOWN, Message, News, channel_name, news_for
from laurel.domain.alarms.record import AlarmEntry, AlarmLog
from laurel.domain.alarms.request import Declined, Request, ask
from laurel.domain.config import Alarms
from laurel.domain.config.alarms import Mail, Slack, Webhook
from laurel.domain.ledger import LedgerEntry, LedgerState

NIGHT = "2024-02-20"
NOW = datetime(2024, 3, 1, tzinfo=UTC)
MAIL = Mail(kind="mail", connection="smtp_ops", to=("ops@example.org",))
HOOK = Webhook(kind="webhook", connection="hook", severity="critical")
WARY = Slack(kind="slack", connection="slack_ops", suspected=True)
RULES = Alarms(retrain_cooldown_days=14)


def alarm(check: str = "drift/x", **changes: Any) -> dict[str, Any]:
    return {
        "check": check,
        "severity": "critical",
        "found": "PSI 0.40",
        "bound": "PSI below 0.12",
        "reason": f"{check} has drifted",
        "state": "confirmed",
        "since": "2024-02-19",
        "tally": "2 of the last 3 nights",
        "change": "confirmed",
        "silenced": None,
        "belief": "exceeded on 1 of 90 quiet nights",
    } | changes


def report(*alarms: dict[str, Any], night: str = NIGHT, **changes: Any) -> dict[str, Any]:
    return {
        "usecase": "toy",
        "partition": night,
        "verdict": "1 alarm.",
        "alarms": list(alarms),
        "cleared": [],
        "retrain": True,
    } | changes


def entry(event: str, **fields: Any) -> AlarmEntry:
    return AlarmEntry.model_validate({"event": event, "at": NOW, **fields})


def told(channel: Any, check: str, state: str, night: str = NIGHT) -> AlarmEntry:
    return entry("told", partition=night, check=check, state=state, channel=channel_name(channel))


def states(
    channel: Any, document: dict[str, Any], *log: AlarmEntry, cooldown: int = 7
) -> list[str]:
    found = news_for(channel, document, AlarmLog(log), cooldown=cooldown)
    return [f"{news.check} {news.state}" for news in found]


def test_a_change_is_told_and_told_once() -> None:
    document = report(alarm())

    assert states(MAIL, document) == ["drift/x confirmed critical"]
    assert states(MAIL, document, told(MAIL, "drift/x", "confirmed critical")) == []
    assert states(HOOK, document, told(MAIL, "drift/x", "confirmed critical")) == [
        "drift/x confirmed critical"
    ], "each channel is remembered by itself"


def test_a_night_that_changes_nothing_is_silent() -> None:
    assert states(MAIL, report(alarm(change=None))) == []


def test_an_alarm_that_comes_and_goes_is_told_once_within_the_cooldown() -> None:
    before = told(MAIL, "drift/x", "confirmed critical", "2024-02-14")

    assert states(MAIL, report(alarm()), before) == []
    assert states(MAIL, report(alarm()), before, cooldown=5) == ["drift/x confirmed critical"]
    assert states(MAIL, report(alarm()), told(MAIL, "drift/x", "confirmed warning")) == [
        "drift/x confirmed critical"
    ], "what becomes worse is news"


def test_a_fact_that_lasts_is_told_once_within_the_cooldown() -> None:
    stale = report(alarm("freshness/returns", since=None, change=None))
    said = told(MAIL, "freshness/returns", "confirmed critical", "2024-02-18")

    assert states(MAIL, stale) == ["freshness/returns confirmed critical"]
    assert states(MAIL, stale, said) == []


@pytest.mark.parametrize(
    ("channel", "changes", "heard"),
    [
        (HOOK, {"severity": "warning"}, False),
        (HOOK, {"severity": "critical"}, True),
        (MAIL, {"severity": "warning"}, True),
        (MAIL, {"state": "suspected", "change": "suspected"}, False),
        (WARY, {"state": "suspected", "change": "suspected"}, True),
        (WARY, {"silenced": "acknowledged by ada until it clears: a sale"}, False),
    ],
)
def test_channels_hear_what_is_grave_enough_for_them(
    channel: Any, changes: dict[str, Any], heard: bool
) -> None:
    assert bool(states(channel, report(alarm(**changes)))) is heard


def test_who_was_told_of_an_alarm_is_told_that_it_cleared() -> None:
    document = report(cleared=["drift/x"])

    assert states(MAIL, document) == []
    assert states(MAIL, document, told(MAIL, "drift/x", "confirmed critical", "2024-02-10")) == [
        "drift/x cleared"
    ]


def message(*news: News, **changes: Any) -> Message:
    fields: dict[str, Any] = {
        "usecase": "toy",
        "title": "Toy",
        "partition": NIGHT,
        "run": "1a2b",
        "backfilled": False,
        "verdict": "1 alarm.",
        "page": "runs/toy/monitor/1a2b/report.html",
        "news": news,
    }
    return Message(**fields | changes)


def test_a_message_counts_what_it_does_not_show() -> None:
    many = message(*(News(f"drift/x{n}", "confirmed warning", "drifted") for n in range(50)))

    assert many.subject == "toy 2024-02-20: 50 confirmed warning"
    assert len(many.shown) == SHOWN
    assert many.rest == "and 30 more, in the report"
    assert len(many.document()["alarms"]) == 50


def test_a_backfilled_night_says_so_and_a_subject_is_one_line() -> None:
    found = message(News("drift/x\r\nBcc: all@example.org", "cleared", ""), backfilled=True)

    assert found.subject.startswith("backfilled: toy")
    assert "\n" not in message(usecase="to\ny").subject
    assert found.document()["backfilled"] is True


def decided(as_of: str, event: str = "promoted") -> LedgerEntry:
    moment = datetime.fromisoformat(as_of).replace(tzinfo=UTC)
    return LedgerEntry.model_validate(
        {
            "event": event,
            "model_version": f"toy-{as_of}",
            "bundle": "b" * 64,
            "run": "1a2b3c4d",
            "as_of": moment,
            "effective_from": moment + timedelta(days=1),
            "decided_at": NOW,
            "decided_by": "gate",
            "inputs": "i",
            "policy": "p",
        }
    )


LEDGER = LedgerState((decided("2024-02-12"),))


def asked(night: str) -> AlarmEntry:
    return entry("asked", partition=night, run=f"alarm_{night}", reason="drift", since=night)


def asks(
    document: dict[str, Any],
    *log: AlarmEntry,
    ledger: LedgerState = LEDGER,
    backfilled: bool = False,
) -> str:
    found = ask(document, AlarmLog(log), ledger, backfilled=backfilled, rules=RULES)
    return found.why if isinstance(found, Declined) else found.run_id


def test_a_confirmed_alarm_asks_with_its_reason_and_what_the_night_knew() -> None:
    found = ask(report(alarm()), AlarmLog(), LEDGER, backfilled=False, rules=RULES)

    assert isinstance(found, Request)
    assert found.run_id == "alarm_2024-02-20"
    assert found.conf == {"as_of": "2024-02-21T00:00:00Z", "reason": "drift/x has drifted"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backfilled": True}, "a backfilled night"),
        ({"document": report(alarm(), retrain=False)}, "the report does not ask"),
        (
            {"ledger": LedgerState((decided("2024-02-21"),))},
            "as of 2024-02-21T00:00:00Z is decided",
        ),
        (
            {"document": report(alarm(since="2024-02-10"))},
            "the newest champion toy-2024-02-12 was trained after the alarm began on 2024-02-10",
        ),
        ({"log": asked("2024-02-15")}, "asked for on 2024-02-15 is not decided yet"),
        ({"log": asked("2024-02-08")}, "a training was asked for 12 days ago"),
    ],
)
def test_what_hinders_a_request_is_said(changes: dict[str, Any], said: str) -> None:
    document = changes.pop("document", report(alarm()))
    log = [changes.pop("log")] if "log" in changes else []

    assert said in asks(document, *log, **changes)


def test_a_retry_asks_for_the_same_run() -> None:
    assert asks(report(alarm()), asked(NIGHT)) == f"alarm_{NIGHT}"


def test_nights_in_a_row_never_ask_in_a_loop() -> None:
    log: list[AlarmEntry] = []
    ledger = LEDGER
    requests = []
    for day in range(60):
        moment = datetime(2024, 2, 20, tzinfo=UTC) + timedelta(days=day)
        night = f"{moment:%Y-%m-%d}"
        since = f"{moment - timedelta(days=1):%Y-%m-%d}"
        found = ask(
            report(alarm(since=since), night=night),
            AlarmLog(tuple(log)),
            ledger,
            backfilled=False,
            rules=RULES,
        )
        if isinstance(found, Request):
            requests.append(day)
            log.append(asked(night))
        elif day == requests[-1] + 3:
            # the gate rejects each challenger, three nights after it was asked for
            end = f"{moment - timedelta(days=2):%Y-%m-%d}"
            ledger = LedgerState((*ledger.history, decided(end, "rejected")))

    assert requests == [0, 14, 28, 42, 56]
