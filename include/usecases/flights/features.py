"""The feature set of the flights: what is known of a flight at the cutoff, the evening before.

A row's features depend on that row, and on context rows with ``known_at`` at or before its
``cutoff``; never on the other rows of the call, nor on their order. Trailing rates are made of
integer counts, so they are the same in whatever order the counting went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

NEW_YORK = "America/New_York"
HISTORY_DAYS = 28
"""Trailing rates count the flights of so many days before the cutoff; as in usecase.yaml."""
WEATHER_HOURS = 24
"""Older observations than this are no weather."""
FRESH = pd.Timedelta(hours=6)
"""The last measured value of an observation may be so old."""
WIND_LIMIT = 150.0
"""Miles per hour; the source has a reading of 1048."""
PRIOR_ROWS = 20.0
"""A group's rate is drawn to the rate of all flights as if by so many flights of that rate."""

GROUPS: dict[str, tuple[str, ...]] = {
    "origin": ("origin",),
    "carrier": ("carrier",),
    "dest": ("dest",),
    "hour": ("origin", "local_hour"),
    "route": ("carrier", "origin", "dest"),
    "flight": ("carrier", "flight", "origin"),
}
MEASURED = ("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib")
EXTREMES = ("rain", "windiest", "haziest", "pressure_change")

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


def featurize(rows: pd.DataFrame, context: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Features of ``rows``, same index and order: float32, and category for names.

    ``rows`` holds the raw columns and ``cutoff``; ``context["history"]`` past flights with their
    labels and ``known_at``; ``context["weather"]`` observations with ``known_at``.
    """
    return pd.concat([part(rows, context) for part in PARTS.values()], axis=1)


def _schedule(rows: pd.DataFrame) -> pd.DataFrame:
    departure, arrival = (_minutes(rows[f"sched_{name}_local"]) for name in ("dep", "arr"))
    numbers = {
        "minute_of_day": departure,
        "weekday": rows["sched_dep"].dt.tz_convert(NEW_YORK).dt.weekday.to_numpy(),
        "distance": rows["distance"].to_numpy(),
        # between two local clocks: it holds the difference of zones, which the destination tells
        "block_minutes": (arrival - departure) % 1440,
    }
    features: dict[str, object] = {
        name: values.astype("float32") for name, values in numbers.items()
    }
    features |= {name: rows[name].astype("category") for name in ("carrier", "origin", "dest")}
    return pd.DataFrame(features, index=rows.index)


def _minutes(clock: pd.Series) -> npt.NDArray[np.int64]:
    hours, minutes = np.divmod(clock.to_numpy(), 100)
    return np.asarray(hours * 60 + minutes)


def _aircraft(rows: pd.DataFrame) -> pd.DataFrame:
    numbers = {
        "plane_age": rows["sched_dep"].dt.year - rows["plane_year"],
        "plane_seats": rows["plane_seats"],
    }
    return pd.DataFrame(numbers, index=rows.index).astype("float32")


def _weather(rows: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Weather at the origin in the hours before the cutoff, as far as known by then."""
    names = [f"weather_{name}" for name in (*MEASURED, *EXTREMES)]
    result = np.full((len(rows), len(names)), np.nan, dtype="float32")
    # a training hands over the weather of four weeks, of which a day's rows look at one day
    oldest = rows["cutoff"].min() - pd.Timedelta(hours=WEATHER_HOURS)
    weather = weather[(weather["observed"] >= oldest).to_numpy()]
    weather = weather.sort_values("observed", kind="stable", ignore_index=True)
    superseded = _superseded(weather, ["origin", "observed"])
    values = weather[list(MEASURED)].to_numpy(dtype="float64", na_value=np.nan, copy=True)
    wind = MEASURED.index("wind_speed")
    values[values[:, wind] > WIND_LIMIT, wind] = np.nan
    airports, origins = weather["origin"].to_numpy(), rows["origin"].to_numpy()
    for cutoff, places in _cutoffs(rows):
        day = _known(weather, superseded, "observed", cutoff, WEATHER_HOURS)
        fresh = (weather["observed"] >= cutoff - FRESH).to_numpy()
        for origin in pd.unique(origins[places]):
            here = day & (airports == origin)
            at = places[origins[places] == origin]
            result[at] = [*map(_last, values[here & fresh].T), *_extremes(values[here])]
    return pd.DataFrame(result, index=rows.index, columns=names)


def _last(values: Floats) -> float:
    there = values[~np.isnan(values)]
    return float(there[-1]) if len(there) else np.nan


def _extremes(values: Floats) -> list[float]:
    """The rain of a day in inches, its highest wind, lowest visibility, and change of pressure."""
    measured = dict(zip(MEASURED, values.T, strict=True))
    pressure = measured["pressure"][~np.isnan(measured["pressure"])]
    # hundredths of an inch are whole numbers: their sum has one value in any order
    rain = float(np.nansum(np.round(measured["precip"] * 100))) / 100 if len(values) else np.nan
    return [
        rain,
        float(np.fmax.reduce(measured["wind_speed"], initial=np.nan)),
        float(np.fmin.reduce(measured["visib"], initial=np.nan)),
        float(pressure[-1] - pressure[0]) if len(pressure) else np.nan,
    ]


def _trailing(rows: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """How much more often the flights of a group were late than all flights, as a ratio of odds.

    The level of all flights is left out: it swings from week to week, and a model that leans on it
    is wrong when the season turns (README.md has the figures).
    """
    names = {name: f"odds_{name}" for name in GROUPS}
    result = {name: np.full(len(rows), np.nan, dtype="float32") for name in names.values()}
    codes = _codes(rows, history)
    late = history["late"].to_numpy(dtype="float64", na_value=np.nan)
    superseded = _superseded(history, ["flight_id"])
    for cutoff, places in _cutoffs(rows):
        known = _known(history, superseded, "sched_dep", cutoff, HISTORY_DAYS * 24)
        known = known & ~np.isnan(late)
        for name, (of_rows, of_history) in codes.items():
            ratio = _odds(of_history[known], late[known] == 1, of_rows[places])
            result[names[name]][places] = ratio
    return pd.DataFrame(result, index=rows.index)


def _odds(groups: Places, late: npt.NDArray[np.bool_], wanted: Places) -> Floats:
    """Odds of being late in each wanted group over those of all; nan where none or all were."""
    if not late.any() or late.all():
        return np.full(len(wanted), np.nan)
    size = int(max(groups.max(), wanted.max(initial=0))) + 1
    count = np.bincount(groups, minlength=size)[wanted]
    ones = np.bincount(groups[late], minlength=size)[wanted]
    base = int(late.sum()) / len(late)
    rate = (ones + PRIOR_ROWS * base) / (count + PRIOR_ROWS)
    odds: Floats = (rate / (1 - rate)) / (base / (1 - base))
    return odds


def _codes(rows: pd.DataFrame, history: pd.DataFrame) -> dict[str, tuple[Places, Places]]:
    """Numbers of the groups of rows and of history: equal where all of a group's columns are."""
    names = sorted({name for columns in GROUPS.values() for name in columns})
    levels = {name: _factorize(rows, history, name) for name in names}
    result = {}
    for group, columns in GROUPS.items():
        codes = np.zeros(len(rows) + len(history), dtype=np.intp)
        for name in columns:
            codes = codes * (levels[name].max(initial=0) + 1) + levels[name]
        result[group] = codes[: len(rows)], codes[len(rows) :]
    return result


def _factorize(rows: pd.DataFrame, history: pd.DataFrame, name: str) -> Places:
    if name == "local_hour":
        both = pd.concat([rows["sched_dep_local"], history["sched_dep_local"]]) // 100
    else:
        both = pd.concat([rows[name], history[name]])
    return np.asarray(pd.factorize(both, use_na_sentinel=False)[0], dtype=np.intp)


def _cutoffs(rows: pd.DataFrame) -> Iterator[tuple[pd.Timestamp, Places]]:
    """Each cutoff of the rows with the places of the rows that have it."""
    codes, cutoffs = pd.factorize(rows["cutoff"])
    for code, cutoff in enumerate(cutoffs):
        yield cutoff, np.flatnonzero(codes == code)


def _superseded(frame: pd.DataFrame, key: list[str]) -> pd.Series | None:
    """When a row's next version of the same key became known; NaT for the newest one.

    ``None`` where there is one version of each.
    """
    alone = frame[key[0]].is_unique if len(key) == 1 else not frame.duplicated(key).any()
    if alone:
        return None
    ordered = frame[[*key, "known_at"]].sort_values("known_at", kind="stable")
    return ordered.groupby(key, observed=True)["known_at"].shift(-1).reindex(frame.index)


def _known(
    frame: pd.DataFrame, superseded: pd.Series | None, time: str, cutoff: pd.Timestamp, hours: int
) -> npt.NDArray[np.bool_]:
    """Rows of the last hours before the cutoff, in the version that was known at it."""
    moments = frame[time].array
    found = (moments < cutoff) & (moments >= cutoff - pd.Timedelta(hours=hours))
    found &= frame["known_at"].array <= cutoff
    if superseded is not None:
        found &= ~(superseded.array <= cutoff)
    return np.asarray(found, dtype=bool)


PARTS: dict[str, Callable[[pd.DataFrame, Mapping[str, pd.DataFrame]], pd.DataFrame]] = {
    "schedule": lambda rows, _context: _schedule(rows),
    "aircraft": lambda rows, _context: _aircraft(rows),
    "weather": lambda rows, context: _weather(rows, context["weather"]),
    "trailing": lambda rows, context: _trailing(rows, context["history"]),
}
"""What the feature set is put together from: `laurel examine` times each part by itself."""
