"""Every DAG of every use case: it parses, has the golden shape, and survives serialisation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from laurel.local.stack import POOLS
from laurel.usecase import UseCase

KINDS = ("examine", "ingest", "monitor", "restate", "rollback", "score", "train")
SCHEDULED = ("examine", "ingest", "monitor", "score", "train")

# ingest has one task for each dataset and no edges
EDGES = {
    "examine": {("await_training", "examine")},
    "ingest": set(),
    "monitor": {("await_predictions", "monitor"), ("monitor", "retrain"), ("monitor", "tell")},
    "restate": {("impact", "restate")},
    "rollback": {("roll_back", "rescore")},
    "score": set(),
    "train": {("await_inputs", "train"), ("train", "decide")},
}
TASKS = {
    "examine": {"await_training", "examine"},
    "monitor": {"await_predictions", "monitor", "retrain", "tell"},
    "restate": {"impact", "restate"},
    "rollback": {"roll_back", "rescore"},
    "score": {"score"},
    "train": {"await_inputs", "decide", "train"},
}
PARAMS = {
    "examine": {"as_of"},
    "ingest": {"start", "end"},
    "monitor": {"partition"},
    "restate": {"dataset", "start", "end", "known_by", "limit"},
    "rollback": {"target", "reason", "effective_from"},
    "score": {"partition"},
    "train": {"as_of", "supersede"},
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def drawn(bag: Any, usecases: dict[str, UseCase], kind: str) -> Iterator[tuple[UseCase, Any]]:
    """Each use case with its DAG of one kind; never none."""
    assert usecases
    yield from ((usecase, bag.dags[f"{name}_{kind}"]) for name, usecase in usecases.items())


def test_all_dags_are_drawn_without_import_errors(bag: Any, usecases: dict[str, UseCase]) -> None:
    assert bag.import_errors == {}
    assert bag.captured_warnings == {}
    assert sorted(bag.dags) == sorted(f"{name}_{kind}" for name in usecases for kind in KINDS)


def test_tasks_and_edges_are_the_golden_ones(
    bag: Any, usecases: dict[str, UseCase], kind: str
) -> None:
    for usecase, dag in drawn(bag, usecases, kind):
        ingests = {f"ingest_{dataset}" for dataset in usecase.config.datasets}
        edges = {(task.task_id, after) for task in dag.tasks for after in task.downstream_task_ids}
        asks = kind == "train" and usecase.config.gate.approval is not None

        left_out = undrawn(usecase)
        tasks = TASKS.get(kind, ingests) | ({"approve"} if asks else set())
        drawn_edges = EDGES[kind] | ({("decide", "approve")} if asks else set())
        assert set(dag.task_ids) == tasks - left_out
        assert edges == {edge for edge in drawn_edges if edge[1] not in left_out}


def undrawn(usecase: UseCase) -> set[str]:
    """Tasks of what a use case does not ask for."""
    config = usecase.config
    asked = {"tell": bool(config.alarms.notify), "retrain": config.monitoring.retrain}
    return {task for task, wanted in asked.items() if not wanted}


def test_one_use_case_here_has_alarms_that_do_something_and_one_has_not(
    usecases: dict[str, UseCase],
) -> None:
    assert {name: undrawn(usecase) for name, usecase in usecases.items()} == {
        "asked": {"retrain", "tell"},
        "flights": {"retrain", "tell"},
        "toy": set(),
    }


def test_every_dag_has_explicit_start_and_bounds(
    bag: Any, usecases: dict[str, UseCase], kind: str
) -> None:
    for usecase, dag in drawn(bag, usecases, kind):
        assert dag.start_date.utcoffset() == timedelta(0)
        assert dag.start_date.date() >= usecase.config.start
        assert dag.catchup is False
        assert dag.max_active_runs in (1, 2, 4)
        assert (dag.end_date and dag.end_date.date()) == usecase.config.end


@pytest.mark.parametrize("kind", SCHEDULED)
def test_schedules_are_explicit_data_intervals(
    bag: Any, usecases: dict[str, UseCase], kind: str
) -> None:
    from airflow.sdk import CronDataIntervalTimetable

    for usecase, dag in drawn(bag, usecases, kind):
        cron = {
            "examine": usecase.config.examination.schedule,
            "ingest": "0 0 * * *",
            "monitor": "0 0 * * *",
            "score": usecase.config.scoring.schedule,
            "train": usecase.config.training.schedule,
        }[kind]

        assert dag.timetable == CronDataIntervalTimetable(cron, timezone="UTC")


@pytest.mark.parametrize("kind", SCHEDULED)
def test_scheduled_intervals_have_length_and_no_gaps(
    bag: Any, usecases: dict[str, UseCase], kind: str
) -> None:
    for _, dag in drawn(bag, usecases, kind):
        first = dag.start_date.astimezone(UTC)
        runs = list(scheduled(dag).iter_dagrun_infos_between(first, first + timedelta(days=30)))
        intervals = [run.data_interval for run in runs]

        assert len(intervals) >= 3
        assert all(each.end > each.start for each in intervals)
        assert all(one.end == other.start for one, other in pairwise(intervals))


def scheduled(dag: Any) -> Any:
    """The DAG as the scheduler holds it."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))


@pytest.mark.parametrize("kind", ["restate", "rollback"])
def test_corrections_are_entered_by_hand_only(
    bag: Any, usecases: dict[str, UseCase], kind: str
) -> None:
    for _, dag in drawn(bag, usecases, kind):
        assert list(scheduled(dag).iter_dagrun_infos_between(*year())) == []
        assert dag.max_active_runs == 1


def year() -> tuple[Any, Any]:
    import pendulum

    return pendulum.instance(datetime(2024, 1, 1, tzinfo=UTC)), pendulum.datetime(2025, 1, 1)


def test_dags_survive_serialisation(bag: Any, usecases: dict[str, UseCase], kind: str) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for _, dag in drawn(bag, usecases, kind):
        DagSerialization.validate_schema(DagSerialization.to_dict(dag))
        again = scheduled(dag)

        assert set(again.task_ids) == set(dag.task_ids)
        assert again.params.dump() == {name: _default(dag, name) for name in dag.params}
        assert again.start_date == dag.start_date
        for task in dag.tasks:
            held = again.get_task(task.task_id)
            assert held.downstream_task_ids == task.downstream_task_ids
            assert (held.pool, held.retries, held.owner) == (task.pool, task.retries, task.owner)
            assert held.task_type == task.task_type
            assert {each.name for each in held.operator_extra_links} == {
                each.name for each in task.operator_extra_links
            }


def _default(dag: Any, name: str) -> Any:
    return dag.params.get_param(name).value if _has_default(dag.params.get_param(name)) else None


def test_parsing_twice_gives_the_same_dag(bag: Any, usecases: dict[str, UseCase]) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    again = DagBag(bag.dag_folder, safe_mode=False)

    for name, dag in bag.dags.items():
        assert DagSerialization.to_dict(again.dags[name]) == DagSerialization.to_dict(dag)


def test_pages_tags_and_owners_are_told(bag: Any, usecases: dict[str, UseCase], kind: str) -> None:
    for usecase, dag in drawn(bag, usecases, kind):
        assert usecase.config.title in dag.doc_md
        assert len(dag.doc_md.splitlines()) > 5
        assert dag.description
        assert {"laurel", usecase.name, kind} <= set(dag.tags)
        assert {task.owner for task in dag.tasks} == {usecase.config.owner}


def test_params_are_a_form_with_words_and_types(
    bag: Any, usecases: dict[str, UseCase], kind: str
) -> None:
    for _, dag in drawn(bag, usecases, kind):
        assert set(dag.params) == PARAMS[kind]
        for name in dag.params:
            schema = dag.params.get_param(name).schema
            assert schema.get("type"), name
            assert schema.get("description") or dag.params.get_param(name).description, name


def test_scheduled_runs_need_no_params(bag: Any, usecases: dict[str, UseCase], kind: str) -> None:
    for _, dag in drawn(bag, usecases, kind):
        empty = {name for name in dag.params if not _has_default(dag.params.get_param(name))}

        by_hand = {"restate": {"dataset", "start"}, "rollback": {"target", "reason"}}
        assert empty == by_hand.get(kind, set())


def _has_default(param: Any) -> bool:
    try:
        param.resolve()
    except Exception:  # whichever error a version of Airflow raises for a missing value
        return False
    return True


def test_waiting_holds_no_worker_and_has_an_end(bag: Any, usecases: dict[str, UseCase]) -> None:
    from airflow.sdk import BaseSensorOperator

    sensors = [
        task
        for dag in bag.dags.values()
        for task in dag.tasks
        if isinstance(task, BaseSensorOperator)
    ]

    assert len(sensors) == 4 * len(usecases)
    assert {task.mode for task in sensors} == {"reschedule"}
    assert all(0 < task.timeout <= timedelta(days=7).total_seconds() for task in sensors)
    assert not any(task.soft_fail for task in sensors)


def test_faults_are_retried_with_growing_delays(bag: Any, usecases: dict[str, UseCase]) -> None:
    for dag in bag.dags.values():
        for task in dag.tasks:
            assert task.retries == 3
            assert task.retry_delay > timedelta(0)
            assert task.retry_exponential_backoff
            assert task.max_retry_delay <= timedelta(hours=1)


def test_pools_are_those_that_set_up_creates(bag: Any, usecases: dict[str, UseCase]) -> None:
    pools = {task.task_id: task.pool for dag in bag.dags.values() for task in dag.tasks}

    assert pools["train"] == pools["restate"] == pools["examine"] == "laurel_heavy"
    assert set(pools.values()) <= {"default_pool", *POOLS}


def test_no_dag_waits_for_assets(bag: Any, usecases: dict[str, UseCase]) -> None:
    from airflow.sdk.definitions.timetables.assets import AssetTriggeredTimetable

    assert not any(isinstance(dag.timetable, AssetTriggeredTimetable) for dag in bag.dags.values())


def test_assets_tie_the_dags_of_a_use_case_together(bag: Any, usecases: dict[str, UseCase]) -> None:
    def assets(name: str, side: str) -> set[str]:
        return {each.uri for task in bag.dags[name].tasks for each in getattr(task, side)}

    for name in usecases:
        ingested = assets(f"{name}_ingest", "outlets")
        assert len(ingested) == len(usecases[name].config.datasets)
        assert assets(f"{name}_train", "inlets") == ingested
        assert assets(f"{name}_score", "inlets") == ingested | assets(f"{name}_train", "outlets")
        assert assets(f"{name}_score", "outlets") <= assets(f"{name}_monitor", "inlets")
        assert assets(f"{name}_rollback", "outlets") == (
            assets(f"{name}_train", "outlets") | assets(f"{name}_score", "outlets")
        )
        assert assets(f"{name}_monitor", "outlets")
        assert assets(f"{name}_restate", "inlets") == ingested
        published = {
            each
            for kind in KINDS
            if kind != "restate"
            for each in assets(f"{name}_{kind}", "outlets")
        }
        assert not assets(f"{name}_restate", "outlets") & published


def test_the_ingest_dag_shows_columns_units_and_personal_data(bag: Any) -> None:
    dag = bag.dags["flights_ingest"]
    assert "| `distance` | int64 | miles | no | 1 to 6000 |" in dag.doc_md
    assert "| `tailnum` | string |  | yes |  | indirect |" in dag.doc_md
    task = dag.get_task("ingest_weather")
    assert "| `humid` | float64 | percent |" in task.doc_md
    assert "tailnum" not in task.doc_md
