"""Parquet files as CSV, in parts, for databases that load it; and what their columns hold."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from laurel.adapters.tables.arrow import schema_text
from laurel.errors import DataError

Kind = Literal["string", "int64", "float64", "bool", "timestamp"]
ROWS = 65_536
_KINDS: tuple[tuple[Kind, tuple[pa.DataType, ...]], ...] = (
    ("string", (pa.string(), pa.large_string())),
    ("int64", (pa.int64(),)),
    ("float64", (pa.float64(),)),
    ("bool", (pa.bool_(),)),
    ("timestamp", (pa.timestamp("us", "UTC"),)),
)


def column_kinds(path: Path) -> dict[str, Kind]:
    """What each column of a Parquet file holds; raises :class:`DataError` for other types."""
    schema = pq.read_schema(path)
    found = {field.name: _kind(field.type) for field in schema}
    known = {name: kind for name, kind in found.items() if kind is not None}
    if len(known) < len(found):
        raise DataError(
            "a table has columns of types that cannot be delivered",
            found=schema_text(schema),
            expected=", ".join(kind for kind, _ in _KINDS),
            detail=str(path),
        )
    return known


def iter_csv(path: Path, *, rows: int = ROWS) -> Iterator[bytes]:
    """The rows of a Parquet file as CSV without a header, in parts of at most ``rows`` rows.

    Texts are in quotes, null is an empty cell without them. Numbers are written so that reading
    them gives the same bits.
    """
    options = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
    for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(rows):
        target = io.BytesIO()
        pa.csv.write_csv(pa.Table.from_batches([batch]), target, options)
        yield target.getvalue()


def _kind(type_: pa.DataType) -> Kind | None:
    return next((kind for kind, types in _KINDS if type_ in types), None)
