"""Scoring in shards from Airflow: the tasks that are drawn, and what they hand to each other."""

from __future__ import annotations

import json
import runpy
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.serialization.serialized_objects import DagSerialization

import laurel.runs.site
import laurel.usecase
from laurel.runs.scored import Scored
from laurel.runs.shard_plan import Planned
from laurel.settings import load_settings
from laurel_airflow import scoring
from laurel_airflow.assets import dataset_asset
from support.synthetic import NAME, write_toy

DAGS = Path(__file__).resolve().parents[2] / "dags"
DAY = datetime(2024, 2, 20, tzinfo=UTC)
RUN = "1a2b3c4d5e6f7a8b"
NAMES = ("000000000000-000000000030", "000000000030-000000000060")
MADE = Scored(RUN, "2024-02-20", "toy-1", 60, True)


def drawn(folder: Path, monkeypatch: pytest.MonkeyPatch, **said: Any) -> Any:
    """The scoring DAG of the toy, which says this of its scoring besides, as it is serialised."""
    usecases, suites = write_toy(folder)
    file = usecases / NAME / "usecase.yaml"
    document = yaml.safe_load(file.read_text())
    document["scoring"] |= said
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    monkeypatch.setenv("LAUREL_USECASES", str(usecases))
    monkeypatch.setenv("LAUREL_EXPECTATIONS", str(suites))
    dag = runpy.run_path(str(DAGS / "score.py"))["score"].dag
    assert dag.dag_id == "toy_score"
    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))


def test_a_use_case_with_shards_has_a_mapped_task_between_plan_and_publishing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sinks = {"lake": {"kind": "s3", "path": "s3://lake/visits"}}
    dag = drawn(tmp_path, monkeypatch, shards={"rows": 30}, sinks=sinks)
    plan, shard, publish = (dag.get_task(name) for name in ("plan", "score_shard", "publish"))
    assert (plan.is_mapped, shard.is_mapped, publish.is_mapped) == (False, True, False)
    assert plan.downstream_task_ids == {"score_shard"}
    assert shard.downstream_task_ids == {"publish"}
    assert publish.downstream_task_ids == {"deliver_lake"}
    assert publish.trigger_rule == "none_failed"
    assert (shard.retries, shard.pool) == (3, plan.pool)
    assert {each.name for each in publish.outlets} == {"toy.predictions"}
    assert plan.outlets == []


@pytest.mark.parametrize(
    "said", [{}, {"engine": "dask"}, {"engine": "dask", "shards": {"rows": 9}}]
)
def test_other_use_cases_are_scored_by_one_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    assert drawn(tmp_path, monkeypatch, **said).task_ids == ["score"]


class Handed(SimpleNamespace):
    """A task instance: what it hands on, and what ``plan`` handed to it."""

    def __init__(self, **pulled: Any) -> None:
        super().__init__(pushed={}, get_first_reschedule_date=lambda _: None)
        self.pulled = pulled

    def xcom_push(self, *, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, *, task_ids: str, key: str = "return_value") -> Any:
        assert task_ids == "plan"
        return self.pulled.get(key)


def context(**pulled: Any) -> Any:
    return {
        "params": {},
        "dag_run": SimpleNamespace(run_type="backfill"),
        "ti": Handed(**pulled),
        "data_interval_start": DAY,
        "data_interval_end": DAY + timedelta(days=1),
        "outlet_events": defaultdict(SimpleNamespace),
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the runs are asked; nothing is computed, and the plan has these shards."""
    seen: dict[str, Any] = {"shards": NAMES}

    def told(name: str, made: Any) -> Any:
        def run(_site: Any, _usecase: Any, **words: Any) -> Any:
            seen[name] = words
            return made() if callable(made) else made

        return run

    one = {"shard": NAMES[1], "rows": 30, "changed": True}
    monkeypatch.setattr("laurel.runs.inputs.await_inputs", lambda *_, **__: None)
    monkeypatch.setattr(
        "laurel.runs.shards.plan_shards", told("plan", lambda: Planned(RUN, seen["shards"]))
    )
    monkeypatch.setattr("laurel.runs.shards.score_shard", told("score_shard", one))
    monkeypatch.setattr("laurel.runs.shards.publish_shards", told("publish", MADE))
    monkeypatch.setattr("laurel.runs.score.score", told("score", MADE))
    site = SimpleNamespace(settings=load_settings({}))
    case = SimpleNamespace(name="toy", config=SimpleNamespace(first_instant=DAY))
    monkeypatch.setattr(laurel.runs.site, "open_site", lambda **_: site)
    monkeypatch.setattr(laurel.usecase, "get_usecase", lambda *_: case)
    return seen


def execute(task: Any, given: Any) -> Any:
    """As the task runner does, which alone may call ``execute``."""
    return getattr(type(task).execute, "__wrapped__", type(task).execute)(task, given)


PLAN = scoring.PlanShardsOperator(task_id="plan", usecase="toy", deadline=timedelta(hours=1))
PUBLISH = scoring.PublishShardsOperator(
    task_id="publish", usecase="toy", outlets=[dataset_asset("toy", "predictions")]
)


def test_a_plan_hands_on_one_short_reference_for_each_shard(asked: dict[str, Any]) -> None:
    given = context()
    planned = execute(PLAN, given)
    assert planned == [f"{RUN}/{name}" for name in NAMES]
    assert (given["ti"].pushed, "score" in asked) == ({}, False)
    shard = scoring.ScoreShardOperator(task_id="score_shard", usecase="toy", shard=planned[1])
    assert execute(shard, context())["shard"] == NAMES[1]
    assert (asked["score_shard"]["run"], asked["score_shard"]["shard"]) == (RUN, NAMES[1])

    given = context(return_value=planned)
    assert execute(PUBLISH, given) == MADE.reference()
    assert (asked["publish"]["run"], asked["publish"]["shards"]) == (RUN, [*NAMES])
    assert [event.extra for event in given["outlet_events"].values()] == [MADE.reference()]


def test_a_partition_that_fits_into_one_shard_is_scored_by_the_plan(asked: dict[str, Any]) -> None:
    asked["shards"] = ()
    given = context()
    assert execute(PLAN, given) == []
    handed = given["ti"].pushed
    assert "score" in asked

    given = context(return_value=[], **handed)
    assert execute(PUBLISH, given) == MADE.reference()
    assert "publish" not in asked, "nothing is left to be put together"
    assert [event.extra for event in given["outlet_events"].values()] == [MADE.reference()]
