"""Approval by people: who may answer, what silence means, and what a later decision does to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from laurel.adapters.records import Ledger
from laurel.domain.approval_request import approval_request
from laurel.domain.config import Approval, Gate
from laurel.domain.gate import policy_digest
from laurel.domain.ledger import LedgerEntry, Question, settled
from laurel.errors import Refused
from support.decisions import make_documents, make_evidence, make_policy
from support.memory import MemoryStore
from support.records import day, decision

DUE = day(10)


def registered(
    *, name: str = "A", as_of: int = 7, by: tuple[str, ...] = ("ada", "bob"), **words: Any
) -> LedgerEntry:
    otherwise = words.pop("otherwise", "decline")
    question = Question(by=by, until=DUE, otherwise=otherwise)
    made = decision(as_of, "registered", name=name, **words)
    return made.model_copy(update={"question": question})


@pytest.fixture
def ledger() -> Ledger:
    found = Ledger(MemoryStore(), "flights")
    found.decide(registered())
    return found


def champion(ledger: Ledger, t: datetime = DUE) -> str | None:
    entry = ledger.read().champion_as_of(t)
    return entry.model_version if entry else None


def test_only_who_was_asked_may_answer(ledger: Ledger) -> None:
    for answer in (ledger.approve, ledger.decline_model):
        with pytest.raises(Refused, match="mallory was not asked about A") as refused:
            answer("A", by="mallory", reason="I like it")
        assert "one of ada, bob" in str(refused.value)
    with pytest.raises(Refused, match="mallory was not asked"):
        ledger.decline(day(7), by="mallory", reason="no")
    assert ledger.head().number == 1

    ruling = ledger.approve("A", by="bob", reason="reviewed the slices")

    assert (ruling.entry.event, ruling.entry.decided_by) == ("approved", "bob")
    assert ruling.entry.reasons == ("reviewed the slices",)
    assert (ruling.entry.question, champion(ledger)) == (None, "A")


def test_the_first_of_two_answers_stands(ledger: Ledger) -> None:
    ledger.decline_model("A", by="ada", reason="the night is bad")

    with pytest.raises(Refused, match="cannot be approved") as refused:
        ledger.approve("A", by="bob", reason="but I like it")
    assert "declined by ada" in str(refused.value)
    assert ledger.decline_model("A", by="bob", reason="so do I").outcome == "existing"

    other = Ledger(MemoryStore(), "flights")
    other.decide(registered())
    other.approve("A", by="ada", reason="fine")
    with pytest.raises(Refused, match="decided already"):
        other.decline_model("A", by="bob", reason="no")
    assert champion(other) == "A"


@pytest.mark.parametrize(
    ("otherwise", "event", "reigning"),
    [("decline", "declined", None), ("approve", "approved", "A")],
)
def test_silence_means_what_was_said_and_not_before_its_time(
    otherwise: str, event: str, reigning: str | None
) -> None:
    ledger = Ledger(MemoryStore(), "flights")
    ledger.decide(registered(otherwise=otherwise))
    with pytest.raises(Refused, match="still waits for an answer"):
        ledger.time_out("A", decided_at=DUE - timedelta(seconds=1))

    said = ledger.time_out("A", decided_at=DUE).entry

    assert (said.event, said.decided_by) == (event, "time-out")
    assert said.reasons == (f"nobody answered by 2013-07-11T00:00:00Z: that means {otherwise}",)
    assert champion(ledger) == reigning
    assert ledger.time_out("A", decided_at=DUE).outcome == "existing"


def test_an_answer_that_came_first_beats_the_time_out_and_a_late_one_still_counts() -> None:
    ledger = Ledger(MemoryStore(), "flights")
    ledger.decide(registered())
    ledger.approve("A", by="ada", reason="late, but before the time-out", decided_at=day(20))

    ruling = ledger.time_out("A", decided_at=day(21))

    assert (ruling.outcome, ruling.entry.decided_by) == ("existing", "ada")


def test_an_answer_after_a_later_decision_is_refused(ledger: Ledger) -> None:
    ledger.decide(decision(14, name="B"))

    for answer in (ledger.approve, ledger.decline_model):
        with pytest.raises(Refused, match="comes too late") as refused:
            answer("A", by="ada", reason="reviewed")
        assert "to change the champion run laurel rollback" in str(refused.value)
    assert ledger.time_out("A", decided_at=day(30)).outcome == "existing"
    assert champion(ledger, day(30)) == "B"


def test_declining_a_model_never_declines_the_one_that_superseded_it(ledger: Ledger) -> None:
    ledger.decide(registered(name="B", inputs="corrected"), supersede=True)

    with pytest.raises(Refused, match="A does not wait for approval"):
        ledger.decline_model("A", by="ada", reason="the old one is bad")

    assert [entry.model_version for entry in ledger.read().pending] == ["B"]


def test_a_repeated_decision_finds_the_answer_and_asks_nobody_again(ledger: Ledger) -> None:
    assert ledger.decide(registered()).entry.event == "registered"
    ledger.approve("A", by="ada", reason="fine")

    again = ledger.decide(registered())

    assert (again.outcome, again.entry.decided_by) == ("existing", "ada")
    assert ledger.head().number == 2


def test_a_scoring_waits_for_an_answer_that_is_due_and_for_no_other(ledger: Ledger) -> None:
    assert settled(ledger.read(), None, t=day(7))
    assert not settled(ledger.read(), day(7), t=day(8)), "the registration alone settles nothing"
    ledger.decline_model("A", by="ada", reason="no")
    assert settled(ledger.read(), day(7), t=day(8))


def test_a_question_is_read_back_as_it_was_asked() -> None:
    store = MemoryStore()
    Ledger(store, "flights").decide(registered())
    (entry,) = Ledger(store, "flights").read().history
    assert entry.question == Question(by=("ada", "bob"), until=DUE, otherwise="decline")


def test_who_approves_is_no_part_of_the_policy_nor_of_a_training() -> None:
    plain = make_policy()
    asked = Gate.model_validate({**plain.model_dump(), "approval": {"by": ["ada"]}})

    assert asked.approval is not None
    assert (asked.approval.timeout, asked.approval.on_timeout) == (timedelta(hours=72), "decline")
    assert policy_digest(asked) == policy_digest(plain)
    assert "approval" not in asked.model_dump(mode="json")


@pytest.mark.parametrize(
    "said",
    [{"by": []}, {"by": [" "]}, {"by": ["gate"]}, {"by": ["ada"], "timeout_hours": 0}, {},
     {"by": ["ada"], "on_timeout": "wait"}, {"by": ["ada"], "until": "noon"}],
)  # fmt: skip
def test_a_question_to_nobody_or_without_an_end_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Approval.model_validate(said)


def test_a_request_holds_the_evidence_and_nothing_that_markdown_would_obey() -> None:
    documents = make_documents(make_evidence(origin="[x](http://evil)<b>|"))
    entry = registered(name="flights-20130701-8be21c")

    request = approval_request(
        entry,
        documents["verdict"],
        champion="flights-20130601-3fa9c1",
        page="http://127.0.0.1:8080/laurel/pages/x.html",
    )

    assert request.subject == "Shall flights-20130701-8be21c reign?"
    assert "instead of **flights-20130601-3fa9c1**" in request.body
    assert "(http://127.0.0.1:8080/laurel/pages/x.html)" in request.body
    found = next(c for c in documents["verdict"]["checks"] if c["kind"] == "at_least")
    assert f"| auc, at least | {found['found']:.4g} | 0.65 | pass |" in request.body
    assert "Asked: ada, bob. Without an answer by 2013-07-11T00:00:00Z it is declined." in (
        request.body
    )
    assert "](http://evil)" not in request.body.replace("\\](http://evil)", "")
    assert "<b>" not in request.body
    rows = [line for line in request.body.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}
