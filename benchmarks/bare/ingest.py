"""The rival of ``laurel ingest``: GX and DVC by themselves, on the same rows and suite.

The source's own reading of the day, one GX validation in an ephemeral context, one Parquet file
into a DVC directory, ``add`` and ``push`` through DVC's API. No catalog, no keys checked, no
quarantine, no history.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd


def ingest(source: Path, suite: Path, plain: Path, *, dataset: str, day: str) -> None:
    """Read a day, validate it, write it and push it."""
    rows = read(source, dataset, day)
    validate(rows, suite)
    rows.to_parquet(plain / "data" / f"{day}.parquet", index=False)
    push(plain)


def read(source: Path, dataset: str, day: str) -> pd.DataFrame:
    """The rows of a day by the use case's own source file."""
    spec = importlib.util.spec_from_file_location("bare_source", source)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    rows: pd.DataFrame = module.read(dataset, start, start + timedelta(days=1), {})
    return rows


def validate(rows: pd.DataFrame, suite: Path) -> None:
    """One run of the suite, as GX's documentation does it."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    document: dict[str, Any] = json.loads(suite.read_text())
    own = gx.ExpectationSuite(name="bare", expectations=document["expectations"])
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole")
    found = batch.get_batch({"dataframe": rows}).validate(own)
    assert found.statistics["evaluated_expectations"] == len(document["expectations"])


def push(plain: Path) -> None:
    """Add the directory as it is now and push it."""
    from dvc.repo import Repo

    with Repo(str(plain)) as repo:
        repo.add([str(plain / "data")])
        repo.push()


if __name__ == "__main__":
    ingest(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        Path(sys.argv[3]),
        dataset=sys.argv[4],
        day=sys.argv[5],
    )
