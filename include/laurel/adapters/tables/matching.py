"""Match what does not fit into memory: each label with the rows that it is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from laurel.adapters.tables.arrow import to_pandas
from laurel.adapters.tables.writing import ROW_GROUP
from laurel.errors import StoreFault

MATCH_MEMORY = "256MB"
"""What DuckDB may take before it writes to the folder beside."""
ARRIVAL = "laurel_arrival"
"""Column added to a label: the partition in which it came."""
_GROUP = "laurel_group"


def match_labels(
    rows: Sequence[Sequence[Path]],
    labels: Mapping[str, Path],
    key: Sequence[str],
    *,
    folder: Path,
    memory: str = MATCH_MEMORY,
) -> Iterator[pd.DataFrame]:
    """The labels of the rows of each group, in the order of the groups.

    rows: groups of Parquet files. labels: Parquet files by partition of arrival, at least one. A
    group's labels are in the order in which they came: by partition of arrival (column
    :data:`ARRIVAL`), then by place in the file. A label without a row is left out. What does not
    fit into ``memory`` is written to ``folder``. Raises :class:`StoreFault` when the disk is full.
    """
    schema = pq.read_schema(labels[min(labels)]).remove_metadata()
    arrivals = sorted(labels)
    files = [str(file) for group in rows for file in group]
    groups = [number for number, group in enumerate(rows) for _ in group]
    with connected(folder, memory) as connection:
        given = [[str(labels[name]) for name in arrivals], groups, files]
        batches = connection.execute(_query(key, schema.names), given).to_arrow_reader(ROW_GROUP)
        matched = _runs(batches)
        waiting = next(matched, None)
        for number in range(len(rows)):
            here = waiting is not None and waiting[0] == number
            yield _labels(waiting[1] if waiting is not None and here else None, schema, arrivals)
            waiting = next(matched, None) if here else waiting


def _labels(table: pa.Table | None, schema: pa.Schema, arrivals: Sequence[str]) -> pd.DataFrame:
    if table is None:
        return to_pandas(schema.empty_table()).assign(**{ARRIVAL: pd.Series([], dtype="str")})
    came = pd.Series(np.array(arrivals)[table[ARRIVAL].to_numpy()], dtype="str")
    return to_pandas(table.select(schema.names).cast(schema)).assign(**{ARRIVAL: came})


def _query(key: Sequence[str], columns: Sequence[str]) -> str:
    """Numbers stand for groups and partitions: texts would take more memory than the keys."""
    names = ", ".join(quoted(name) for name in key)
    own = ", ".join(f"l.{quoted(name)}" for name in columns)
    return (
        f"SELECT {own}, r.number AS {_GROUP}, l.file_index AS {ARRIVAL} "  # noqa: S608 (quoted)
        f"FROM read_parquet(?, file_row_number = true) AS l JOIN ("
        f"SELECT {names}, list_extract(?::INTEGER[], file_index::INTEGER + 1) AS number "
        f"FROM read_parquet(?)) AS r USING ({names}) "
        f"ORDER BY r.number, l.file_index, l.file_row_number"
    )


def _runs(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.Table]]:
    """The labels of each group, which lie one behind the other in the batches."""
    waiting: list[pa.RecordBatch] = []
    current = -1
    for batch in batches:
        groups = batch[_GROUP].to_numpy()
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        ends = [*starts[1:], len(groups)] if len(starts) else []
        for start, end in zip(starts, ends, strict=True):
            if groups[start] != current:
                if waiting:
                    yield current, pa.Table.from_batches(waiting)
                waiting, current = [], int(groups[start])
            waiting.append(batch.slice(start, end - start))
    if waiting:
        yield current, pa.Table.from_batches(waiting)


def quoted(name: str) -> str:
    """A name of a column in a query.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def connected(folder: Path, memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB for one query, which writes to a folder what does not fit into ``memory``."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        # Each thread holds buffers of its own, and keeping the files' order holds whole groups.
        "threads": 1,
        "preserve_insertion_order": False,
        "temp_directory": str(folder / "duckdb"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(config=settings)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise StoreFault(
            "rows could not be matched: the disk or the memory is full",
            found=str(error).splitlines()[0],
            detail=str(folder),
            hint="free space in the home folder, then run again",
        ) from error
    finally:
        connection.close()
