"""Sort what does not fit into memory, and find the keys that repeat in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from laurel.adapters.tables.arrow import to_pandas
from laurel.adapters.tables.writing import ROW_GROUP
from laurel.errors import StoreFault

MEMORY = "400MB"
"""What DuckDB may take before it writes to the folder beside."""
PASS_ROWS = 3_000_000
"""Keys that are counted at a time, about."""
EXAMPLES = 3


def iter_sorted(path: Path, order: Sequence[str], *, folder: Path) -> Iterator[pd.DataFrame]:
    """The rows of a Parquet file in the order of columns without nulls, in parts.

    Texts are ordered by code point, as pandas orders them. What does not fit into
    :data:`MEMORY` is written to ``folder``. Raises :class:`StoreFault` when the disk is full.
    """
    schema = pq.read_schema(path).remove_metadata()
    with _connected(folder) as connection:
        columns = ", ".join(_quoted(name) for name in order)
        query = f"SELECT * FROM read_parquet(?) ORDER BY {columns}"  # noqa: S608
        batches = connection.execute(query, [str(path)]).to_arrow_reader(ROW_GROUP)
        for batch in batches:
            yield to_pandas(pa.Table.from_batches([batch]).cast(schema))


def repeated_keys(
    path: Path, key: Sequence[str], *, folder: Path
) -> tuple[int, int, list[tuple[object, ...]]]:
    """How many keys of a Parquet file occur more than once, on how many rows, and some of them."""
    columns = ", ".join(_quoted(name) for name in key)
    passes = 1 + pq.read_metadata(path).num_rows // PASS_ROWS
    # A group for each key would not fit, nor go to the disk as a sort does: so some at a time.
    grouped = (
        f"SELECT {columns}, count(*) AS n FROM read_parquet(?) "  # noqa: S608
        f"WHERE hash({columns}) % {passes} = ? GROUP BY ALL HAVING n > 1"
    )
    with _connected(folder) as connection:
        create = f"CREATE TEMP TABLE repeated AS {grouped}"
        for number in range(passes):
            connection.execute(create, [str(path), number])
            create = f"INSERT INTO repeated {grouped}"
        counted = "SELECT count(*), coalesce(sum(n), 0) FROM repeated"
        keys, rows = connection.execute(counted).fetchall()[0]
        shown = f"SELECT {columns} FROM repeated ORDER BY {columns} LIMIT {EXAMPLES}"  # noqa: S608
        examples = connection.execute(shown).fetchall()
    return int(keys), int(rows), examples


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _connected(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        # Each thread holds buffers of its own, and keeping the file's order holds whole groups.
        "threads": 1,
        "preserve_insertion_order": False,
        "temp_directory": str(folder / "duckdb"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(config=settings)
    try:
        yield connection
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise StoreFault(
            "a partition could not be sorted: the disk or the memory is full",
            found=str(error).splitlines()[0],
            detail=str(folder),
            hint="free space in the home folder, then run again: nothing was published",
        ) from error
    finally:
        connection.close()
