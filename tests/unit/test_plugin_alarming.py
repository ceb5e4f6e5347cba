"""The task that asks for retraining: what it hands Airflow's trigger, and when it is skipped."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    DagRunTriggerException,
)

import laurel.runs.site
import laurel.usecase
from laurel.domain.alarms.request import Declined, Request
from laurel.errors import LaurelError, Refused, StoreFault
from laurel_airflow.alarming import RetrainOperator

ASKED = Request(
    "toy",
    "2024-02-20",
    datetime(2024, 2, 21, tzinfo=UTC),
    "amount {{ has }} drifted",
    "2024-02-19",
)


def retrain(
    monkeypatch: pytest.MonkeyPatch,
    said: Any,
    *,
    kind: str = "scheduled",
    seen: dict[str, Any] | None = None,
) -> None:
    """Run the task as Airflow does; ``seen`` is what the records were asked."""

    def request(*_: Any, **words: Any) -> Any:
        if seen is not None:
            seen.update(words)
        if isinstance(said, LaurelError):
            raise said
        return said

    monkeypatch.setattr("laurel.runs.tell.request_training", request)
    monkeypatch.setattr(laurel.runs.site, "open_site", lambda **_: SimpleNamespace(settings=None))
    monkeypatch.setattr(laurel.usecase, "get_usecase", lambda *_: None)
    given = {
        "ti": SimpleNamespace(
            xcom_pull=lambda task_ids: {"run": f"of {task_ids}"}, xcom_push=lambda **_: None
        ),
        "dag_run": SimpleNamespace(run_type=kind, run_id="scheduled__2024-02-21"),
    }
    task = RetrainOperator(task_id="retrain", usecase="toy")
    sentinel: Any = {"RetrainOperator__sentinel": ExecutorSafeguard.sentinel_value}
    task.execute(given, **sentinel)  # type: ignore[arg-type]


def test_a_request_is_handed_to_airflow_with_a_run_id_that_retries_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(DagRunTriggerException) as asked:
        retrain(monkeypatch, ASKED)

    made = asked.value
    assert (made.trigger_dag_id, made.dag_run_id) == ("toy_train", "alarm_2024-02-20")
    assert made.conf == {
        "as_of": "2024-02-21T00:00:00Z",
        "reason": "amount {{ has }} drifted",
        "asked_by": "scheduled__2024-02-21",
    }
    assert made.logical_date is None, "a training that an alarm asks for has no interval"
    assert made.skip_when_already_exists
    assert not made.reset_dag_run
    assert not made.wait_for_completion


def test_what_hinders_a_request_skips_the_task_and_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(AirflowSkipException, match="one is open"):
        retrain(monkeypatch, Declined("one is open"))


@pytest.mark.parametrize(("kind", "backfilled"), [("backfill", True), ("scheduled", False)])
def test_the_records_are_told_whether_the_night_is_backfilled(
    monkeypatch: pytest.MonkeyPatch, kind: str, backfilled: bool
) -> None:
    seen: dict[str, Any] = {}

    with pytest.raises(AirflowSkipException):
        retrain(monkeypatch, Declined("no"), kind=kind, seen=seen)

    assert seen == {"run": "of monitor", "backfilled": backfilled}


@pytest.mark.parametrize("error", [StoreFault("gone"), Refused("no")])
def test_faults_are_tried_again_and_verdicts_are_not(
    monkeypatch: pytest.MonkeyPatch, error: LaurelError
) -> None:
    with pytest.raises(AirflowException) as failure:
        retrain(monkeypatch, error)

    assert isinstance(failure.value, AirflowFailException) is not error.retryable
