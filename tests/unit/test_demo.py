"""The demo's steps, on an Airflow that remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from laurel.domain.ledger import ticks
from laurel.errors import LaurelError
from laurel.local.demo import STEPS, Step, run_demo
from laurel.local.runs import Backfill, Run
from laurel.settings import load_settings
from laurel.usecase import UseCase, get_usecase

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BACKFILLS = [step for step in STEPS if not step.whole]


class Airflow:
    """Stands in for :class:`laurel.local.api.ApiClient`: runs succeed as soon as waited for."""

    def __init__(self) -> None:
        self.all: list[Run] = []
        self.unpaused: list[str] = []
        self.asked: list[tuple[str, str]] = []
        """DAG and reprocess behaviour of each backfill; DAG and ``trigger`` of each run."""
        self.broken: set[datetime] = set()
        """Logical dates whose runs fail."""

    def unpause(self, dag_id: str) -> None:
        self.unpaused.append(dag_id)

    def trigger(self, dag_id: str, *, conf: Mapping[str, Any]) -> Run:
        self.asked.append((dag_id, "trigger"))
        return self._add(dag_id, "manual", None, conf=conf)

    def create_backfill(
        self, dag_id: str, start: datetime, end: datetime, *, reprocess: str, **_: int
    ) -> Backfill | None:
        self.asked.append((dag_id, reprocess))
        every = next(step.every for step in BACKFILLS if step.dag_id == dag_id)
        known = {run.logical_date: run for run in self.runs(dag_id, run_type="backfill")}
        for number in range((end - start) // every + 1):
            day = start + number * every
            if day not in known:
                self._add(dag_id, "backfill", day)
            elif known[day].state == "failed":
                self._set(known[day], "queued")
        created = [r for r in self.all if r.dag_id == dag_id and r.state == "queued"]
        return Backfill(1, dag_id, NOW, None, start, end) if created else None

    def runs(self, dag_id: str, *, run_type: str, **bounds: str) -> list[Run]:
        low, high = bounds.get("logical_date_gte"), bounds.get("logical_date_lte")
        return [
            run
            for run in self.all
            if (run.dag_id, run.kind) == (dag_id, run_type)
            and (low is None or run.logical_date >= datetime.fromisoformat(low))
            and (high is None or run.logical_date <= datetime.fromisoformat(high))
        ]

    def run(self, dag_id: str, run_id: str) -> Run:
        return next(run for run in self.all if (run.dag_id, run.run_id) == (dag_id, run_id))

    def wait_for_runs(
        self, find: Callable[[], list[Run]], *, watch: Callable[[Any], None], **_: float
    ) -> list[Run]:
        for run in find():
            self._set(run, "failed" if run.logical_date in self.broken else "success")
        failed = [run for run in find() if run.state == "failed"]
        if failed:
            raise LaurelError(f"the run {failed[0].run_id} failed")
        watch({"success": len(find())})
        return find()

    def wait_for_backfill(
        self, backfill: Backfill, *, timeout: float, watch: Callable[[Any], None]
    ) -> list[Run]:
        dag_id = backfill.dag_id
        return self.wait_for_runs(
            lambda: self.runs(dag_id, run_type="backfill"), timeout=timeout, watch=watch
        )

    def _add(
        self, dag_id: str, kind: str, day: datetime | None, conf: Mapping[str, Any] | None = None
    ) -> Run:
        name = f"{kind}__{len(self.all)}"
        made = Run(dag_id, name, "queued", kind, day, NOW, None, None, dict(conf or {}))
        self.all.append(made)
        return made

    def _set(self, run: Run, state: str) -> None:
        place = next(n for n, known in enumerate(self.all) if known.run_id == run.run_id)
        self.all[place] = replace(self.all[place], state=state)


@pytest.fixture
def airflow() -> Airflow:
    return Airflow()


@pytest.fixture
def flights() -> UseCase:
    return get_usecase("flights", load_settings())


def take(airflow: Airflow) -> dict[Step, int]:
    """Take every step; returns how many runs each needed."""
    api: Any = airflow
    return {done.step: done.started for done in run_demo(api, lambda _: lambda _: None)}


def days(step: Step) -> Iterator[datetime]:
    last = datetime.combine(step.last, datetime.min.time(), UTC)
    day = step.start
    while day <= last:
        yield day
        day += step.every


def test_every_step_is_taken_in_order_and_all_runs_succeed(airflow: Airflow) -> None:
    taken = take(airflow)

    assert list(taken) == list(STEPS)
    assert {step: step.count for step in STEPS} == taken
    assert airflow.unpaused == [step.dag_id for step in STEPS]
    assert len(airflow.all) == sum(step.count for step in STEPS)
    assert {run.state for run in airflow.all} == {"success"}


def test_a_second_call_starts_nothing_and_says_so(airflow: Airflow) -> None:
    take(airflow)
    before, asked = list(airflow.all), len(airflow.asked)

    assert set(take(airflow).values()) == {0}
    assert airflow.all == before
    assert len(airflow.asked) == asked


@pytest.mark.parametrize("step", BACKFILLS, ids=lambda step: step.title)
def test_a_failed_run_ends_the_demo_and_alone_is_run_again(airflow: Airflow, step: Step) -> None:
    day = list(days(step))[1]
    airflow.broken = {day}
    with pytest.raises(LaurelError, match="failed"):
        take(airflow)
    failed = [run.run_id for run in airflow.all if run.state == "failed"]
    assert failed

    airflow.broken = set()
    taken = take(airflow)

    first = next(each for each in STEPS if taken[each])
    assert taken[first] == 1
    assert {run.state for run in airflow.all} == {"success"}
    assert len(airflow.all) == sum(each.count for each in STEPS), "no run was made twice"


def test_a_failed_load_is_triggered_again(airflow: Airflow) -> None:
    airflow.broken = {None}  # type: ignore[arg-type]  # a run by hand has no logical date
    with pytest.raises(LaurelError):
        take(airflow)
    airflow.broken = set()

    assert take(airflow)[STEPS[0]] == 1
    assert airflow.asked[:2] == [(STEPS[0].dag_id, "trigger")] * 2


def test_a_load_under_way_is_waited_for_and_not_doubled(airflow: Airflow) -> None:
    step = STEPS[0]
    airflow.trigger(
        step.dag_id, conf={"start": step.first.isoformat(), "end": step.last.isoformat()}
    )

    assert take(airflow)[step] == 1
    assert airflow.asked.count((step.dag_id, "trigger")) == 1


def test_another_load_by_hand_is_not_taken_for_the_demo_s(airflow: Airflow) -> None:
    step = STEPS[0]
    other = airflow.trigger(step.dag_id, conf={"start": "2013-05-01", "end": "2013-05-02"})
    airflow._set(other, "success")

    assert take(airflow)[step] == 1


def test_succeeded_runs_are_never_asked_for_again(airflow: Airflow) -> None:
    take(airflow)

    assert {how for _, how in airflow.asked} == {"trigger", "failed"}


def test_the_load_and_the_daily_ingests_meet_without_gap_or_overlap() -> None:
    load, daily = STEPS[0], STEPS[1]

    assert load.whole
    assert daily.first - load.last == timedelta(days=1)


def test_the_days_of_the_demo_are_days_of_the_use_case(flights: UseCase) -> None:
    config = flights.config
    assert config.end
    for step in STEPS:
        assert config.start <= step.first <= step.last <= config.end, step.title


def test_each_training_interval_ends_at_a_tick_after_the_loaded_history(flights: UseCase) -> None:
    config = flights.config
    (step,) = (step for step in STEPS if step.kind == "train")
    ends = [day + step.every for day in days(step)]

    made = ticks(config.training.schedule, start=step.first, end=ends[-1] + timedelta(seconds=1))
    assert set(ends) <= set(made)
    assert ends[-1] <= datetime.combine(STEPS[1].last, datetime.min.time(), UTC)


def test_scored_and_reported_days_are_ingested_and_have_a_decision(flights: UseCase) -> None:
    by_kind = {step.kind: step for step in STEPS if not step.whole}
    training, scoring, nights = by_kind["train"], by_kind["score"], by_kind["monitor"]
    as_of = training.first + training.every

    assert scoring.first >= as_of + flights.config.decision_lag
    assert scoring.last <= by_kind["ingest"].last
    assert scoring.first <= nights.first <= nights.last <= scoring.last
