"""A table in the order of columns, whatever the order in which its rows come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from laurel.adapters.tables.sorting import iter_sorted
from laurel.adapters.tables.writing import TableFacts, TableWriter


class OrderedWriter:
    """Writes a table that comes in parts, sorted; a context, as :class:`TableWriter`.

    Rows that come in order are written as they come. Where they do not, the whole is sorted in
    ``folder`` at the end: memory stays flat, and equal rows are equal bytes.
    """

    def __init__(self, path: Path, order: Sequence[str], *, folder: Path) -> None:
        """Write to ``path`` in the order of these columns, which have no nulls."""
        self._path, self._order, self._folder = path, list(order), folder
        self._writer = TableWriter(path)
        self._last: pd.DataFrame | None = None
        self._ordered = True

    def __enter__(self) -> OrderedWriter:
        self._writer.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.__exit__(None, None, None)

    def write(self, rows: pd.DataFrame) -> None:
        """Take the next rows; raises as :meth:`TableWriter.write`."""
        if self._ordered and len(rows):
            given = rows[self._order]
            before = [self._last] if self._last is not None else []
            self._ordered = ascends(pd.concat([*before, given], ignore_index=True))
            self._last = given.iloc[[-1]]
        self._writer.write(rows)

    def finish(self) -> TableFacts:
        """Make the file visible."""
        facts = self._writer.finish()
        if self._ordered:
            return facts
        unsorted = self._path.with_name(f"unsorted-{self._path.name}")
        self._path.replace(unsorted)
        with TableWriter(self._path) as writer:
            for part in iter_sorted(unsorted, self._order, folder=self._folder):
                writer.write(part)
            facts = writer.finish()
        unsorted.unlink()
        return facts


def ascends(rows: pd.DataFrame) -> bool:
    """Whether each row comes at or after the one before it, by its columns from left to right.

    >>> ascends(pd.DataFrame({"a": [1, 1, 2], "b": ["x", "y", "a"]}))
    True
    >>> ascends(pd.DataFrame({"a": [1, 1], "b": ["y", "x"]}))
    False
    """
    tied = np.arange(1, len(rows))
    for name in rows:
        after, before = (rows[name].iloc[places].array for places in (tied, tied - 1))
        if np.asarray(after < before).any():
            return False
        tied = tied[np.asarray(after == before, bool)]
        if not len(tied):
            return True
    return True
