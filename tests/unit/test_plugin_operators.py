"""Tasks and sensors: which error ends a task for good, what they hand on, where they link to."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.bases.operatorlink import BaseOperatorLink
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
)

import laurel.errors
import laurel.runs.site
import laurel.usecase
from laurel.domain.impact import Impact
from laurel.domain.partition import Partition
from laurel.errors import LaurelError, Pending, StoreFault
from laurel.runs.decide import Decided
from laurel.runs.deliver import Delivered
from laurel.runs.ingest import Ingested
from laurel.runs.monitor import Monitored
from laurel.runs.restate import Restated
from laurel.runs.rollback import Rescored, RolledBack
from laurel.runs.scored import Scored
from laurel.runs.train import Trained
from laurel.settings import load_settings
from laurel_airflow import LaurelPlugin, operators, scoring, sensors
from laurel_airflow.assets import champion_asset, dataset_asset, report_asset, restatement_asset
from laurel_airflow.links import DataDocsLink, DecisionLink, PageLink, ReportLink, SearchLink
from support.records import decision
from support.synthetic import load_toy

DAY = datetime(2024, 2, 20, tzinfo=UTC)
NOON = DAY + timedelta(hours=12)
ERRORS = [
    kind
    for kind in vars(laurel.errors).values()
    if isinstance(kind, type) and issubclass(kind, LaurelError)
]
ENTRY = decision(1)
MADE: dict[str, Any] = {
    "ingest": Ingested("toy", "visits", "1a2b3c4d", ("2024-02-20",), 3, ()),
    "train": Trained("toy", "1a2b3c4d", "5e6f", "toy-1", DAY, "promote", ("all hold",), False),
    "decide": Decided(usecase="toy", entry=ENTRY, repeated=False, note=None),
    "score": Scored("1a2b3c4d", "2024-02-20", "toy-1", 80, True),
    "monitor": Monitored("toy", "1a2b", "2024-02-20", "no alarm", 0, False, "runs/toy/r.html"),
    "roll_back": RolledBack(entry=ENTRY, repeated=False),
    "rescore": Rescored(("2024-02-20", "2024-02-21"), 4.2),
    "impact": Impact("toy", "visits", {"2024-02-05": (1,)}, {"2024-02-05": 2}, ()),
    "restate": Restated("toy", "1a2b3c4d", DAY, "Nothing flips.", 0, 2, 4, 4, False),
}


class Verb(operators.LaurelOperator):
    """Raises what it is told to."""

    error: Exception

    def run_verb(self, *_: Any) -> dict[str, Any]:
        raise self.error


class Wait(sensors.LaurelSensor):
    """Raises what it is told to, if anything."""

    error: Exception | None = None

    def check(self, *_: Any) -> None:
        if self.error:
            raise self.error


@pytest.fixture(autouse=True)
def bare_site(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site without a store, and a use case of which only the first moment is asked."""
    case = SimpleNamespace(name="toy", config=SimpleNamespace(first_instant=DAY))
    site = SimpleNamespace(settings=load_settings({}))
    monkeypatch.setattr(laurel.runs.site, "open_site", lambda **_: site)
    monkeypatch.setattr(laurel.usecase, "get_usecase", lambda *_: case)


def context(**params: object) -> Any:
    run = SimpleNamespace(run_type=DagRunType.BACKFILL, triggering_user_name="ada", run_after=NOON)
    return {
        "params": params,
        "dag_run": run,
        "ti": SimpleNamespace(
            xcom_pull=lambda task_ids: {"run": f"run of {task_ids}"},
            get_first_reschedule_date=lambda _: None,
        ),
        "data_interval_start": DAY,
        "data_interval_end": DAY + timedelta(days=1),
        "outlet_events": defaultdict(SimpleNamespace),
    }


def execute(task: Any, given: Any) -> Any:
    """As the task runner does, which alone may call ``execute``."""
    return getattr(type(task).execute, "__wrapped__", type(task).execute)(task, given)


def called(monkeypatch: pytest.MonkeyPatch, where: str, verb: str) -> dict[str, Any]:
    """Put a made result in the place of a run; returns what it will be called with."""
    seen: dict[str, Any] = {}

    def run(site: Any, usecase: Any, **words: Any) -> Any:
        seen.update(words)
        if "pages" in words:
            words["pages"]["Data Docs"] = "runs/toy/docs.html"
        return MADE[verb]

    monkeypatch.setattr(f"laurel.runs.{where}.{verb}", run)
    return seen


@pytest.mark.parametrize("kind", ERRORS)
def test_faults_are_tried_again_and_verdicts_are_not(kind: type[LaurelError]) -> None:
    task = Verb(task_id="verb", usecase="toy")
    task.error = kind("no", found="3 rows", hint="look")

    with pytest.raises(AirflowException) as failure:
        execute(task, context())

    assert isinstance(failure.value, AirflowFailException) is not kind.retryable
    assert str(failure.value) == str(task.error)
    assert failure.value.__suppress_context__, "the log would tell everything twice"


def test_what_is_not_ours_is_left_as_it_is() -> None:
    task = Verb(task_id="verb", usecase="toy")
    task.error = ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        execute(task, context())


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind is not Pending])
def test_a_sensor_ends_for_all_but_faults(kind: type[LaurelError]) -> None:
    task = Wait(task_id="wait", usecase="toy", deadline=timedelta(hours=1))
    task.error = kind("no")

    with pytest.raises(AirflowException) as failure:
        task.poke(context())

    assert isinstance(failure.value, AirflowFailException) is not kind.retryable


def test_a_sensor_waits_for_what_may_still_come() -> None:
    task = Wait(task_id="wait", usecase="toy", deadline=timedelta(hours=1))
    assert task.poke(context()) is True

    task.error = Pending("the partition is not published yet")
    assert task.poke(context()) is False


@pytest.mark.parametrize("unfinished", [0, 1])
def test_a_training_waits_for_the_runs_of_earlier_intervals(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unfinished: int
) -> None:
    asked: dict[str, Any] = {}

    def count(**words: Any) -> int:
        asked.update(words)
        return unfinished

    ready: list[datetime] = []
    toy: Any = load_toy(tmp_path)
    monkeypatch.setattr(laurel.usecase, "get_usecase", lambda *_: toy)
    monkeypatch.setattr("laurel.runs.train.inputs_ready", lambda *_, as_of: ready.append(as_of))
    task = sensors.TrainingInputsSensor(task_id="wait", usecase="toy", deadline=timedelta(hours=1))
    given = context(as_of="2024-02-19")
    given |= {"ti": SimpleNamespace(get_dr_count=count), "dag": SimpleNamespace(dag_id="toy_train")}

    assert task.poke(given) is not bool(unfinished)
    assert asked["dag_id"] == "toy_train"
    assert set(asked["states"]) == {"queued", "running"}
    # the intervals that end on 5 and 12 February; the run's own ends on the 19th
    assert [f"{moment:%m-%d}" for moment in asked["logical_dates"]] == ["01-29", "02-05"]
    assert len(ready) == 1 - unfinished


def test_a_scoring_is_rescheduled_while_its_inputs_may_still_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise Pending("the partition is not published yet")

    seen = called(monkeypatch, "score", "score")
    monkeypatch.setattr("laurel.runs.inputs.await_inputs", missing)
    with pytest.raises(AirflowRescheduleException):
        execute(TASKS["score"][1], context())
    assert seen == {}, "nothing was scored"


def test_a_store_that_does_not_answer_is_a_fault_before_any_verb(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(**_: object) -> None:
        raise StoreFault("the store did not answer")

    monkeypatch.setattr(laurel.runs.site, "open_site", gone)
    task = Verb(task_id="verb", usecase="toy")

    with pytest.raises(AirflowException, match="did not answer") as failure:
        execute(task, context())

    assert not isinstance(failure.value, AirflowFailException)


TASKS: dict[str, tuple[str, Any]] = {
    "ingest": (
        "ingest",
        operators.IngestOperator(
            task_id="a", usecase="toy", dataset="visits", outlets=[dataset_asset("toy", "visits")]
        ),
    ),
    "train": ("train", operators.TrainOperator(task_id="b", usecase="toy")),
    "decide": (
        "decide",
        operators.DecideOperator(task_id="c", usecase="toy", outlets=[champion_asset("toy")]),
    ),
    "score": (
        "score",
        scoring.ScoreOperator(
            task_id="d",
            usecase="toy",
            deadline=timedelta(hours=1),
            outlets=[dataset_asset("toy", "predictions")],
        ),
    ),
    "monitor": (
        "monitor",
        operators.MonitorOperator(task_id="e", usecase="toy", outlets=[report_asset("toy")]),
    ),
    "roll_back": (
        "rollback",
        operators.RollBackOperator(task_id="f", usecase="toy", outlets=[champion_asset("toy")]),
    ),
    "rescore": (
        "rollback",
        operators.RescoreOperator(
            task_id="g", usecase="toy", outlets=[dataset_asset("toy", "predictions")]
        ),
    ),
    "impact": ("impact", operators.ImpactOperator(task_id="h", usecase="toy")),
    "restate": (
        "restate",
        operators.RestateOperator(task_id="i", usecase="toy", outlets=[restatement_asset("toy")]),
    ),
}


@pytest.mark.parametrize("verb", TASKS)
def test_a_task_returns_references_and_writes_them_into_its_asset_event(
    monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    where, task = TASKS[verb]
    called(monkeypatch, where, verb)
    monkeypatch.setattr("laurel.runs.inputs.await_inputs", lambda *_, **__: None)
    plan = SimpleNamespace(sentence=lambda: "nothing to do")
    monkeypatch.setattr("laurel.runs.restate.plan_restatement", lambda *_, **__: plan)
    days = {"start": "2024-02-05", "end": "2024-02-06"}
    given = context(target="toy-1", reason="why not", dataset="visits", **days)

    returned = execute(task, given)

    assert returned == MADE[verb].reference()
    assert len(json.dumps(returned)) < 1024
    assert [event.extra for event in given["outlet_events"].values()] == [
        returned for _ in task.outlets
    ]


def test_a_restatement_takes_a_day_or_a_range_from_its_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: dict[str, Any] = {}
    called(monkeypatch, "restate", "restate")
    monkeypatch.setattr(
        "laurel.runs.restate.plan_restatement",
        lambda *_, **words: seen.update(words) or SimpleNamespace(sentence=str),
    )
    task = TASKS["restate"][1]

    execute(task, context(dataset="visits", start="2024-02-05"))
    assert [day.key for day in seen["partitions"]] == ["2024-02-05"]
    assert (seen["known_by"], seen["limit"]) == (None, None)
    execute(
        task,
        context(
            dataset="visits",
            start="2024-02-05",
            end="2024-02-06",
            known_by="2024-02-20T12:00:00Z",
            limit=2,
        ),
    )
    assert [day.key for day in seen["partitions"]] == ["2024-02-05", "2024-02-06"]
    assert (seen["known_by"], seen["limit"]) == (NOON, 2)


def test_a_delivery_is_of_the_day_of_its_run_or_of_all_that_is_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[str, str]] = []

    def deliver(*_: object, sink: str, partition: Partition) -> Delivered:
        seen.append((sink, partition.key))
        return Delivered(sink, "table x", partition.key, 2, 80, changed=partition.key > "2024-02-1")

    late = [Partition.of("2024-02-05"), Partition.of("2024-02-15")]
    monkeypatch.setattr("laurel.runs.deliver.deliver", deliver)
    monkeypatch.setattr("laurel.runs.deliver.behind", lambda *_, **__: iter(late))
    one, all_ = (
        scoring.DeliverOperator(task_id=name, usecase="toy", sink="lake", behind=name == "all")
        for name in ("one", "all")
    )

    assert execute(one, context()) == {"sink": "lake", "partitions": 1, "changed": 1, "rows": 80}
    assert execute(all_, context())["partitions"] == 2
    assert seen == [("lake", "2024-02-20"), ("lake", "2024-02-05"), ("lake", "2024-02-15")]


def test_only_a_backfilled_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = called(monkeypatch, "monitor", "monitor")
    given = context()

    execute(TASKS["monitor"][1], given)
    assert seen["backfilled"] is True
    given["dag_run"].run_type = DagRunType.SCHEDULED
    execute(TASKS["monitor"][1], given)
    assert seen["backfilled"] is False


def test_a_rollback_names_its_person_and_the_same_moment_at_every_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = called(monkeypatch, "rollback", "roll_back")
    task = TASKS["roll_back"][1]

    execute(task, context(target="toy-1", reason="why not"))
    assert (seen["by"], seen["effective_from"]) == ("ada", NOON)
    execute(task, context(target="toy-1", reason="why not", effective_from="2024-02-20"))
    assert seen["effective_from"] == DAY


def test_decide_asks_for_the_run_that_was_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = called(monkeypatch, "decide", "decide")

    execute(TASKS["decide"][1], context(supersede=True))

    assert seen == {"run": "run of train", "supersede": True}


@pytest.mark.parametrize("link", [ReportLink(), DecisionLink(), SearchLink(), DataDocsLink()])
def test_a_link_leads_to_the_page_that_the_task_made_and_nowhere_else(link: PageLink) -> None:
    key: Any = object()
    task = Verb(task_id="verb", usecase="toy")
    assert link.get_link(task, ti_key=key) == ""

    task.pages[link.name] = "runs/toy/train/1a2b/page.html"
    assert link.get_link(task, ti_key=key) == "/laurel/pages/runs/toy/train/1a2b/page.html"


def test_every_link_of_a_task_is_registered_and_named_once() -> None:
    links = LaurelPlugin.operator_extra_links
    assert len({link.name for link in links}) == len(links) == 8

    for _, task in TASKS.values():
        own: list[BaseOperatorLink] = list(task.operator_extra_links)
        assert {type(link) for link in own} <= {type(link) for link in links}
    assert [link.name for link in TASKS["train"][1].operator_extra_links] == [
        "Decision",
        "Model card",
        "Data Docs",
    ]
    searching = operators.TrainOperator(task_id="train", usecase="toy", searches=True)
    assert [link.name for link in searching.operator_extra_links][-1] == "Search"


def test_pages_of_one_task_are_not_those_of_another() -> None:
    one, other = (Verb(task_id=name, usecase="toy") for name in ("one", "other"))
    one.pages["Report"] = "runs/toy/r.html"

    assert other.pages == {}
