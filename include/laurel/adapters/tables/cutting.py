"""Some rows of a Parquet file as a file of their own."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from laurel.adapters.tables.reading import reading


def cut_rows(source: Path, target: Path, *, first: int, stop: int) -> None:
    """Copy the rows from ``first`` until ``stop``, counted from 0; in memory is one row group.

    Row groups without any of them are not read. Raises as :func:`read_table`.
    """
    with reading(source):
        file = pq.ParquetFile(source, pre_buffer=False)
        schema = file.schema_arrow.remove_metadata()
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            begin = 0
            for number in range(file.num_row_groups):
                end = begin + file.metadata.row_group(number).num_rows
                low, high = max(first, begin), min(stop, end)
                if low < high:
                    group = file.read_row_group(number).slice(low - begin, high - low)
                    writer.write_table(group.cast(schema))
                begin = end
