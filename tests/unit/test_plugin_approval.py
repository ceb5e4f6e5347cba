"""The task that asks a person: what it asks, what an answer becomes, and when it asks nobody."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

import laurel.runs.site
import laurel.usecase
from laurel.adapters.records import Ledger
from laurel.domain.approval_request import Request
from laurel.domain.ledger import Question
from laurel_airflow import sensors
from laurel_airflow.approval import ApproveOperator
from support.memory import MemoryStore
from support.records import day, decision

LATER = datetime.now(UTC) + timedelta(hours=2)
EARLIER = datetime(2013, 7, 9, tzinfo=UTC)


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A site with this ledger, whose requests name no evidence."""
    found = Ledger(MemoryStore(), "flights")
    case = SimpleNamespace(name="flights", config=SimpleNamespace(gate=SimpleNamespace()))
    site = SimpleNamespace(settings=SimpleNamespace(signing_key=None), ledger=lambda _: found)
    monkeypatch.setattr(laurel.runs.site, "open_site", lambda **_: site)
    monkeypatch.setattr(laurel.usecase, "get_usecase", lambda *_: case)
    monkeypatch.setattr("laurel.runs.approve.ask", lambda *_, **__: Request("Shall A?", "why"))
    return found


def register(ledger: Ledger, *, until: datetime = LATER, by: tuple[str, ...] = ("ada",)) -> None:
    question = Question(by=by, until=until, otherwise="decline")
    ledger.decide(decision(7, "registered", name="A").model_copy(update={"question": question}))


def context(version: str = "A") -> Any:
    told = {"model_version": version}
    return {
        "params": {},
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: told if task_ids == "decide" else None),
        "outlet_events": defaultdict(SimpleNamespace),
    }


def task() -> ApproveOperator:
    return ApproveOperator(task_id="approve", usecase="flights")


def answer(option: str, *, by: str | None = "ada", reason: str | None = "reviewed") -> Any:
    return {
        "chosen_options": [option],
        "params_input": {} if reason is None else {"reason": reason},
        "responded_at": LATER,
        "responded_by_user": by and {"id": by, "name": by.title()},
        "timedout": by is None,
    }


def execute(monkeypatch: pytest.MonkeyPatch) -> tuple[ApproveOperator, Any]:
    """Run a task up to where Airflow parks it."""
    parked: list[ApproveOperator] = []
    monkeypatch.setattr(HITLOperator, "execute", lambda self, _: parked.append(self) or "parked")
    asking = task()
    return asking, type(asking).execute.__wrapped__(asking, context())  # type: ignore[attr-defined]


def test_the_question_is_the_one_that_the_ledger_holds(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(ledger, by=("ada", "bob"))

    asking, made = execute(monkeypatch)

    assert made == "parked"
    assert (asking.subject, asking.body, asking.defaults) == ("Shall A?", "why", ["Decline"])
    assert [user["id"] for user in asking.assigned_users or ()] == ["ada", "bob"]
    assert asking.response_timeout is not None
    assert timedelta(hours=1) < asking.response_timeout <= timedelta(hours=2)
    assert list(asking.params) == ["reason"]


def test_nobody_is_asked_about_what_does_not_wait(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.decide(decision(7, "rejected", name="A"))

    with pytest.raises(AirflowSkipException, match="A does not wait for approval"):
        execute(monkeypatch)


def test_nobody_is_asked_when_the_time_is_over_already(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(ledger, until=EARLIER)

    _, made = execute(monkeypatch)

    assert made["event"] == "declined"
    assert ledger.read().history[-1].decided_by == "time-out"


@pytest.mark.parametrize(("option", "event"), [("Approve", "approved"), ("Decline", "declined")])
def test_an_answer_is_an_entry_with_its_person(ledger: Ledger, option: str, event: str) -> None:
    register(ledger)
    asking = task()

    made = asking.execute_complete(context(), answer(option))

    entry = ledger.read().history[-1]
    assert (made["event"], entry.event, entry.decided_by) == (event, event, "ada")
    assert entry.reasons == ("reviewed",)
    assert asking.pages["Decision"].endswith("decision.html")


def test_silence_after_its_time_is_an_entry(ledger: Ledger) -> None:
    register(ledger, until=EARLIER)

    assert task().execute_complete(context(), answer("Decline", by=None))["event"] == "declined"


def test_silence_never_undoes_the_answer_that_a_command_gave(ledger: Ledger) -> None:
    register(ledger, until=EARLIER)
    ledger.approve("A", by="ada", reason="by a command, while Airflow still asked")

    made = task().execute_complete(context(), answer("Decline", by=None))

    assert (made["event"], made["repeated"]) == ("approved", True)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (answer("Approve", by="eve"), "eve was not asked about A"),
        (answer("Approve", reason=None), "needs a name and a reason"),
        (answer("Decline", reason="  "), "needs a name and a reason"),
    ],
)
def test_an_answer_that_the_ledger_refuses_is_red_at_once_and_appends_nothing(
    ledger: Ledger, given: Any, fault: str
) -> None:
    register(ledger)

    with pytest.raises(AirflowFailException, match=fault):
        task().execute_complete(context(), given)

    assert len(ledger.read().history) == 1


def test_an_answer_against_the_one_that_a_command_gave_is_red(ledger: Ledger) -> None:
    register(ledger)
    ledger.decline_model("A", by="ada", reason="no")

    with pytest.raises(AirflowFailException, match="declined by ada"):
        task().execute_complete(context(), answer("Approve"))


def test_an_answer_after_a_later_decision_is_red(ledger: Ledger) -> None:
    register(ledger)
    ledger.decide(decision(14, name="B"))

    with pytest.raises(AirflowFailException, match="comes too late"):
        task().execute_complete(context(), answer("Approve"))


@pytest.mark.parametrize(("decided", "running"), [(True, 0), (False, 1)])
def test_a_training_does_not_wait_for_a_question_that_was_answered_elsewhere(
    ledger: Ledger, decided: bool, running: int
) -> None:
    register(ledger)
    if decided:
        ledger.approve("A", by="ada", reason="by a command")
    asked: dict[str, Any] = {}

    def parked(**words: Any) -> int:
        asked.update(words)
        return 1

    usecase: Any = SimpleNamespace(config=SimpleNamespace(gate=SimpleNamespace(approval="yes")))
    site: Any = SimpleNamespace(ledger=lambda _: ledger)
    given: Any = {
        "ti": SimpleNamespace(get_dr_count=lambda **_: 1, get_ti_count=parked),
        "dag": SimpleNamespace(dag_id="flights_train"),
    }
    count = sensors.TrainingInputsSensor._running(site, usecase, given, {day(0): day(7)})

    assert count == running
    if decided:
        assert (asked["task_ids"], asked["logical_dates"]) == (["approve"], [day(0)])
