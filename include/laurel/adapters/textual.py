"""Columns of text, as CSV gives them, read by their contract: strictly, never guessed.

An integer is ``-12``, not ``12.0``, ``1e3``, ``007`` or with a blank. A float is a plain decimal or
has an exponent. Words stand for true, false and null only where the contract says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from laurel.adapters.columns import (
    MOMENT,
    NULLABLE,
    Flaw,
    MismatchError,
    Reading,
    Rows,
    at_clock,
    read_typed,
    unbounded,
    within_calendar,
)
from laurel.domain.config import Column
from laurel.domain.config.column import DIRECTIVES

_TEXT = Column(type="string", nullable=True)
_INTEGER = r"^(?:0|-?[1-9][0-9]*)$"
_FLOAT = r"^-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_INFINITE = r"^-?inf$"
_SIGNIFICANT = r"^[^eE]*[1-9]"
_LARGEST = {False: str(2**63 - 1), True: str(2**63)}
_EXACT = 2**53
_DAY = rf"[0-9]{{4}}-{DIRECTIVES['m']}-{DIRECTIVES['d']}"
_TIME = rf"{DIRECTIVES['H']}:{DIRECTIVES['M']}(?::{DIRECTIVES['S']}(?:\.[0-9]{{1,6}})?)?"
_ISO_LOCAL = rf"^{_DAY}[T ]{_TIME}$"
_ISO_ZONED = rf"^{_DAY}[T ]{_TIME}{DIRECTIVES['z']}$"


def read_text(values: pd.Series[Any], column: Column) -> Reading:
    """Read texts as values of the column's type; its index must be ``0…n-1``.

    Null is a missing text or one of the column's ``null_words``. Raises :class:`MismatchError`
    for a column that is not text.
    """
    try:
        given = read_typed(values, _TEXT)
    except MismatchError as error:
        raise MismatchError(f"{error}, where all is text") from error
    text = pa.array(given.values, type=pa.large_string(), from_pandas=True)
    null = pc.is_in(text, value_set=pa.array(column.null_words, type=text.type))
    read = _READERS[column.type](pc.if_else(null, pa.scalar(None, text.type), text), column)
    return Reading(read.values, (*given.flaws, *read.flaws))


def _string(text: pa.Array, _: Column) -> Reading:
    return Reading(pd.Series(text.to_pandas(), dtype=NULLABLE["string"]))


def _int64(text: pa.Array, column: Column) -> Reading:
    shaped = _matches(text, _INTEGER)
    large = shaped & _is_long(text)
    numbers = _only(text, shaped & ~large).cast(pa.int64())
    return Reading(
        _series(numbers, column),
        (_not(text, shaped, column), Flaw(large, "is too large: int64 does not hold it")),
    )


def _is_long(text: pa.Array) -> Rows:
    """Which digits are more than 64 bits hold: of equal lengths, text is ordered as numbers."""
    negative = pc.starts_with(text, "-")
    digits = pc.utf8_ltrim(text, "-")
    limit = pc.if_else(negative, _LARGEST[True], _LARGEST[False]).cast(text.type)
    length = pc.utf8_length(digits)
    room = len(_LARGEST[False])
    return _mask(
        pc.or_(
            pc.greater(length, room),
            pc.and_(pc.equal(length, room), pc.greater(digits, limit)),
        )
    )


def _float64(text: pa.Array, column: Column) -> Reading:
    plain, infinite = _matches(text, _FLOAT), _matches(text, _INFINITE)
    numbers = _series(_only(text, plain | infinite).cast(pa.float64()), column)
    found = numbers.to_numpy()
    over = plain & np.isinf(found)
    under = plain & (found == 0) & _matches(text, _SIGNIFICANT)
    whole = ~_matches(text, r"[.eE]")
    inexact = plain & whole & (np.abs(found) >= _EXACT) & ~over
    read = unbounded(numbers.mask(over | under | inexact), column)
    flaws = (
        _not(text, plain | infinite, column),
        Flaw(over, "is too large: float64 does not hold it"),
        Flaw(under, "is too small: float64 holds only 0"),
        Flaw(inexact, "is too large: float64 does not hold it exactly"),
    )
    return Reading(read.values, (*flaws, *read.flaws))


def _bool(text: pa.Array, column: Column) -> Reading:
    true, false = (
        _mask(pc.is_in(text, value_set=pa.array(words, type=text.type)))
        for words in (column.true_words, column.false_words)
    )
    values = pa.array(true, mask=~(true | false))
    return Reading(_series(values, column), (_not(text, true | false, column),))


def _timestamp(text: pa.Array, column: Column) -> Reading:
    shape = _shape(column.format, local=column.timezone is not None)
    shaped = _matches(text, shape)
    form = column.format or "ISO8601"
    kept = _only(text, shaped).to_pandas()
    moments = pd.Series(
        pd.to_datetime(kept, format=form, errors="coerce", utc=column.timezone is None)
    )
    moments = moments.dt.as_unit("us")
    absent = shaped & moments.isna().to_numpy()
    if column.timezone is None:
        read = within_calendar(moments)
    else:
        read = at_clock(moments, column.timezone)
    flaws = (
        _not(text, shaped, column, f" ({column.format or 'ISO 8601'})"),
        Flaw(absent, "is a day that no calendar has"),
    )
    return Reading(read.values.astype(MOMENT), (*flaws, *read.flaws))


@lru_cache(maxsize=64)
def _shape(form: str | None, *, local: bool) -> str:
    if form is None:
        return _ISO_LOCAL if local else _ISO_ZONED
    parts = re.split(r"%(.)", form)
    texts = [DIRECTIVES[part] if place % 2 else re.escape(part) for place, part in enumerate(parts)]
    return f"^{''.join(texts)}$"


def _matches(text: pa.Array, shape: str) -> Rows:
    return _mask(pc.match_substring_regex(text, shape))


def _mask(found: pa.Array) -> Rows:
    return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=bool)


def _only(text: pa.Array, rows: Rows) -> pa.Array:
    return pc.if_else(pa.array(rows), text, pa.scalar(None, text.type))


def _not(text: pa.Array, fits: Rows, column: Column, form: str = "") -> Flaw:
    return Flaw(_mask(text.is_valid()) & ~fits, f"is not {column.type}{form}")


def _series(values: pa.Array, column: Column) -> pd.Series[Any]:
    kind = NULLABLE[column.type]
    plain = column.type == "float64"
    return pd.Series(values.to_numpy(False) if plain else kind.__from_arrow__(values))


_READERS: dict[str, Callable[[pa.Array, Column], Reading]] = {
    "string": _string,
    "int64": _int64,
    "float64": _float64,
    "bool": _bool,
    "timestamp": _timestamp,
}
