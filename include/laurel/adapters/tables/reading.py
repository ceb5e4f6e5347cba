"""Parquet files read with exact types, whole or in parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from laurel.adapters.tables.arrow import schema_text, to_arrow, to_pandas
from laurel.adapters.tables.content import TableHash
from laurel.adapters.tables.writing import ROW_GROUP, TableFacts
from laurel.errors import DataError, NotFound


def read_table(source: Path | Sequence[Path], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read one Parquet file, or several one below the other in the order given, types exact.

    Raises :class:`NotFound` for a missing file, :class:`DataError` for one that is cut off, lacks
    a column that is asked for, or has other types than the first.
    """
    return read_counted([source] if isinstance(source, Path) else source, columns)[0]


def read_counted(
    paths: Sequence[Path], columns: Sequence[str] | None = None
) -> tuple[pd.DataFrame, list[int]]:
    """Several Parquet files one below the other, and how many rows are of each.

    Raises as :func:`read_table`.
    """
    if not paths:
        raise DataError("there is no table to read", found="no file", expected="at least one")
    tables = [_read(path, columns) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        if not table.schema.equals(tables[0].schema, check_metadata=True):
            raise DataError(
                f"{path.name} has other columns than {paths[0].name}",
                found=schema_text(table.schema),
                expected=schema_text(tables[0].schema),
                detail=str(path),
            )
    return to_pandas(pa.concat_tables(tables)), [table.num_rows for table in tables]


def iter_table(path: Path, *, rows: int = ROW_GROUP) -> Iterator[pd.DataFrame]:
    """Read one Parquet file in parts of at most ``rows`` rows; none for a table without rows.

    Raises as :func:`read_table`.
    """
    with reading(path):
        # Read ahead, it would hold the whole file in memory before the first part.
        file = pq.ParquetFile(path, pre_buffer=False)
        schema = file.schema_arrow.remove_metadata()
        for batch in file.iter_batches(rows):
            yield to_pandas(pa.Table.from_batches([batch]).cast(schema))


def _read(path: Path, columns: Sequence[str] | None) -> pa.Table:
    with reading(path):
        file = pq.ParquetFile(path)
        missing = [name for name in columns or () if name not in file.schema_arrow.names]
        if missing:
            raise DataError(
                f"{path.name} lacks columns",
                found=", ".join(file.schema_arrow.names),
                expected=", ".join(missing),
                detail=str(path),
            )
        table = file.read(columns=None if columns is None else list(columns))
    names = table.schema.names if columns is None else list(columns)
    return table.select(names).replace_schema_metadata(None)


def equal_types(paths: Sequence[Path]) -> bool:
    """Whether Parquet files have the same columns and types; raises as :func:`read_table`."""
    with reading(paths[0]):
        first, *others = (pq.read_schema(path).remove_metadata() for path in paths)
    return all(other.equals(first) for other in others)


def table_rows(path: Path) -> int:
    """How many rows a Parquet file has; raises as :func:`read_table`."""
    with reading(path):
        return int(pq.read_metadata(path).num_rows)


def table_columns(path: Path) -> list[str]:
    """The columns of a Parquet file; raises as :func:`read_table`."""
    with reading(path):
        return list(pq.read_schema(path).names)


def expect_types(path: Path, empty: pd.DataFrame, *, where: Mapping[str, str]) -> None:
    """Raise :class:`DataError` where a Parquet file lacks columns of a frame, or has other types.

    where: what the error names, as use case and partition. Raises as :func:`read_table`, too.
    """
    with reading(path):
        there = pq.read_schema(path)
    found = {field.name: str(field.type).removeprefix("large_") for field in there}
    wanted = {
        field.name: str(field.type).removeprefix("large_") for field in to_arrow(empty).schema
    }
    wrong = {name: kind for name, kind in wanted.items() if found.get(name) != kind}
    if wrong:
        raise DataError(
            "columns that features are computed of are missing or of another type",
            **where,
            found=", ".join(f"{name} {found.get(name, 'is missing')}" for name in wrong),
            expected=", ".join(f"{name} {kind}" for name, kind in wrong.items()),
            hint="the rows were published by another contract: ingest the partition again",
            detail=str(path),
        )


def file_facts(path: Path) -> TableFacts:
    """What is known of a Parquet file, read once, in parts; raises as :func:`read_table`."""
    with reading(path):
        file = pq.ParquetFile(path, pre_buffer=False)
        state = TableHash(file.schema_arrow)
        for batch in file.iter_batches(ROW_GROUP):
            state.update(pa.Table.from_batches([batch]))
    return TableFacts(rows=file.metadata.num_rows, content_hash=state.hexdigest())


def use_system_memory() -> None:
    """Let Arrow take its memory from the C library, which can be told to give it back."""
    pa.set_memory_pool(pa.system_memory_pool())


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What Arrow says of a file that is missing or cut off becomes an error of ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("a table is missing", found=str(path)) from error
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            "this is not a whole Parquet file",
            found=str(error).splitlines()[0],
            hint="it may be cut off: fetch or write it again",
            detail=str(path),
        ) from error
