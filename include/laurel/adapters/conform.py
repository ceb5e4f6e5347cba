"""Give a frame exactly the columns, types and row order that a dataset declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from laurel.adapters.columns import (
    Flaw,
    MismatchError,
    Reading,
    Rows,
    read_typed,
    told,
)
from laurel.adapters.textual import read_text
from laurel.domain.config import Column, Dataset
from laurel.domain.partition import Partition
from laurel.errors import DataError

Where = dict[str, str | None]
_NULL = "is null"
_PLAIN: dict[str, np.dtype[Any]] = {"int64": np.dtype("int64"), "bool": np.dtype("bool")}


@dataclass(frozen=True)
class Conformed:
    """A batch, parted: rows that conform to the contract, and rows that do not."""

    table: pd.DataFrame
    """Conforming rows in canonical types, in the order given."""
    refused: pd.DataFrame
    """The other rows as they were given; the index is their place in the batch."""
    reasons: tuple[str, ...]
    """Why, for each refused row: ``distance: 'abc' is not int64``."""


@dataclass(frozen=True)
class _Fault:
    """Rows of one column that cannot be taken."""

    name: str
    column: Column
    rows: Rows
    why: str
    expected: str


def conform(
    frame: pd.DataFrame,
    dataset: Dataset,
    *,
    usecase: str,
    name: str,
    partition: str | None = None,
) -> pd.DataFrame:
    """Check ``frame`` against the dataset and return it in canonical form; ``frame`` is untouched.

    The result has the declared columns in the declared order, exact types (``str``, ``int64`` or
    ``Int64``, ``float64``, ``bool`` or ``boolean``, ``datetime64[us, UTC]``; the second where null
    is allowed) and rows sorted by time, then key. Types are converted only where no value changes:
    whole floats are integers, ``"3"`` is not. Raises :class:`DataError` for missing and unknown
    columns, wrong types, nulls, duplicate keys and rows outside the partition of that key.
    """
    where: Where = {"usecase": usecase, "dataset": name, "partition": partition}
    table, faults = _read(frame, dataset, where=where, read=read_typed)
    for fault in faults:
        raise _error(fault, frame, where)
    check_keys(table, dataset, where=where)
    return in_order(table, dataset)


def conform_batch(
    batch_rows: pd.DataFrame,
    dataset: Dataset,
    *,
    textual: bool,
    usecase: str,
    name: str,
    partition: str | None,
) -> Conformed:
    """Part a batch into rows that conform to the dataset's contract and rows that do not.

    textual: all values are text, to be read by the contract. The reading judges types, nulls where
    none are declared, and times outside ``partition``; allowed values, bounds and patterns are for
    the suite. Keys are not compared and nothing is sorted: a batch is not the whole. Raises
    :class:`DataError` for missing, unknown and repeated columns, and for columns that as a whole
    are of another type.
    """
    where: Where = {"usecase": usecase, "dataset": name, "partition": partition}
    table, faults = _read(
        batch_rows, dataset, where=where, read=read_text if textual else read_typed
    )
    bad = np.zeros(len(batch_rows), dtype=bool)
    for fault in faults:
        bad |= fault.rows
    refused = batch_rows.reset_index(drop=True)[bad]
    said: dict[int, list[str]] = {place: [] for place in np.flatnonzero(bad).tolist()}
    for fault in faults:
        values = batch_rows[fault.name]
        for place in np.flatnonzero(fault.rows).tolist():
            said[place].append(_reason(fault, values.iloc[place]))
    reasons = tuple("; ".join(each) for each in said.values())
    kept = table[~bad].reset_index(drop=True) if bad.any() else table
    return Conformed(_plain(kept, dataset), refused, reasons)


def in_order(table: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """The rows in their canonical order: by time, then key."""
    order = list(dict.fromkeys((dataset.time, *dataset.key)))
    return table.sort_values(order, kind="stable", ignore_index=True)


def empty_table(dataset: Dataset) -> pd.DataFrame:
    """No rows, with the columns and types that :func:`conform` gives."""
    frame = pd.DataFrame({column: pd.Series(dtype="object") for column in dataset.columns})
    return conform(frame, dataset, usecase="", name="")


def _read(
    frame: pd.DataFrame,
    dataset: Dataset,
    *,
    where: Where,
    read: Callable[[pd.Series[Any], Column], Reading],
) -> tuple[pd.DataFrame, list[_Fault]]:
    """All rows in the declared columns, null where a fault is; plain types where there is none."""
    _check_columns(frame, dataset, where)
    typed: dict[str, pd.Series[Any]] = {}
    faults: list[_Fault] = []
    for name, column in dataset.columns.items():
        given = frame[name].reset_index(drop=True)
        try:
            found = read(given, column)
        except MismatchError as error:
            raise _mismatch(name, column, str(error), where) from error
        typed[name] = found.values
        faults += _faults(name, column, found)
    table = pd.DataFrame(typed, columns=list(dataset.columns), index=pd.RangeIndex(len(frame)))
    faults += _outside(table[dataset.time], dataset, where["partition"])
    return table if faults else _plain(table, dataset), faults


def _faults(name: str, column: Column, found: Reading) -> Iterator[_Fault]:
    flawed = np.zeros(len(found.values), dtype=bool)
    for flaw in found.flaws:
        flawed |= flaw.rows
    null = () if column.nullable else (Flaw(_nulls(found.values) & ~flawed, _NULL),)
    for flaw in (*found.flaws, *null):
        if flaw.rows.any():
            yield _Fault(name, column, flaw.rows, flaw.why, _expected(column))


def _nulls(values: pd.Series[Any]) -> Rows:
    return values.isna().to_numpy(dtype=bool)


def _expected(column: Column) -> str:
    return column.type + (" or null" if column.nullable else "")


def _outside(time: pd.Series[Any], dataset: Dataset, partition: str | None) -> Iterator[_Fault]:
    if partition is None:
        return
    day = Partition.of(partition)
    outside = ((time < day.start) | (time >= day.end)).to_numpy(dtype=bool)
    if outside.any():
        within = f"[{day.start}, {day.end})"
        yield _Fault(
            dataset.time,
            dataset.columns[dataset.time],
            outside,
            f"is outside the partition {day.key}",
            f"{dataset.time} in {within}",
        )


def _plain(table: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Whole numbers and booleans without room for null where none is declared."""
    plain = {
        name: _PLAIN[column.type]
        for name, column in dataset.columns.items()
        if not column.nullable and column.type in _PLAIN
    }
    return table.astype(plain)


def _reason(fault: _Fault, value: Any) -> str:
    if fault.why == _NULL:
        return f"{fault.name}: null, where none is declared"
    return f"{fault.name}: {told(value, fault.column)} {fault.why}"


def _error(fault: _Fault, frame: pd.DataFrame, where: Where) -> DataError:
    places = np.flatnonzero(fault.rows)
    count, rows = len(places), len(fault.rows)
    if fault.why == _NULL:
        return DataError(
            f"column {fault.name!r} has nulls",
            **where,
            found=f"{count} null(s) in {rows} rows, e.g. in rows {places[:3].tolist()}",
            expected="a value in each row",
            hint="mend the source, or declare the column nullable",
        )
    values = frame[fault.name]
    if fault.why.startswith("is outside the partition"):
        return DataError(
            f"{count} row(s) lie outside the partition",
            **where,
            found=", ".join(str(values.iloc[place]) for place in places[:3]),
            expected=fault.expected,
            hint="the source must return only the rows that it is asked for",
        )
    example = told(values.iloc[places[0]], fault.column)
    found = f"{count} of {rows} value(s), e.g. {example} {fault.why}"
    return _mismatch(fault.name, fault.expected, found, where)


def _mismatch(name: str, expected: Column | str, found: str, where: Where) -> DataError:
    return DataError(
        f"column {name!r} has the wrong type",
        **where,
        found=found,
        expected=expected if isinstance(expected, str) else _expected(expected),
        hint="mend the source: types are enforced, never guessed",
    )


def _check_columns(frame: pd.DataFrame, dataset: Dataset, where: Where) -> None:
    found = [str(column) for column in frame.columns]
    missing = [column for column in dataset.columns if column not in found]
    unknown = [column for column in found if column not in dataset.columns]
    twice = sorted({column for column in found if found.count(column) > 1})
    faults = (("missing", missing), ("unknown", unknown), ("twice", twice))
    said = "; ".join(f"{fault}: {', '.join(columns)}" for fault, columns in faults if columns)
    if said:
        raise DataError(
            f"the columns are not the declared ones; {said}",
            **where,
            found=", ".join(found),
            expected=", ".join(dataset.columns),
            hint="mend the source, or declare the columns in usecase.yaml",
        )


def check_keys(table: pd.DataFrame, dataset: Dataset, *, where: Mapping[str, str | None]) -> None:
    """Raise :class:`DataError` where a key occurs more than once."""
    key = list(dataset.key)
    repeated = table.duplicated(key, keep=False)
    if repeated.any():
        keys = table.loc[repeated, key].drop_duplicates()
        examples = list(keys.head(3).itertuples(index=False, name=None))
        rows = int(repeated.sum())
        raise repeated_error(len(keys), rows=rows, examples=examples, dataset=dataset, where=where)


def repeated_error(
    keys: int,
    *,
    rows: int,
    examples: Sequence[tuple[object, ...]],
    dataset: Dataset,
    where: Mapping[str, str | None],
) -> DataError:
    """What to raise about ``keys`` that occur more than once, on so many rows."""
    shown = "\n".join(", ".join(_key_told(row, dataset)) for row in examples)
    return DataError(
        f"{keys} key(s) occur more than once",
        **where,
        found=f"{rows} rows share keys, e.g.\n{shown}",
        expected=f"one row for each ({', '.join(dataset.key)})",
        hint="the source repeats rows, or the key needs another column",
    )


def _key_told(key: Sequence[object], dataset: Dataset) -> Iterator[str]:
    """The parts of a key, without what names a person."""
    for name, value in zip(dataset.key, key, strict=True):
        yield told(value, dataset.columns[name]) if name in dataset.hidden else str(value)
