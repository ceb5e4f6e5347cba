"""The rival for a large partition: pandas reads it whole, GX judges it, DVC takes the file."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from bare.ingest import push, validate


def ingest(source: Path, suite: Path, plain: Path) -> None:
    """Read one CSV file, sort it, validate it, write it as Parquet and push it."""
    rows = pd.read_csv(source, dtype={"shop": "str", "device": "str", "event_id": "str"})
    rows["at"] = pd.to_datetime(rows["at"], utc=True)
    rows = rows.sort_values(["at", "event_id"], ignore_index=True)
    validate(rows, suite)
    rows.to_parquet(plain / "data" / f"{source.stem}.parquet", index=False)
    push(plain)


if __name__ == "__main__":
    ingest(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
