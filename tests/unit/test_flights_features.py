"""The flights' features, against values worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.domain.history import INSTANT
from laurel.stages.featurize import load_featurizer
from laurel.usecase import load_module
from support.flights import flights_usecase

CUTOFF = "2013-07-10T00:00:00Z"
MEASURED = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip")


def moments(values: list[str]) -> pd.Series:
    return pd.Series(pd.to_datetime(values, utc=True)).astype(INSTANT)


def flights(*lines: dict[str, Any]) -> pd.DataFrame:
    """Raw rows; what a line does not say is a flight of United from Newark to Houston at 08:00."""
    plain = {
        "sched_dep": "2013-07-10T12:00:00Z",
        "sched_dep_local": 800,
        "sched_arr_local": 1019,
        "carrier": "UA",
        "flight": 1545,
        "tailnum": "N14228",
        "origin": "EWR",
        "dest": "IAH",
        "distance": 1400,
        "plane_year": 1999.0,
        "plane_seats": 149.0,
    }
    frame = pd.DataFrame([{**plain, "flight_id": str(n), **x} for n, x in enumerate(lines)])
    for name in ("sched_dep", "cutoff", "known_at"):
        if name in frame:
            frame[name] = moments(list(frame[name]))
    return frame


def past(*lines: dict[str, Any]) -> pd.DataFrame:
    """Flights with what became of them; known two days after the day of departure."""
    plain = {
        "sched_dep": "2013-07-05T12:00:00Z",
        "known_at": "2013-07-07T00:00:00Z",
        "status": "landed",
        "late": 0.0,
    }
    history = flights(*({**plain, **line} for line in lines or ({},)))
    return history if lines else history.iloc[:0]


def weather(*lines: dict[str, Any]) -> pd.DataFrame:
    plain: dict[str, Any] = {
        "origin": "EWR",
        "observed": "2013-07-09T23:00:00Z",
        "known_at": CUTOFF,
        **dict.fromkeys(MEASURED, 1.0),
        "pressure": 1000.0,
        "visib": 10.0,
    }
    frame = pd.DataFrame([{**plain, **line} for line in lines or ({},)])
    for name in ("observed", "known_at"):
        frame[name] = moments(list(frame[name]))
    return frame if lines else frame.iloc[:0]


def featurize(
    rows: pd.DataFrame | None = None,
    *,
    history: pd.DataFrame | None = None,
    observations: pd.DataFrame | None = None,
) -> pd.Series:
    """The features of the first row."""
    usecase = flights_usecase()
    rows = flights({}) if rows is None else rows
    rows = rows.assign(cutoff=moments([CUTOFF] * len(rows)))
    context = {
        "history": past() if history is None else history,
        "weather": weather() if observations is None else observations,
    }
    features = load_featurizer(usecase.features_file(), usecase=usecase.name)(rows, context)
    return features.iloc[0]


def lines(count: int, **said: Any) -> list[dict[str, Any]]:
    return [said] * count


def numbered(*groups: list[dict[str, Any]]) -> pd.DataFrame:
    return past(*(line for group in groups for line in group))


def odds(rate: float, base: float) -> float:
    return float(np.float32((rate / (1 - rate)) / (base / (1 - base))))


def test_the_feature_code_and_the_configuration_agree_on_how_far_it_looks_back() -> None:
    usecase = flights_usecase()
    module = load_module(usecase.features_file(), usecase=usecase.name)
    assert usecase.config.features.history_days == module.HISTORY_DAYS


def test_the_schedule_is_in_local_time() -> None:
    row = featurize(flights({"sched_dep_local": 2030, "sched_dep": "2013-07-11T00:30:00Z"}))
    assert row["minute_of_day"] == 20 * 60 + 30
    assert row["weekday"] == 2, "still Wednesday in New York"


def test_a_flight_over_midnight_has_a_positive_duration() -> None:
    row = featurize(flights({"sched_dep_local": 2300, "sched_arr_local": 110}))
    assert row["block_minutes"] == 130


def test_an_aircraft_of_unknown_age_has_none() -> None:
    known = featurize()
    unknown = featurize(flights({"plane_year": np.nan, "plane_seats": np.nan}))
    assert (known["plane_age"], known["plane_seats"]) == (14, 149)
    assert np.isnan(unknown["plane_age"])
    assert np.isnan(unknown["plane_seats"])


def test_a_group_is_compared_with_all_flights_and_drawn_to_them() -> None:
    history = numbered(
        lines(10, late=1.0),
        lines(10, late=0.0),
        lines(20, late=0.0, carrier="B6", origin="JFK"),
    )
    row = featurize(history=history)
    assert row["odds_carrier"] == odds((10 + 20 * 0.25) / (20 + 20), 0.25)
    jet = featurize(flights({"carrier": "B6", "origin": "JFK"}), history=history)
    assert jet["odds_carrier"] == odds(20 * 0.25 / (20 + 20), 0.25)


def test_a_group_without_a_past_is_like_all_flights() -> None:
    history = numbered(lines(5, late=1.0), lines(5, late=0.0))
    assert featurize(flights({"carrier": "ZZ"}), history=history)["odds_carrier"] == 1.0


MIXED = [*lines(10, late=1.0), *lines(30, late=0.0, carrier="B6")]
"""United was late ten times, JetBlue never: one flight more of either changes the odds."""


def test_cancelled_flights_count_neither_as_late_nor_as_on_time() -> None:
    more = numbered(MIXED, lines(9, late=np.nan, status="cancelled"))
    assert featurize(history=numbered(MIXED)).equals(featurize(history=more))


@pytest.mark.parametrize(
    "said",
    [
        {"known_at": "2013-07-10T00:00:01Z"},
        {"sched_dep": "2013-06-11T23:59:00Z"},
        {"sched_dep": "2013-07-10T00:00:00Z"},
    ],
)
def test_flights_outside_the_window_or_not_known_yet_do_not_count(said: dict[str, str]) -> None:
    more = numbered(MIXED, lines(9, late=1.0, **said))
    assert featurize(history=numbered(MIXED)).equals(featurize(history=more))


@pytest.mark.parametrize(
    "said",
    [
        {"known_at": CUTOFF},
        {"sched_dep": "2013-06-12T00:00:00Z"},
        {"sched_dep": "2013-07-09T23:59:00Z"},
    ],
)
def test_flights_at_the_edges_of_the_window_count(said: dict[str, str]) -> None:
    more = numbered(MIXED, lines(9, late=1.0, **said))
    assert not featurize(history=numbered(MIXED)).equals(featurize(history=more))


def test_a_corrected_label_counts_from_when_it_was_known() -> None:
    first = MIXED
    corrected = {"flight_id": "0", "late": 0.0}
    known = past(*first, {**corrected, "known_at": "2013-07-09T00:00:00Z"})
    unknown = past(*first, {**corrected, "known_at": "2013-07-11T00:00:00Z"})
    before = past(*first)
    after = past(*({**line, "late": 0.0} if n == 0 else line for n, line in enumerate(first)))
    assert featurize(history=unknown).equals(featurize(history=before))
    assert featurize(history=known).equals(featurize(history=after))
    assert not featurize(history=after).equals(featurize(history=before))


def test_without_a_single_late_flight_there_are_no_odds() -> None:
    row = featurize(history=numbered(lines(10, late=0.0)))
    assert np.isnan(row["odds_carrier"])


def test_the_last_measured_value_of_the_last_hours_is_taken() -> None:
    row = featurize(
        observations=weather(
            {"observed": "2013-07-09T20:00:00Z", "temp": 70.0},
            {"observed": "2013-07-09T22:00:00Z", "temp": 72.0, "pressure": 1003.0},
            {"observed": "2013-07-09T23:00:00Z", "temp": np.nan},
            {"observed": "2013-07-10T00:00:00Z", "temp": 99.0},
            {"observed": "2013-07-09T23:00:00Z", "temp": 99.0, "origin": "JFK"},
            {"observed": "2013-07-09T23:30:00Z", "temp": 99.0, "known_at": "2013-07-11T00:00:00Z"},
        )
    )
    assert row["weather_temp"] == 72
    assert row["weather_pressure_change"] == 0


def test_weather_looks_back_a_day_and_the_last_values_six_hours() -> None:
    row = featurize(
        observations=weather(
            {"observed": "2013-07-08T23:00:00Z", "precip": 5.0, "visib": 0.0},
            {"observed": "2013-07-09T01:00:00Z", "precip": 0.25, "visib": 2.0, "pressure": 1010.0},
            {"observed": "2013-07-09T17:00:00Z", "precip": 0.5, "wind_speed": 30.0},
        )
    )
    assert row["weather_rain"] == 0.75
    assert row["weather_haziest"] == 2
    assert row["weather_windiest"] == 30
    assert row["weather_pressure_change"] == -10
    assert np.isnan(row["weather_temp"])


def test_a_wind_that_cannot_be_is_no_wind() -> None:
    row = featurize(
        observations=weather(
            {"observed": "2013-07-09T22:00:00Z", "wind_speed": 11.0},
            {"observed": "2013-07-09T23:00:00Z", "wind_speed": 1048.36},
        )
    )
    assert row["weather_wind_speed"] == 11
    assert row["weather_windiest"] == 11


def test_without_observations_there_is_no_weather() -> None:
    row = featurize()
    found = [name for name in row.index if name.startswith("weather_")]
    assert len(found) == 12
    assert row[found].isna().all()


def test_no_feature_tells_the_level_of_all_flights() -> None:
    calm = featurize(history=numbered(lines(5, late=1.0), lines(95, late=0.0)))
    rough = featurize(history=numbered(lines(50, late=1.0), lines(50, late=0.0)))
    assert calm["odds_carrier"] == rough["odds_carrier"] == 1.0
