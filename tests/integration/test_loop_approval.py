"""Approval through Airflow: who is asked, who may answer, what is asked twice, and silence."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from laurel.domain.canonical import instant
from laurel.local.runs import Run
from support import asked
from support.asked import AS_OFS, account
from support.loop import SECONDS, Running

pytest_plugins = ["support.loop_fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

REASON = "the slices look right and the night team agrees"


@dataclass(frozen=True)
class Asked:
    """A training whose question is open, and what became of it."""

    run: Run
    detail: dict[str, Any]
    """The question, as Airflow's API tells it."""
    pending: tuple[str, ...]
    """Who waited in the ledger meanwhile."""
    refused: httpx.Response
    """The answer of somebody who was not asked."""
    ended: Run


def hitl(running: Running, run: Run, **words: Any) -> httpx.Response:
    """Ask for the question of a run, or answer it."""
    token = words.pop("token", running.token)
    path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/approve/-1/hitlDetails"
    return httpx.request(
        "PATCH" if words else "GET",
        f"{running.api.url}{path}",
        headers={"Authorization": f"Bearer {token}"},
        json=words or None,
        trust_env=False,
        timeout=60,
    )


def state_of(running: Running, run: Run, task: str = "approve") -> str | None:
    return running.tasks(run)[task].state


def until(running: Running, run: Run, state: str) -> None:
    deadline = time.monotonic() + SECONDS
    while (found := state_of(running, run)) != state:
        assert time.monotonic() < deadline, found
        assert found not in ("failed", "upstream_failed"), _logs(running, run)
        time.sleep(1)


def _logs(running: Running, run: Run) -> str:
    tasks = running.tasks(run).values()
    return "\n".join(line for task in tasks for line in running.api.log(run, task)[-15:])


def train(running: Running, as_of: str) -> Run:
    return running.api.trigger("asked_train", conf={"as_of": as_of})


def ended(running: Running, run: Run) -> Run:
    (found,) = running.ended(lambda: [running.api.run(run.dag_id, run.run_id)])
    return found


@pytest.fixture(scope="module")
def question(running: Running) -> Asked:
    """A training is asked about, somebody else tries to answer, the admin does."""
    asked.fill(running.home)
    running.stack.switch_on("asked_train")
    run = train(running, instant(AS_OFS[0]))
    until(running, run, "awaiting_input")
    detail = hitl(running, run).json()
    pending = tuple(str(e.model_version) for e in asked.ledger(running.home).pending)
    answer: dict[str, Any] = {"chosen_options": ["Approve"], "params_input": {"reason": REASON}}
    refused = hitl(running, run, token=asked.token_of(running.stack, "eve"), **answer)
    assert hitl(running, run, **answer).status_code == 200
    return Asked(run, detail, pending, refused, ended(running, run))


def test_a_question_names_who_is_asked_and_holds_the_evidence(
    running: Running, question: Asked
) -> None:
    (version,) = question.pending
    detail = question.detail

    assert detail["subject"] == f"Shall {version} reign?"
    assert [user["id"] for user in detail["assigned_users"]] == ["admin", account()]
    assert (detail["options"], detail["defaults"]) == (["Approve", "Decline"], ["Decline"])
    assert "| auc, at least |" in detail["body"]
    link = detail["body"].partition("](")[2].partition(")")[0]
    assert link.startswith(running.api.url)
    page = running.page(link.removeprefix(running.api.url))
    assert page.status_code == 200
    assert version in page.text


def test_somebody_who_was_not_asked_is_refused_by_airflow(question: Asked) -> None:
    assert question.refused.status_code == 403
    assert "eve" in question.refused.json()["detail"]


def test_the_ledger_tells_who_approved_and_why(running: Running, question: Asked) -> None:
    first, second, *_ = asked.ledger(running.home).history

    assert question.ended.state == "success"
    assert (first.event, first.decided_by) == ("registered", "gate")
    assert (second.event, second.decided_by) == ("approved", "admin")
    assert (second.reasons, second.model_version) == ((REASON,), first.model_version)
    champion = asked.ledger(running.home).champion_as_of(second.effective_from)
    assert champion == second


def test_a_cleared_run_finds_the_answer_and_asks_nobody_again(
    running: Running, question: Asked
) -> None:
    before = asked.ledger(running.home)
    running.api.request(
        "POST",
        f"/dags/{question.run.dag_id}/dagRuns/{question.run.run_id}/clear",
        json={"dry_run": False, "only_failed": False},
    )
    again = ended(running, question.run)

    assert again.state == "success"
    assert state_of(running, again) == "skipped"
    assert asked.ledger(running.home) == before


def test_silence_declines_at_its_time_while_airflow_waits(
    running: Running, question: Asked
) -> None:
    asked.ask(running.home.folder / "cases", hours=20 / 3600)
    run = train(running, instant(AS_OFS[1]))

    assert ended(running, run).state == "success"
    *_, registered, declined = asked.ledger(running.home).history
    assert (registered.event, registered.as_of) == ("registered", AS_OFS[1])
    assert (declined.event, declined.decided_by) == ("declined", "time-out")
    assert "nobody answered by" in declined.reasons[0]
    champion = asked.ledger(running.home).champion
    assert champion is not None
    assert champion.as_of == AS_OFS[0]
