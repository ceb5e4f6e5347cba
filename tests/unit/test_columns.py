"""Columns of whatever objects a source may give: read, or refused row by row, never a traceback."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.adapters.columns import MismatchError, Reading, read_typed
from laurel.adapters.textual import read_text
from laurel.domain.config import Column

EAST, WEST = dt.timezone(dt.timedelta(hours=14)), dt.timezone(dt.timedelta(hours=-14))
OBJECTS = [
    *(0, -1, 2**63, -(2**63) - 1, 2**53 + 1, 10**400, 1.0, 1.5, -0.0),
    *(float("inf"), float("nan"), None, pd.NaT, pd.NA, True, np.bool_(False)),
    *(np.int32(5), np.uint64(2**64 - 1), np.float32(1.5), np.longdouble(1) / 3, 1 + 2j),
    *("a", "", "1", "\ud800", "x\x00y", "🛫", b"a", Decimal("1.5"), Decimal("NaN")),
    *(dt.date(2024, 2, 29), dt.time(1), dt.timedelta(1), pd.Timedelta(1), np.datetime64("2024")),
    dt.datetime(2024, 2, 29),  # noqa: DTZ001
    dt.datetime(2024, 2, 29, tzinfo=ZoneInfo("America/New_York")),
    dt.datetime(9999, 12, 31, 23, 59, tzinfo=WEST),
    dt.datetime(1, 1, 1, tzinfo=EAST),
    pd.Timestamp("2024-02-29T00:00:00.000000001Z"),
    pd.Timestamp("2024-02-29"),
    *([1], (1,), {}, {1}, object()),
]
COLUMNS = [
    *(
        Column.model_validate({"type": kind, "nullable": True})
        for kind in ("string", "int64", "float64", "bool", "timestamp")
    ),
    Column(type="timestamp", timezone="America/New_York"),
]


def flawed(found: Reading) -> Any:
    rows = np.zeros(len(found.values), dtype=bool)
    for flaw in found.flaws:
        rows |= flaw.rows
    return rows


@settings(max_examples=150, deadline=None)
@given(values=st.lists(st.sampled_from(OBJECTS), max_size=5), column=st.sampled_from(COLUMNS))
def test_any_objects_are_read_or_refused_row_by_row(values: list[Any], column: Column) -> None:
    series = pd.Series(values, dtype=object)
    for read in (read_typed, read_text):
        try:
            found = read(series, column)
        except MismatchError:
            continue
        assert len(found.values) == len(values)
        assert found.values[flawed(found)].isna().all()
        kept = ~flawed(found) & series.notna().to_numpy(dtype=bool)
        if read is read_typed:
            assert found.values[kept].notna().all()


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["a", None], dtype="category"),
        pd.Series([1, 2], dtype="category"),
        pd.Series([1.5, 2], dtype="float32"),
        pd.Series([2**64 - 1, None], dtype="UInt64"),
        pd.Series([True, None], dtype="boolean"),
        pd.Series(["a", None], dtype="string"),
        pd.Series([1, 2], dtype="int64[pyarrow]"),
        pd.Series(pd.period_range("2024", periods=2)),
        pd.Series([pd.Interval(0, 1)]),
        pd.Series([1, 2], dtype="Sparse[int]"),
        pd.Series([1 + 2j]),
        pd.to_timedelta(pd.Series([1])),
        pd.to_datetime(pd.Series(["1600-01-01", None])),
        pd.Series(pd.date_range("2024", periods=2, tz="America/New_York", unit="ns")),
    ],
)
def test_columns_of_any_type_are_read_or_refused_as_a_whole(
    values: pd.Series[Any], column: Column
) -> None:
    for read in (read_typed, read_text):
        try:
            found = read(values, column)
        except MismatchError:
            continue
        assert found.values[flawed(found)].isna().all()


def test_moments_of_different_units_and_zones_stand_in_one_column() -> None:
    values = [
        pd.Timestamp("2024-02-29T12:00:00Z").as_unit("ns"),
        dt.datetime(9999, 12, 31, 23, 59, tzinfo=EAST),
        dt.datetime(2024, 2, 29, 12, tzinfo=ZoneInfo("Europe/Berlin")),
    ]
    found = read_typed(pd.Series(values, dtype=object), Column(type="timestamp"))
    assert not flawed(found).any()
    assert [moment.isoformat() for moment in found.values] == [
        "2024-02-29T12:00:00+00:00",
        "9999-12-31T09:59:00+00:00",
        "2024-02-29T11:00:00+00:00",
    ]


def test_naive_moments_are_read_on_the_clock_that_is_declared() -> None:
    clock = pd.Series(pd.to_datetime(["2024-02-29 12:00", "2024-03-10 02:30", "2024-11-03 01:30"]))
    found = read_typed(clock, Column(type="timestamp", timezone="America/New_York"))
    assert found.values[0] == pd.Timestamp("2024-02-29T17:00Z")
    told = {flaw.why.split(" by ")[0]: flaw.rows.tolist() for flaw in found.flaws if any(flaw.rows)}
    assert told == {"is shown twice": [False, False, True], "is never shown": [False, True, False]}
    with pytest.raises(MismatchError, match="without a time zone"):
        read_typed(clock, Column(type="timestamp"))


def test_infinity_is_a_value_only_where_it_is_declared() -> None:
    values = pd.Series([1.0, np.inf, None])
    assert flawed(read_typed(values, Column(type="float64"))).tolist() == [False, True, False]
    assert not flawed(read_typed(values, Column(type="float64", infinite=True))).any()
