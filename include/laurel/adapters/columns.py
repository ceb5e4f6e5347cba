"""Columns as a typed source gives them: the declared type, or what is wrong with which rows.

No value changes: whole floats are integers, ``"3"`` is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from laurel.domain.config import Column

TEXT = pd.StringDtype(na_value=np.nan)
MOMENT = pd.DatetimeTZDtype("us", "UTC")
NULLABLE: dict[str, Any] = {
    "string": TEXT,
    "int64": pd.Int64Dtype(),
    "float64": np.dtype("float64"),
    "bool": pd.BooleanDtype(),
    "timestamp": MOMENT,
}
"""The type of a column while nulls are possible."""
_EXACT = 2**53
"""Integers below this are the same number as float64."""
_CALENDAR = tuple(np.datetime64(day, "us") for day in ("0001-01-01", "10000-01-01"))

_FINE = "is finer than a microsecond"

Rows = NDArray[np.bool_]


class MismatchError(Exception):
    """A column as a whole is not of the declared type; the text says what it is."""


@dataclass(frozen=True)
class Flaw:
    """Rows whose values cannot be taken, and why, as ``is not int64``."""

    rows: Rows
    why: str


@dataclass(frozen=True)
class Reading:
    """Values of the declared type, null where there are none or where a flaw is."""

    values: pd.Series[Any]
    flaws: tuple[Flaw, ...] = ()


def read_typed(values: pd.Series[Any], column: Column) -> Reading:
    """Read a column of numbers, moments, text or objects; its index must be ``0…n-1``.

    Raises :class:`MismatchError` where its type as a whole is another.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if values.isna().all():
        return Reading(pd.Series(None, index=values.index, dtype=NULLABLE[column.type]))
    return _TYPED[column.type](values, column)


def told(value: Any, column: Column) -> str:
    """A value with its kind, for words about it; what names a person is not shown.

    >>> told("abc", Column(type="int64")), told(5, Column(type="string"))
    ("'abc'", '5 (int)')
    >>> told("Ann", Column(type="int64", personal="direct"))
    'personal data (str)'
    """
    if column.personal in ("direct", "sensitive"):
        return f"personal data ({type(value).__name__})"
    if isinstance(value, str):
        return f"{value!r:.60}"
    plain = isinstance(value, float | np.floating | pd.Timestamp)
    return f"{value!s:.60}" if plain else f"{value!r:.60} ({type(value).__name__})"


def at_clock(moments: pd.Series[Any], zone: str) -> Reading:
    """Moments on the clock of a zone, in UTC; what that clock shows twice or never is a flaw."""
    there = moments.notna().to_numpy()
    edge = (moments < pd.Timestamp("0001-01-02")) | (moments > pd.Timestamp("9999-12-30"))
    inner = moments.mask(edge)
    fixed = inner.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    lost = (inner.notna() & fixed.isna()).to_numpy(dtype=bool)
    # asked once more of the lost alone: which of the two it is
    either = inner[lost].dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward")
    twice = np.zeros(len(moments), dtype=bool)
    twice[np.flatnonzero(lost)] = either.isna().to_numpy()
    flaws = (
        Flaw(twice, f"is shown twice by the clock of {zone}"),
        Flaw(lost & ~twice, f"is never shown by the clock of {zone}"),
        Flaw(there & edge.to_numpy(), "is too near the end of the calendar"),
    )
    return Reading(fixed.astype(MOMENT), flaws)


def within_calendar(moments: pd.Series[Any]) -> Reading:
    """Moments in UTC of the years 1 to 9999; others are flaws."""
    plain = moments.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    outside = (plain < _CALENDAR[0]) | (plain >= _CALENDAR[1])
    return Reading(moments.mask(outside), (Flaw(outside, "is outside the years 1 to 9999"),))


def unbounded(values: pd.Series[Any], column: Column) -> Reading:
    """Numbers of which the infinite ones are flaws where they are not declared."""
    wrong = np.isinf(values.to_numpy()) & (not column.infinite)
    return Reading(values.mask(wrong), (Flaw(wrong, "is infinite"),))


def _string(values: pd.Series[Any], column: Column) -> Reading:
    if types.is_string_dtype(values.dtype) and not types.is_object_dtype(values.dtype):
        return Reading(values.astype(TEXT))
    present, flaw = _objects(values, column, str)
    try:
        return Reading(pd.Series(present, dtype=TEXT), (flaw,))
    except UnicodeEncodeError:
        broken = _where(present, _is_broken)
        return Reading(
            pd.Series(present.mask(broken, None), dtype=TEXT),
            (flaw, Flaw(broken, "is not Unicode text")),
        )


def _is_broken(value: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in value)


def _int64(values: pd.Series[Any], column: Column) -> Reading:
    if types.is_integer_dtype(values.dtype):
        large = (values > np.iinfo(np.int64).max).to_numpy(dtype=bool, na_value=False)
        return Reading(values.mask(large, 0).astype("Int64").mask(large), (_too_large(large),))
    if types.is_float_dtype(values.dtype):
        return _whole(pd.Series(values.to_numpy("float64", na_value=np.nan)))
    present, flaw = _objects(values, column, (int, np.integer), but=(bool, np.bool_))
    limits = np.iinfo(np.int64)
    large = _where(present, lambda v: not limits.min <= v <= limits.max)
    return Reading(present.mask(large, None).astype("Int64"), (flaw, _too_large(large)))


def _too_large(rows: Rows) -> Flaw:
    return Flaw(rows, "is too large: int64 does not hold it")


def _whole(values: pd.Series[Any]) -> Reading:
    there, inside = values.notna(), values.abs() < _EXACT
    broken = (there & inside & (values % 1 != 0)).to_numpy()
    large = (there & ~inside).to_numpy()
    whole = values.mask(broken | large).astype("Int64")
    flaws = (
        Flaw(broken, "is a fraction"),
        Flaw(large, "is too large: a float holds no such integer exactly"),
    )
    return Reading(whole, flaws)


def _float64(values: pd.Series[Any], column: Column) -> Reading:
    if types.is_float_dtype(values.dtype):
        return unbounded(pd.Series(values.to_numpy("float64", na_value=np.nan)), column)
    if types.is_integer_dtype(values.dtype):
        wide = pd.Series(values.to_numpy("float64", na_value=np.nan))
        large = (wide.abs() >= _EXACT).to_numpy()
        why = "is too large: float64 does not hold it exactly"
        return Reading(wide.mask(large), (Flaw(large, why),))
    numbers = (int, float, np.integer, np.floating)
    present, flaw = _objects(values, column, numbers, but=(bool, np.bool_))
    large = _where(present, lambda v: isinstance(v, int | np.integer) and not -_EXACT < v < _EXACT)
    wide = present.mask(large, None).astype("float64")
    read = unbounded(wide, column)
    why = "is too large: float64 does not hold it exactly"
    return Reading(read.values, (flaw, Flaw(large, why), *read.flaws))


def _bool(values: pd.Series[Any], column: Column) -> Reading:
    if types.is_bool_dtype(values.dtype) and not types.is_object_dtype(values.dtype):
        return Reading(values.astype("boolean"))
    present, flaw = _objects(values, column, (bool, np.bool_))
    return Reading(present.astype("boolean"), (flaw,))


def _timestamp(values: pd.Series[Any], column: Column) -> Reading:
    if types.is_datetime64_dtype(values.dtype):
        if column.timezone is None:
            raise MismatchError("timestamps without a time zone")
        return _exact(values, lambda moments: at_clock(moments, str(column.timezone)))
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        present, flaw = _objects(values, column, datetime)
        naive = _where(present, lambda v: v.tzinfo is None)
        fine = _where(present, lambda v: getattr(v, "nanosecond", 0) != 0) & ~naive
        whole = present.mask(naive | fine, None).map(_microseconds, na_action="ignore")
        read = within_calendar(pd.Series(pd.to_datetime(whole, utc=True)).dt.as_unit("us"))
        flaws = (Flaw(naive, "is a moment without a time zone"), Flaw(fine, _FINE))
        return Reading(read.values.astype(MOMENT), (flaw, *flaws, *read.flaws))
    return _exact(values.dt.tz_convert("UTC"), within_calendar)


def _microseconds(moment: datetime) -> datetime:
    """In a unit that reaches beyond the years 1677 to 2262."""
    return moment.as_unit("us") if isinstance(moment, pd.Timestamp) else moment


def _exact(moments: pd.Series[Any], read: Callable[[pd.Series[Any]], Reading]) -> Reading:
    """Moments as microseconds; finer ones are flaws."""
    short = moments.dt.as_unit("us")
    fine = ((short != moments) & moments.notna()).to_numpy(dtype=bool)
    found = read(short.mask(fine))
    return Reading(found.values.astype(MOMENT), (Flaw(fine, _FINE), *found.flaws))


def _objects(
    values: pd.Series[Any],
    column: Column,
    kind: type | tuple[type, ...],
    *,
    but: tuple[type, ...] = (),
) -> tuple[pd.Series[Any], Flaw]:
    """The values of an ``object`` column that are of ``kind``, ``None`` for all others."""
    if not types.is_object_dtype(values.dtype):
        raise MismatchError(str(values.dtype))
    fits = np.array([isinstance(v, kind) and not isinstance(v, but) for v in values], dtype=bool)
    there = values.notna().to_numpy()
    kept = values.where(fits & there, None)
    return kept, Flaw(there & ~fits, f"is not {column.type}")


def _where(present: pd.Series[Any], is_wrong: Callable[[Any], bool]) -> Rows:
    there = present.notna()
    return np.array([t and is_wrong(v) for v, t in zip(present, there, strict=True)], dtype=bool)


_TYPED: dict[str, Callable[[pd.Series[Any], Column], Reading]] = {
    "string": _string,
    "int64": _int64,
    "float64": _float64,
    "bool": _bool,
    "timestamp": _timestamp,
}
