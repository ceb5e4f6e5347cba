"""Parquet files of others, read in parts, types as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from laurel.adapters.sources.compressed import whole_file
from laurel.adapters.sources.contract import BATCH_ROWS
from laurel.adapters.tables.arrow import to_pandas
from laurel.errors import DataError

BUFFER = 2**20
"""Bytes read ahead of each column, instead of whole columns of a row group."""


def read_parquet(path: Path, *, name: str) -> Iterator[pd.DataFrame]:
    """The rows of a Parquet file, their types exact; without rows, one empty batch.

    Raises :class:`DataError` for one that is not whole or whose parts contradict each other.
    """
    with (
        whole_file(name),
        pq.ParquetFile(path, buffer_size=BUFFER, page_checksum_verification=True) as file,
    ):
        names = file.schema_arrow.names
        twice = sorted({column for column in names if names.count(column) > 1})
        if twice:
            raise DataError("columns have the same name", found=", ".join(twice), detail=name)
        rows = 0
        for batch in file.iter_batches(BATCH_ROWS):
            table = pa.Table.from_batches([batch])
            table.validate(full=True)
            rows += table.num_rows
            yield to_pandas(table.cast(_plain(table.schema)))
        if not rows:
            yield to_pandas(_plain(file.schema_arrow).empty_table())
        if rows != file.metadata.num_rows:
            raise DataError(
                "a Parquet file holds other rows than it says",
                found=f"{rows} rows",
                expected=f"{file.metadata.num_rows} rows",
                detail=name,
            )


def _plain(schema: pa.Schema) -> pa.Schema:
    """The same without notes of others; dictionaries become the values that they stand for."""
    return pa.schema([pa.field(each.name, _values(each.type), each.nullable) for each in schema])


def _values(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
