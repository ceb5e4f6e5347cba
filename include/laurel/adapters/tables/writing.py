"""Parquet files, written the same way each time, whole or in parts."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from laurel.adapters.tables.arrow import schema_text, to_arrow
from laurel.adapters.tables.content import TableHash
from laurel.errors import DataError

ROW_GROUP = 131_072
"""Rows in a row group: fixed, so that equal frames are equal bytes."""


@dataclass(frozen=True)
class TableFacts:
    """What is known of a written table."""

    rows: int
    content_hash: str
    """:func:`content_hash` of the frame, 64 hex digits."""


def write_table(frame: pd.DataFrame, path: Path, *, durable: bool = True) -> TableFacts:
    """Write ``frame`` (its index is left out) as Parquet, aside first, then renamed into place.

    Equal frames give equal bytes with the same version of pyarrow. Raises :class:`DataError`
    for a column without an exact type, as ``object`` is.
    """
    with TableWriter(path, durable=durable) as writer:
        writer.write(frame)
        return writer.finish()


class TableWriter:
    """Writes a table that comes in parts: the bytes are those of the whole, written at once.

    A context; what is not finished when it ends leaves nothing behind. In memory is at most one
    row group and the part that is written.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Write to ``path``; what can be made again need not be durable: on disk for certain."""
        self._path = path
        self._durable = durable
        self._aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        self._schema: pa.Schema | None = None
        self._waiting: list[pa.Table] = []
        self._writer: pq.ParquetWriter | None = None
        self._hash: TableHash | None = None
        self.rows = 0

    def __enter__(self) -> TableWriter:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        self._aside.unlink(missing_ok=True)

    def write(self, frame: pd.DataFrame) -> None:
        """Take the next rows; raises :class:`DataError` for other columns or types than before."""
        part = to_arrow(frame)
        if self._schema is None:
            self._open(part.schema)
        elif not part.schema.equals(self._schema, check_metadata=True):
            raise DataError(
                "a part of a table has other columns than those before it",
                found=schema_text(part.schema),
                expected=schema_text(self._schema),
            )
        self.rows += part.num_rows
        self._waiting.append(part)
        if sum(table.num_rows for table in self._waiting) >= ROW_GROUP:
            self._flush(whole=False)

    def finish(self) -> TableFacts:
        """Make the file visible; raises :class:`DataError` when nothing was written, not even an
        empty frame."""
        if self._writer is None or self._hash is None:
            raise DataError("a table needs columns", found="no part was written")
        self._flush(whole=True)
        self._writer.close()
        self._writer = None
        if self._durable:
            with self._aside.open("rb+") as file:
                os.fsync(file.fileno())
        self._aside.replace(self._path)
        return TableFacts(rows=self.rows, content_hash=self._hash.hexdigest())

    def _open(self, schema: pa.Schema) -> None:
        self._schema, self._hash = schema, TableHash(schema)
        self._writer = pq.ParquetWriter(self._aside, schema, compression="zstd", version="2.6")

    def _flush(self, *, whole: bool) -> None:
        """Write full row groups; with ``whole`` the rest too, and one empty group for no rows."""
        assert self._writer is not None and self._hash is not None  # noqa: S101, PT018
        table = pa.concat_tables(self._waiting)
        end = table.num_rows if whole else table.num_rows - table.num_rows % ROW_GROUP
        for start in range(0, end, ROW_GROUP):
            # One chunk for each group: how the parts were cut must not show in the file.
            group = table.slice(start, min(ROW_GROUP, end - start)).combine_chunks()
            self._hash.update(group)
            self._writer.write_table(group, row_group_size=ROW_GROUP)
        self._waiting = [table.slice(end)]
