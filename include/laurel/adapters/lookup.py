"""Values of one table looked up in others by DuckDB, whatever their size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from laurel.domain.check.reference import Lookup

MEMORY = "300MB"
_EXAMPLES = 3


def look_up(
    file: Path, columns: Sequence[str], *, others: Sequence[Path], to: Sequence[str]
) -> Lookup:
    """Count the rows of ``file`` whose values of ``columns`` are in no row of ``others``.

    file, others: Parquet files; ``to`` are the columns of the others, as many as ``columns``. Rows
    with a null in ``columns`` are left out.
    """
    if not others:
        return Lookup(rows=0, missing=0, partitions=0)
    with TemporaryDirectory(dir=file.parent, prefix=".lookup-") as folder:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY,
            "temp_directory": folder,
        }
        with duckdb.connect(":memory:", config=settings) as db:
            db.execute("set TimeZone = 'UTC'")
            db.read_parquet(str(file)).create_view("mine")
            db.read_parquet([str(path) for path in others]).create_view("theirs")
            return _count(db, columns, to, partitions=len(others))


def _count(
    db: duckdb.DuckDBPyConnection, columns: Sequence[str], to: Sequence[str], *, partitions: int
) -> Lookup:
    present = " and ".join(f"{_quoted(name)} is not null" for name in columns)
    same = " and ".join(
        f"mine.{_quoted(a)} = theirs.{_quoted(b)}" for a, b in zip(columns, to, strict=True)
    )
    names = ", ".join(map(_quoted, columns))
    lost = f"(select {names} from mine anti join theirs on {same} where {present})"  # noqa: S608
    rows = db.execute(f"select count(*) from mine where {present}").fetchone()  # noqa: S608
    missing = db.execute(f"select count(*) from {lost}").fetchone()  # noqa: S608
    examples = db.execute(
        f"select distinct {names} from {lost} order by all limit {_EXAMPLES}"  # noqa: S608
    ).fetchall()
    return Lookup(
        rows=int(rows[0]) if rows else 0,
        missing=int(missing[0]) if missing else 0,
        examples=tuple(" ".join(map(str, values)) for values in examples),
        partitions=partitions,
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
