"""Shards: a large partition cut into pieces that are scored by themselves, wherever there is room.

The cut follows from the number of rows alone, and what is said of the whole does not depend on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from laurel.errors import DataError

MOST = 1000
"""Shards of a partition: with more rows than fit into so many, they are larger than was asked."""
_NAME = re.compile(r"(\d{12})-(\d{12})")


@dataclass(frozen=True, order=True)
class Shard:
    """Rows of a partition that follow each other in its file: from ``first`` until ``stop``."""

    first: int
    stop: int
    total: int
    """Rows of the whole partition."""

    @property
    def name(self) -> str:
        """What it is called where it is staged, in the order of the rows."""
        return f"{self.first:012d}-{self.stop:012d}"

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.stop - self.first


def cut_shards(total: int, *, rows: int, group: int) -> tuple[Shard, ...]:
    """Cut a partition of ``total`` rows into shards of ``rows``, the last one of what is left.

    Shards of more rows than a row group of the file (``group``) end with one, so that each group
    is read for one of them. At most :data:`MOST`.

    >>> [shard.name for shard in cut_shards(5, rows=2, group=100)]
    ['000000000000-000000000002', '000000000002-000000000004', '000000000004-000000000005']
    >>> [shard.rows for shard in cut_shards(1000, rows=150, group=100)]
    [200, 200, 200, 200, 200]
    """
    each = max(rows, -(-total // MOST))
    if each > group:
        each = -(-each // group) * group
    return tuple(Shard(first, min(total, first + each), total) for first in range(0, total, each))


def read_shard(name: str, *, total: int) -> Shard:
    """The shard of a name.

    Raises :class:`DataError` for what is none of a partition of so many rows.

    >>> read_shard("000000000002-000000000004", total=5)
    Shard(first=2, stop=4, total=5)
    """
    found = _NAME.fullmatch(name)
    first, stop = (int(each) for each in found.groups()) if found else (0, 0)
    if not first < stop <= total:
        raise DataError("this is no shard of the partition", found=name, expected=f"{total} rows")
    return Shard(first, stop, total)
