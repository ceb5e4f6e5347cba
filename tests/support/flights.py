"""A small copy of the files that the flights use case reads, made of a few flights and hours."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from laurel.domain.canonical import parse_instant
from laurel.settings import load_settings
from laurel.usecase import UseCase, get_usecase

NEW_YORK = ZoneInfo("America/New_York")
FLIGHTS, PLANES, WEATHER = "flights.csv.zip", "planes.csv", "weather.csv"


def flights_usecase() -> UseCase:
    """The use case as shipped."""
    return get_usecase("flights", load_settings({}))


def source() -> ModuleType:
    """Its source."""
    return flights_usecase().source()


def flight(departure: str, **changed: Any) -> dict[str, Any]:
    """One line of the flights file; ``departure`` is an instant in UTC."""
    moment = parse_instant(departure)
    local = moment.astimezone(NEW_YORK)
    line = {
        **_day(local),
        "dep_time": 517,
        "sched_dep_time": local.hour * 100 + local.minute,
        "sched_arr_time": 819,
        "arr_delay": 11,
        "carrier": "UA",
        "flight": 1545,
        "tailnum": "N14228",
        "origin": "EWR",
        "dest": "IAH",
        "distance": 1400,
        "time_hour": _hour(moment),
    }
    return {**line, **changed}


def hour(observed: str, origin: str = "EWR", **changed: Any) -> dict[str, Any]:
    """One line of the weather file."""
    moment = parse_instant(observed)
    local = moment.astimezone(NEW_YORK)
    line = {
        "origin": origin,
        **_day(local),
        "hour": local.hour,
        "temp": 39.02,
        "dewp": 26.06,
        "humid": 59.37,
        "wind_dir": 270,
        "wind_speed": 10.35702,
        "wind_gust": None,
        "precip": 0,
        "pressure": 1012,
        "visib": 10,
        "time_hour": _hour(moment),
    }
    return {**line, **changed}


def write_files(
    folder: Path,
    flights: Sequence[Mapping[str, Any]] = (),
    weather: Sequence[Mapping[str, Any]] = (),
) -> dict[str, str]:
    """Write the three files; the result is the source's options."""
    plane = {
        "tailnum": "N14228",
        "year": 1999,
        "type": "Fixed wing multi engine",
        "manufacturer": "BOEING",
        "model": "737-824",
        "engines": 2,
        "seats": 149,
        "speed": None,
        "engine": "Turbo-fan",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / FLIGHTS, "w") as archive:
        archive.writestr("flights.csv", _csv(flights or [flight("2013-07-01T12:00:00Z")]))
    (folder / PLANES).write_text(_csv([plane]))
    (folder / WEATHER).write_text(_csv(weather or [hour("2013-07-01T12:00:00Z")]))
    return {"folder": str(folder)}


def _csv(lines: Sequence[Mapping[str, Any]]) -> str:
    return pd.DataFrame(lines).to_csv(index=False, na_rep="NA")


def _day(local: datetime) -> dict[str, int]:
    return {"year": local.year, "month": local.month, "day": local.day}


def _hour(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:00:00Z")
