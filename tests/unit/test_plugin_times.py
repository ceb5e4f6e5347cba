"""Airflow's run → Laurel's time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from hypothesis import given
from hypothesis import strategies as st

from laurel.domain.partition import Partition, partitions
from laurel.errors import ConfigError
from laurel_airflow.times import (
    as_of_of,
    interval_of,
    kind_of,
    moment_of,
    partition_of,
    range_of,
)

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
MONDAY = datetime(2024, 2, 5, tzinfo=UTC)
WEEK = (MONDAY, MONDAY + timedelta(days=7))
BY_INTERVAL = (DagRunType.SCHEDULED, DagRunType.BACKFILL)
BY_OTHERS = tuple(kind for kind in DagRunType if kind not in BY_INTERVAL)

days = st.dates(date(2000, 1, 1), date(2100, 1, 1))


def context(
    kind: DagRunType = DagRunType.SCHEDULED,
    *,
    params: Mapping[str, object] | None = None,
    interval: tuple[datetime, datetime] | None = WEEK,
) -> Any:
    """What a task is given; a run without a data interval lacks the keys."""
    keys = ("data_interval_start", "data_interval_end")
    return {
        "params": dict(params or {}),
        "dag_run": SimpleNamespace(run_type=kind),
        **(dict(zip(keys, interval, strict=True)) if interval else {}),
    }


@pytest.mark.parametrize("kind", DagRunType)
def test_kind_is_the_value_of_the_enumeration_that_a_task_is_given(kind: DagRunType) -> None:
    assert kind_of(context(kind)) == kind.value
    assert str(kind) != kind.value, "then kind_of can be simpler"


@pytest.mark.parametrize("kind", BY_INTERVAL)
def test_as_of_is_the_end_of_the_data_interval(kind: DagRunType) -> None:
    assert as_of_of(context(kind)) == WEEK[1]


@pytest.mark.parametrize("kind", BY_OTHERS)
@pytest.mark.parametrize("interval", [WEEK, None])
def test_only_scheduled_and_backfilled_trainings_know_their_as_of(
    kind: DagRunType, interval: tuple[datetime, datetime] | None
) -> None:
    with pytest.raises(ConfigError, match="by hand has to say what it may know") as refusal:
        as_of_of(context(kind, interval=interval))

    assert "fill in as_of in the form" in str(refusal.value)


@pytest.mark.parametrize("kind", DagRunType)
def test_a_named_as_of_wins_whatever_started_the_run(kind: DagRunType) -> None:
    given = context(kind, params={"as_of": "2024-02-12T01:00:00+01:00"})

    assert as_of_of(given) == datetime(2024, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("words", ["yesterday", "2024-02-30", "12.02.2024", 7, ["2024-02-12"]])
def test_a_moment_that_is_none_is_refused_with_what_was_found(words: object) -> None:
    with pytest.raises(ConfigError, match="as_of is not a moment") as refusal:
        as_of_of(context(params={"as_of": words}))

    assert repr(words) in str(refusal.value)


@pytest.mark.parametrize("params", [{}, {"effective_from": None}, {"effective_from": ""}])
def test_a_moment_left_empty_is_none(params: dict[str, object]) -> None:
    assert moment_of(context(params=params), "effective_from") is None


@given(first=days, last=days)
def test_a_range_holds_both_its_days_and_all_between(first: date, last: date) -> None:
    params = {"start": first.isoformat(), "end": last.isoformat()}
    start, end = range_of(context(DagRunType.MANUAL, params=params, interval=None), first=FIRST)

    if first > last:
        with pytest.raises(ConfigError, match="no whole partition"):
            list(partitions(start, end))
        return
    assert start == Partition(first).start
    assert end - start == timedelta(days=(last - first).days + 1)


def test_a_range_without_start_begins_with_the_use_case() -> None:
    assert range_of(context(params={"end": "2024-01-10"}), first=FIRST) == (
        FIRST,
        datetime(2024, 1, 11, tzinfo=UTC),
    )


def test_a_range_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="a range needs its end"):
        range_of(context(params={"start": "2024-01-10"}), first=FIRST)


@pytest.mark.parametrize("name", ["start", "end"])
def test_a_range_is_of_days_not_of_moments(name: str) -> None:
    params = {"start": "2024-01-10", "end": "2024-01-12", name: "2024-01-11T06:00:00Z"}

    with pytest.raises(ConfigError, match="this is not a partition"):
        range_of(context(params=params), first=FIRST)


def test_a_range_left_empty_is_the_data_interval() -> None:
    assert range_of(context(params={"start": None, "end": None}), first=FIRST) == WEEK


@given(start=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_partition_is_the_day_in_which_the_interval_begins(start: datetime) -> None:
    found = partition_of(context(interval=(start, start + timedelta(days=1))))

    assert found.start <= start < found.end


def test_a_named_partition_wins() -> None:
    assert partition_of(context(params={"partition": "2024-03-01"})).key == "2024-03-01"


@pytest.mark.parametrize("interval", [None, (MONDAY, MONDAY), (None, None)])
def test_a_run_without_an_interval_has_to_name_its_day(interval: Any) -> None:
    for rule in (partition_of, interval_of):
        with pytest.raises(ConfigError, match="this run has no data interval"):
            rule(context(DagRunType.MANUAL, interval=interval))
