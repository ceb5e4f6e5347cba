"""An audit proves who answered, whether they were asked, and what a rollback leads to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from laurel.adapters.records import Ledger
from laurel.domain.ledger import LedgerState, Question
from laurel.runs.proof.person import prove_person
from support.memory import MemoryStore
from support.records import day, decision

UNTIL = day(10)


def history() -> LedgerState:
    """A registration, its approval, a promotion and a rollback, all as the rules allow."""
    ledger = Ledger(MemoryStore(), "flights")
    question = Question(by=("ada",), until=UNTIL, otherwise="decline")
    ledger.decide(decision(7, "registered", name="A").model_copy(update={"question": question}))
    ledger.approve("A", by="ada", reason="reviewed", decided_at=day(9))
    ledger.decide(decision(14, name="B"))
    ledger.roll_back("A", by="bob", reason="B is wrong", effective_from=day(18))
    return ledger.read()


def faults(place: int, **change: Any) -> str:
    entries = history().history
    entry = entries[place].model_copy(update=change)
    found = prove_person("here", entry, LedgerState(entries[:place]))
    return "\n".join(finding.text() for finding in found)


def test_what_the_rules_allowed_is_proved() -> None:
    assert [faults(place) for place in range(4)] == ["", "", "", ""]


@pytest.mark.parametrize(
    ("place", "change", "fault"),
    [
        (1, {"decided_by": "mallory"}, "somebody answered who was not asked"),
        (1, {"decided_by": "time-out"}, "silence was taken for an answer"),
        (1, {"decided_by": "time-out", "decided_at": UNTIL}, "silence was taken for an answer"),
        (1, {"model_version": "C"}, "about a model that did not wait"),
        (1, {"evidence": "other"}, "the evidence is not that of entry 1"),
        (1, {"effective_from": day(7)}, "takes effect at another moment"),
        (3, {"model_version": "C"}, "to a model that had not passed the gate"),
        (3, {"bundle": "other"}, "the bundle is not that of entry 2"),
    ],
)
def test_what_the_rules_would_have_refused_is_named(
    place: int, change: dict[str, Any], fault: str
) -> None:
    assert fault in faults(place, **change)


def test_a_refusal_by_silence_at_its_time_is_proved() -> None:
    entries = history().history
    said = {"event": "declined", "decided_by": "time-out", "decided_at": UNTIL + timedelta(1)}
    entry = entries[1].model_copy(update=said)

    assert list(prove_person("here", entry, LedgerState(entries[:1]))) == []
