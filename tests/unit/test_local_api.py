from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from laurel.errors import LaurelError, NotFound, Pending, Refused
from laurel.local.api import ApiClient
from laurel.local.runs import Run, read_lines

NOON = "2026-01-01T12:00:00Z"


class Server:
    """Answers by path, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"POST /auth/token": {"access_token": "one"}}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.get(f"{request.method} {request.url.path}")
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, httpx.Response):
            return answer
        if answer is None:
            return httpx.Response(404, json={"detail": "not there"})
        return httpx.Response(200, json=answer)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def api(server: Server) -> Iterator[ApiClient]:
    transport = httpx.MockTransport(server)
    login = {"user": "admin", "password": "pw"}
    with ApiClient("http://here", **login, transport=transport) as client:
        yield client


def run_row(state: str, *, run_id: str = "r1", queued_at: str = NOON) -> dict[str, Any]:
    return {
        "dag_id": "d",
        "dag_run_id": run_id,
        "state": state,
        "run_type": "backfill",
        "logical_date": "2013-01-01T00:00:00Z",
        "queued_at": queued_at,
        "start_date": None,
        "end_date": None,
        "conf": None,
    }


def late(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("timed out", request=request)


def run_in(state: str) -> Callable[[], list[Run]]:
    found = Run("d", "r1", state, "manual", None, None, None, None, {})
    return lambda: [found]


def test_an_expired_token_is_renewed_once(api: ApiClient, server: Server) -> None:
    tokens = iter(["one", "two"])
    server.answers["POST /auth/token"] = lambda _: {"access_token": next(tokens)}
    server.answers["GET /api/v2/version"] = lambda request: (
        {"version": "3"}
        if request.headers["Authorization"] == "Bearer two"
        else httpx.Response(401, json={"detail": "expired"})
    )

    assert api.get("/version") == {"version": "3"}
    assert json.loads(server.asked[0].content) == {"username": "admin", "password": "pw"}


def test_a_wrong_password_is_an_error_and_no_loop(api: ApiClient, server: Server) -> None:
    server.answers["POST /auth/token"] = httpx.Response(401, json={"detail": "Invalid"})

    with pytest.raises(LaurelError, match="401 Invalid"):
        api.get("/version")
    assert len(server.asked) == 1


@pytest.mark.parametrize(("code", "kind"), [(404, NotFound), (409, Refused), (422, LaurelError)])
def test_refusals_say_what_airflow_said(
    api: ApiClient, server: Server, code: int, kind: type[LaurelError]
) -> None:
    server.answers["GET /api/v2/x"] = httpx.Response(code, json={"detail": "because"})

    with pytest.raises(kind, match="because"):
        api.get("/x")


def test_a_silent_server_says_how_to_start_it(api: ApiClient, server: Server) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    server.answers["GET /api/v2/monitor/health"] = refuse

    with pytest.raises(LaurelError, match="laurel up"):
        api.health()


def test_collections_are_read_to_their_last_page(api: ApiClient, server: Server) -> None:
    rows = [run_row("success", run_id=f"r{number}") for number in range(230)]

    def page(request: httpx.Request) -> dict[str, Any]:
        offset, limit = (int(request.url.params[name]) for name in ("offset", "limit"))
        return {"dag_runs": rows[offset : offset + limit], "total_entries": len(rows)}

    server.answers["GET /api/v2/dags/d/dagRuns"] = page

    assert [run.run_id for run in api.runs("d")] == [row["dag_run_id"] for row in rows]


def test_a_pool_gets_the_slots_that_threads_are_counted_by(api: ApiClient, server: Server) -> None:
    server.answers["GET /api/v2/pools/heavy"] = {"slots": 1}
    assert not api.ensure_pool("heavy", 1, "…")

    server.answers["PATCH /api/v2/pools/heavy"] = {}
    assert api.ensure_pool("heavy", 2, "…")
    assert json.loads(server.asked[-1].content)["slots"] == 2

    server.answers["POST /api/v2/pools"] = {}
    assert api.ensure_pool("light", 1, "…")
    assert json.loads(server.asked[-1].content)["name"] == "light"


def test_a_failed_run_is_told_with_its_task_s_last_words(api: ApiClient, server: Server) -> None:
    base = "GET /api/v2/dags/d/dagRuns/r1/taskInstances"
    tasks = [
        {"task_id": "after", "map_index": -1, "state": "upstream_failed"},
        {"task_id": "first", "map_index": -1, "state": "failed"},
    ]
    rows = [{**task, "try_number": 2, "duration": 1.0} for task in tasks]
    server.answers[base] = {"task_instances": rows, "total_entries": 2}
    server.answers[f"{base}/first/logs/2"] = {
        "content": [
            {"event": "working"},
            {
                "event": "Task failed",
                "error_detail": [{"exc_type": "ValueError", "exc_value": "no bridge"}],
            },
        ]
    }

    with pytest.raises(LaurelError) as failure:
        api.wait_for_runs(run_in("failed"), timeout=5)

    assert "failed in the task first" in str(failure.value)
    assert "ValueError: no bridge" in str(failure.value)


def test_waiting_ends_at_its_time_and_says_what_is_unfinished(api: ApiClient) -> None:
    with pytest.raises(Pending, match="1 of 1 unfinished, the first r1"):
        api.wait_for_runs(run_in("queued"), timeout=0)


def test_only_changes_of_the_counts_are_told(api: ApiClient) -> None:
    states = iter(["queued", "queued", "success"])
    told: list[dict[str, int]] = []

    def find() -> list[Run]:
        return run_in(next(states))()

    api.wait_for_runs(find, timeout=10, watch=lambda counts: told.append(dict(counts)))

    assert told == [{"queued": 1}, {"success": 1}]


def test_a_backfill_with_nothing_to_run_is_none_and_closed(api: ApiClient, server: Server) -> None:
    created = {
        "id": 4,
        "dag_id": "d",
        "created_at": "2026-01-01T13:00:00Z",
        "completed_at": None,
        "from_date": "2013-01-01T00:00:00Z",
        "to_date": "2013-01-02T00:00:00Z",
    }
    server.answers["POST /api/v2/backfills"] = created
    # A run of an earlier backfill, queued before this one was made.
    earlier = {"dag_runs": [run_row("failed")], "total_entries": 1}
    server.answers["GET /api/v2/dags/d/dagRuns"] = earlier
    server.answers["PUT /api/v2/backfills/4/cancel"] = created

    day = datetime(2013, 1, 1, tzinfo=UTC)
    assert api.create_backfill("d", day, day) is None
    assert server.asked[-1].url.path == "/api/v2/backfills/4/cancel"


def test_log_lines_are_text_events_and_exceptions() -> None:
    assert read_lines("one\ntwo") == ["one", "two"]
    assert read_lines({"event": "said"}) == ["said"]


def test_what_is_answered_too_late_is_asked_again_but_not_for_ever(
    api: ApiClient, server: Server
) -> None:
    answers = iter([late, late, {"dags": [], "total_entries": 0}])

    def answer(request: httpx.Request) -> object:
        given = next(answers, late)
        return given(request) if callable(given) else given

    server.answers["GET /api/v2/dags"] = answer
    assert api.dags() == []
    with pytest.raises(LaurelError, match="does not answer"):
        api.dags()
    asked = [request.url.path for request in server.asked]
    assert asked.count("/api/v2/dags") == 6


def test_an_order_is_not_given_twice(api: ApiClient, server: Server) -> None:
    server.answers["PATCH /api/v2/dags/d"] = late
    with pytest.raises(LaurelError, match="does not answer"):
        api.unpause("d")
    assert [request.method for request in server.asked].count("PATCH") == 1
