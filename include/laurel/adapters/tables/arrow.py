"""Frames of exact types to Arrow tables and back, nothing lost."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from laurel.errors import DataError

CATEGORIES = b"laurel.categories"
"""Key of a field's metadata that holds the levels of a category column."""

_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
_TEXT = pd.StringDtype(na_value=np.nan)


def to_arrow(frame: pd.DataFrame) -> pa.Table:
    """``frame`` as an Arrow table of exact types; raises :class:`DataError` where it has none."""
    if not frame.columns.is_unique or not all(isinstance(name, str) for name in frame.columns):
        raise DataError(
            "column names must be text and each its own",
            found=", ".join(map(repr, frame.columns)),
        )
    columns = [_column(name, frame[name]) for name in frame.columns]
    fields = [field for field, _ in columns]
    return pa.table([values for _, values in columns], schema=pa.schema(fields))


def _column(name: str, series: pd.Series[Any]) -> tuple[pa.Field, pa.Array]:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _category(name, series)
    nullable = not (isinstance(dtype, np.dtype) and dtype.kind in "iub")
    kind = _arrow_type(name, dtype)
    return pa.field(name, kind, nullable=nullable), _array(series, kind)


def _array(series: pd.Series[Any], kind: pa.DataType) -> pa.Array:
    values = pa.array(series, type=kind, from_pandas=True)
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _category(name: str, series: pd.Series[Any]) -> tuple[pa.Field, pa.Array]:
    """Levels go to the field's metadata: Parquet's own dictionaries do not keep their order."""
    levels = series.cat.categories
    if levels.empty:
        levels = levels.astype(_TEXT)
    kind = _arrow_type(name, levels.dtype)
    if not (pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        raise _untyped(name, f"category of {levels.dtype}")
    note = json.dumps({"levels": levels.tolist(), "ordered": bool(series.cat.ordered)})
    codes = pa.array(series.cat.codes, mask=series.isna().to_numpy())
    values = _array(pd.Series(levels), kind).take(codes)
    return pa.field(name, kind, metadata={CATEGORIES: note.encode()}), values


def _arrow_type(name: str, dtype: Any) -> pa.DataType:
    if isinstance(dtype, pd.StringDtype) and dtype.na_value is not pd.NA:
        return pa.large_string()
    if isinstance(dtype, pd.DatetimeTZDtype) and str(dtype.tz) == "UTC" and dtype.unit != "s":
        return pa.timestamp(dtype.unit, "UTC")
    if isinstance(dtype, np.dtype) and dtype.kind in "iubf" and dtype.itemsize <= 8:
        return pa.from_numpy_dtype(dtype)
    for kind, extension in _NULLABLE.items():
        if dtype == extension:
            return kind
    raise _untyped(name, str(dtype))


def _untyped(name: str, found: str) -> DataError:
    return DataError(
        f"column {name!r} has a type that a table cannot hold exactly",
        found=found,
        expected="numbers, bool, str, timestamps in UTC (ms, us, ns), categories of these",
        hint="convert the column first",
    )


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame of exact types."""
    series = {
        field.name: _series(field, column)
        for field, column in zip(table.schema, table.columns, strict=True)
    }
    return pd.DataFrame(series, index=pd.RangeIndex(table.num_rows), columns=table.schema.names)


def _series(field: pa.Field, column: pa.ChunkedArray) -> pd.Series[Any]:
    note = (field.metadata or {}).get(CATEGORIES)
    if note is not None:
        return _categorical(field, column, json.loads(note))
    text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    mapping = {field.type: _TEXT} if text else _NULLABLE if field.nullable else {}
    return pd.Series(column.to_pandas(types_mapper=mapping.get), copy=False)


def _categorical(field: pa.Field, column: pa.ChunkedArray, said: dict[str, Any]) -> pd.Series[Any]:
    levels = pa.array(said["levels"], type=field.type)
    codes = pc.index_in(column, levels).fill_null(-1).to_numpy()
    values = pd.Categorical.from_codes(
        codes.astype("int64"), pd.Index(levels.to_pandas()), ordered=said["ordered"]
    )
    return pd.Series(values)


def schema_text(schema: pa.Schema) -> str:
    """Names and types, for errors."""
    return ", ".join(f"{field.name} {field.type}" for field in schema)
