"""A published table for readers of hive layout: without the column of the path, with a note."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from laurel.adapters.tables.reading import reading
from laurel.adapters.tables.writing import ROW_GROUP

NOTE = b"laurel.note"
"""Key of a file's metadata."""


def write_noted(
    source: Path, target: Path, *, without: Sequence[str], note: Mapping[str, str]
) -> None:
    """Copy a Parquet file without some columns, a row group at a time; equal input, equal bytes.

    note: texts that :func:`table_note` reads again. Raises as :func:`read_table`.
    """
    with reading(source):
        file = pq.ParquetFile(source, pre_buffer=False)
        kept = [name for name in file.schema_arrow.names if name not in set(without)]
        schema = file.schema_arrow
        for name in without:
            schema = schema.remove(schema.get_field_index(name))
        schema = schema.with_metadata({NOTE: json.dumps(dict(note), sort_keys=True).encode()})
        with pq.ParquetWriter(target, schema, compression="zstd", version="2.6") as writer:
            for number in range(file.num_row_groups):
                group = file.read_row_group(number, columns=kept).combine_chunks()
                writer.write_table(group.cast(schema), row_group_size=ROW_GROUP)


def table_note(path: Path) -> dict[str, str]:
    """What :func:`write_noted` noted; nothing of a file that is not there or has no note.

    Raises :class:`DataError` for what is no Parquet file.
    """
    if not path.is_file():
        return {}
    with reading(path):
        said = (pq.read_metadata(path).metadata or {}).get(NOTE)
    return dict(json.loads(said)) if said else {}
