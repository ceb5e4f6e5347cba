"""The flights' source: exact instants, a stable key, labels never made up, clear faults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from laurel.domain.canonical import parse_instant
from laurel.domain.partition import Partition
from laurel.errors import DataError
from support.flights import (
    flight,
    flights_usecase,
    hour,
    source,
    write_files,
)

START, END = parse_instant("2013-01-01"), parse_instant("2014-01-02")
NOVEMBER_3 = ("2013-11-03T05:30:00Z", "2013-11-03T06:30:00Z")
"""01:30 in New York, twice: in daylight saving time and in standard time."""


def read(name: str, options: dict[str, str], start: datetime = START) -> pd.DataFrame:
    frame: pd.DataFrame = source().read(name, start, END, options)
    return frame


def real(name: str, day: str) -> pd.DataFrame:
    partition = Partition.of(day)
    frame: pd.DataFrame = source().read(name, partition.start, partition.end, {})
    return frame


def test_a_departure_is_its_new_york_time_in_utc(tmp_path: Path) -> None:
    winter, summer = "2013-01-15T10:15:00Z", "2013-07-15T09:15:00Z"
    options = write_files(tmp_path, [flight(winter), flight(summer)])
    rows = read("flights", options)
    assert rows["sched_dep"].tolist() == [pd.Timestamp(winter), pd.Timestamp(summer)]
    assert rows["sched_dep_local"].tolist() == [515, 515]


def test_the_hour_that_comes_twice_is_told_apart_by_its_utc_hour(tmp_path: Path) -> None:
    flights = [flight(moment, flight=n) for n, moment in enumerate(NOVEMBER_3, start=1)]
    weather = [hour(moment[:13] + ":00:00Z") for moment in NOVEMBER_3]
    options = write_files(tmp_path, flights, weather)
    rows, observed = read("flights", options), read("weather", options)
    assert rows["sched_dep_local"].tolist() == [130, 130]
    assert rows["sched_dep"].tolist() == [pd.Timestamp(moment) for moment in NOVEMBER_3]
    assert observed["observed"].diff().iloc[1] == pd.Timedelta(hours=1)


def test_the_hour_that_daylight_saving_skips_is_refused(tmp_path: Path) -> None:
    for number, utc_hour in enumerate(("06", "07")):
        skipped = flight(
            "2013-03-10T12:00:00Z", sched_dep_time=230, time_hour=f"2013-03-10T{utc_hour}:00:00Z"
        )
        options = write_files(tmp_path / str(number), [skipped])
        with pytest.raises(DataError, match=r"2013-03-10, clock 0230"):
            read("flights", options)


def test_the_minutes_around_the_skipped_hour_are_neighbours(tmp_path: Path) -> None:
    moments = ["2013-03-10T06:59:00Z", "2013-03-10T07:00:00Z"]
    options = write_files(tmp_path, [flight(each, flight=n) for n, each in enumerate(moments, 1)])
    rows = read("flights", options)
    assert rows["sched_dep_local"].tolist() == [159, 300]
    assert rows["sched_dep"].tolist() == [pd.Timestamp(moment) for moment in moments]


@pytest.mark.parametrize(
    "changed", [{"sched_dep_time": 900}, {"day": 2}, {"time_hour": "2013-07-01T13:00:00Z"}]
)
def test_a_clock_that_contradicts_its_utc_hour_is_refused(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    options = write_files(tmp_path, [flight("2013-07-01T12:00:00Z", **changed)])
    with pytest.raises(DataError, match="not New York's at their UTC hour"):
        read("flights", options)


@examples(max_examples=15, deadline=None)
@given(
    moments=st.lists(
        st.integers(min_value=0, max_value=365 * 24 * 60 - 1).map(
            lambda minutes: datetime(2013, 1, 1, 5, tzinfo=UTC) + timedelta(minutes=minutes)
        ),
        min_size=1,
        max_size=60,
        unique=True,
    )
)
def test_every_minute_of_the_year_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, moments: list[datetime]
) -> None:
    lines = [flight(each.isoformat(), flight=n) for n, each in enumerate(moments, start=1)]
    options = write_files(tmp_path_factory.mktemp("minutes"), lines)
    rows = read("flights", options).sort_values("flight")
    assert rows["sched_dep"].tolist() == [pd.Timestamp(moment) for moment in moments]


def test_the_interval_is_half_open(tmp_path: Path) -> None:
    moments = ["2013-07-01T00:00:00Z", "2013-07-01T23:59:00Z", "2013-07-02T00:00:00Z"]
    options = write_files(tmp_path, [flight(each, flight=n) for n, each in enumerate(moments, 1)])
    day = Partition.of("2013-07-01")
    rows = source().read("flights", day.start, day.end, options)
    assert rows["flight"].tolist() == [1, 2]


def test_the_key_is_the_local_date_carrier_number_and_origin(tmp_path: Path) -> None:
    rows = read("flights", write_files(tmp_path, [flight("2013-07-02T01:00:00Z")]))
    assert rows["flight_id"].tolist() == ["2013-07-01-UA-1545-EWR"]


def test_a_flight_keeps_its_key_when_it_is_rescheduled_within_the_day(tmp_path: Path) -> None:
    before = read("flights", write_files(tmp_path / "a", [flight("2013-07-01T12:00:00Z")]))
    after = read("flights", write_files(tmp_path / "b", [flight("2013-07-01T18:30:00Z")]))
    assert before["flight_id"].equals(after["flight_id"])
    assert not before["sched_dep"].equals(after["sched_dep"])


def test_the_key_is_unique_over_the_year_and_in_both_datasets_the_same() -> None:
    rows, labels = read("flights", {}), read("labels", {})
    assert len(rows) == 336_776
    assert rows["flight_id"].is_unique
    assert labels["flight_id"].is_unique
    # labels of the last day arrive after the interval that was read
    missing = set(rows["flight_id"]) - set(labels["flight_id"])
    late = rows[rows["sched_dep"] >= pd.Timestamp(END) - pd.Timedelta(days=1)]
    assert missing == set(late["flight_id"])
    assert set(labels["flight_id"]) <= set(rows["flight_id"])


def test_hours_of_weather_are_unique_on_the_day_that_has_one_twice() -> None:
    rows = real("weather", "2013-11-03")
    assert len(rows) == 57
    assert not rows.duplicated(["origin", "observed"]).any()
    assert len(real("weather", "2013-03-10")) == 72


@pytest.mark.parametrize(
    ("day", "first"), [("2013-03-09", 10), ("2013-03-10", 9), ("2013-11-02", 9), ("2013-11-03", 10)]
)
def test_the_first_departures_of_the_morning_move_with_daylight_saving(
    day: str, first: int
) -> None:
    rows = real("flights", day)
    morning = rows[rows["sched_dep"] >= Partition.of(day).start + timedelta(hours=6)]
    assert morning["sched_dep"].min().hour == first
    assert morning["sched_dep_local"].min() // 100 == 5


def test_flights_hold_nothing_that_is_known_only_after_departure() -> None:
    columns = set(real("flights", "2013-07-01").columns)
    assert not columns & {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "late"}
    assert columns == set(flights_usecase().config.rows.columns)


def test_aircraft_attributes_are_joined_and_null_where_unknown(tmp_path: Path) -> None:
    lines = [
        flight("2013-07-01T12:00:00Z"),
        flight("2013-07-01T13:00:00Z", flight=2, tailnum="N0"),
        flight("2013-07-01T14:00:00Z", flight=3, tailnum=None),
    ]
    rows = read("flights", write_files(tmp_path, lines)).sort_values("flight", ascending=False)
    assert rows["plane_seats"].fillna(-1).tolist() == [149, -1, -1]
    assert rows["plane_model"].isna().tolist() == [False, True, True]


def test_late_is_more_than_fifteen_minutes_and_null_without_an_outcome(tmp_path: Path) -> None:
    outcomes: list[dict[str, Any]] = [
        {"arr_delay": 15},
        {"arr_delay": 16},
        {"arr_delay": None},
        {"arr_delay": None, "dep_time": None},
    ]
    lines = [
        flight("2013-07-01T12:00:00Z", flight=n, **each) for n, each in enumerate(outcomes, start=1)
    ]
    labels = read("labels", write_files(tmp_path, lines))
    assert labels["status"].tolist() == ["landed", "landed", "diverted", "cancelled"]
    assert labels["late"].fillna(-1).tolist() == [0, 1, -1, -1]
    assert labels["arr_delay"].fillna(-1).tolist() == [15, 16, -1, -1]


def test_labels_arrive_one_day_after_the_scheduled_departure(tmp_path: Path) -> None:
    labels = read("labels", write_files(tmp_path, [flight("2013-07-01T12:00:00Z")]))
    assert labels["arrived"].tolist() == [pd.Timestamp("2013-07-02T12:00:00Z")]
    assert flights_usecase().config.label_delay == source().LABEL_DELAY


def test_counts_of_the_year_are_those_of_the_file() -> None:
    status = source().read("labels", START, END + timedelta(days=1), {})["status"].value_counts()
    assert status.to_dict() == {"landed": 327_346, "cancelled": 8_255, "diverted": 1_175}
