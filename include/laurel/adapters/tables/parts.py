"""A table as a folder of Parquet files, each of whole partitions; read and written in parts.

A file holds partitions that follow each other, until they have :data:`PART_ROWS` rows, and is
named by the first of them. So many small partitions make few files, and a large one a file of its
own; where files end depends on the rows alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import pandas as pd

from laurel.adapters.tables.reading import read_table, table_rows
from laurel.adapters.tables.writing import TableWriter
from laurel.errors import NotFound

PART_ROWS = 65_536
"""Rows at which a file ends with the partition it is in: fixed, so that equal rows are equal
bytes."""


class PartsWriter:
    """Writes a table that comes partition by partition; a context, as :class:`TableWriter`.

    The folder is replaced as a whole by :meth:`finish`, or left as it was.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._aside = folder.with_name(f".{folder.name}.writing")
        self._writer: TableWriter | None = None
        self.rows = 0

    def __enter__(self) -> PartsWriter:
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.__exit__(None, None, None)
        shutil.rmtree(self._aside, ignore_errors=True)

    def write(self, partition: str, rows: pd.DataFrame) -> None:
        """Take the rows of the next partition, or of some next ones, called by the first.

        Raises :class:`DataError` for other columns or types than before in the same file.
        """
        if self._writer is None:
            file = self._aside / f"{partition}.parquet"
            self._writer = TableWriter(file, durable=False).__enter__()
        self._writer.write(rows)
        self.rows += len(rows)
        if self._writer.rows >= PART_ROWS:
            self._end()

    def finish(self) -> None:
        """Make the folder visible; empty where nothing was written."""
        if self._writer is not None:
            self._end()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._aside.replace(self._folder)

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.finish()
        self._writer = None


def empty_folder(folder: Path) -> Path:
    """A folder that is there and empty, whatever it held before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def part_files(folder: Path) -> list[Path]:
    """The files of a table in parts, in order; raises :class:`NotFound` for a missing folder."""
    if not folder.is_dir():
        raise NotFound("a table is missing", found=str(folder))
    return sorted(folder.glob("*.parquet"))


def read_parts(folder: Path) -> pd.DataFrame:
    """The whole table; raises as :func:`read_table`."""
    return read_table(part_files(folder))


def iter_parts(folder: Path) -> Iterator[pd.DataFrame]:
    """The table file by file, in order; raises as :func:`read_table`."""
    for file in part_files(folder):
        yield read_table(file)


def numbered_sql(files: Sequence[Path], number: str) -> str:
    """What DuckDB selects to read files one below the other, their rows numbered from 0.

    number: the name of the column with the numbers.
    """
    before = [0, *accumulate(table_rows(file) for file in files[:-1])]
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    return (
        f"select * exclude (file_row_number), file_row_number + "  # noqa: S608 (quoted)
        f"list_extract({before}::bigint[], file_index::integer + 1) as {number} "
        f"from read_parquet([{listed}], file_row_number = true)"
    )
