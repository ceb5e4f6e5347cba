"""Run by itself: put shards of predictions together, and say how much memory that took.

``python -m support.merging FOLDER ROWS SHARD``: FOLDER holds what ``support.streaming`` has scored,
which is cut into shards of so many rows.
"""

from __future__ import annotations

import filecmp
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from laurel.adapters.tables import iter_table, write_table
from laurel.adapters.tables.cutting import cut_rows
from laurel.stages.shards import SAMPLE, SCORED, Told, put_together
from laurel.usecase import load_usecase
from support.peak import peak


def main(folder: Path, rows: int, shard: int) -> None:
    """Print the rows, the peak at the end in MB, and whether the bytes are those of one pass."""
    usecase, whole = load_usecase(folder / "usecases" / "toy"), folder / f"{rows}-out.parquet"
    out = folder / f"{rows}-together.parquet"
    told = Told(counts={}, decisions={}, unseen={}, columns={"x": "float32"}, shadows={})
    written = put_together(_shards(whole, rows, shard, folder), told, usecase.config, out)
    end = peak()
    same = filecmp.cmp(out, whole, shallow=False)
    print(json.dumps({"rows": written.facts.rows, "end": end, "same": same}))  # noqa: T201


def _shards(whole: Path, rows: int, shard: int, folder: Path) -> Iterator[dict[str, Path]]:
    files = {SCORED: folder / f"{rows}-shard.parquet", SAMPLE: folder / f"{rows}-sample.parquet"}
    for first in range(0, rows, shard):
        cut_rows(whole, files[SCORED], first=first, stop=min(rows, first + shard))
        write_table(next(iter_table(files[SCORED], rows=10))[["score"]], files[SAMPLE])
        yield files


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
