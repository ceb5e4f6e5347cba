"""The content hash of a table: one for any Parquet writer, chunks, row groups and encodings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from laurel.adapters.tables.arrow import to_arrow


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of the names, types and values of ``frame``, as 64 hex digits.

    It depends on neither the Parquet writer nor chunks, row groups or encodings: each column is
    hashed as its plain type, one byte per row for "is there", then the values as little-endian
    numbers, or the lengths and the UTF-8 of strings. Nulls and NaN are the same nothing, and a
    category is its values.

    >>> content_hash(pd.DataFrame({"a": [1, 2]}))[:12]
    'e48f005e1a9b'
    """
    return hash_arrow(to_arrow(frame))


def hash_arrow(table: pa.Table) -> str:
    """SHA-256 of names, types and values of a table of plain columns, as 64 hex digits.

    >>> hash_arrow(pa.table({"a": [1, None]}))[:12]
    '2288414a8407'
    """
    state = TableHash(table.schema)
    state.update(table)
    return state.hexdigest()


class TableHash:
    """The content hash of a table that comes in parts; how it is cut makes no difference.

    Each column is hashed by itself as three streams: one byte per row for "is there", the values
    as little-endian numbers (or the text in UTF-8), and the lengths of texts.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = [(field.name, _plain_name(field.type)) for field in schema]
        self._streams = [tuple(hashlib.sha256() for _ in range(3)) for _ in self._columns]
        self._rows = 0

    def update(self, part: pa.Table) -> None:
        """Take the next rows."""
        self._rows += part.num_rows
        for streams, column in zip(self._streams, part.columns, strict=True):
            for chunk in column.chunks:
                _feed(chunk, [stream.update for stream in streams])

    def hexdigest(self) -> str:
        """The hash of all rows taken, as 64 hex digits."""
        columns = [
            [name, kind, *(stream.hexdigest() for stream in streams)]
            for (name, kind), streams in zip(self._columns, self._streams, strict=True)
        ]
        text = json.dumps(["laurel.table.2", self._rows, columns], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _plain_name(kind: pa.DataType) -> str:
    return "string" if _is_text(kind) else str(kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _feed(values: pa.Array, streams: Sequence[Callable[[Any], None]]) -> None:
    there, content, lengths = streams
    there(values.is_valid().to_numpy(zero_copy_only=False).astype("uint8").tobytes())
    if not _is_text(values.type):
        content(_numbers(values))
        return
    text = values.cast(pa.large_string()).fill_null("")
    lengths(pc.binary_length(text).to_numpy(zero_copy_only=False).astype("<i8").tobytes())
    # Buffers may begin before the array, so its own part is cut out.
    _, offsets, data = text.buffers()
    if data is not None and len(text):
        bounds = np.frombuffer(offsets, "<i8")[text.offset : text.offset + len(text) + 1]
        content(data.slice(bounds[0], bounds[-1] - bounds[0]))


def _numbers(values: pa.Array) -> bytes:
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    plain = values.fill_null(0).to_numpy(zero_copy_only=False)
    return bytes(plain.astype(plain.dtype.newbyteorder("<")).tobytes())
