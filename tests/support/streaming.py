"""Run by itself: score many rows of the synthetic use case, and say how much memory that took.

``python -m support.streaming FOLDER ROWS BATCH``: FOLDER holds ``usecases/toy``, ``model`` and
``day.parquet``, whose rows are repeated under keys of their own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from laurel.adapters.tables import TableWriter, empty_table, read_table
from laurel.domain.history import stamp
from laurel.domain.partition import Partition
from laurel.stages.predictions import write_predictions
from laurel.stages.score import Given, Scorer
from laurel.usecase import UseCase, load_usecase
from support.peak import peak

DAY = Partition.of("2024-02-06")


def main(folder: Path, rows: int, batch: int) -> None:
    """Print the rows, the peak before the first of them, and the peak at the end, in MB."""
    usecase = load_usecase(folder / "usecases" / "toy")
    file = folder / f"{rows}.parquet"
    _repeat(read_table(folder / "day.parquet"), rows, file)
    scorer = Scorer(usecase, _given(usecase, file), model=folder / "model")
    begun = peak()
    out = folder / f"{rows}-out.parquet"
    written = write_predictions(scorer, out, model_version="toy-1", batch=batch)
    print(json.dumps({"rows": written.facts.rows, "begun": begun, "end": peak()}))  # noqa: T201


def _repeat(day: pd.DataFrame, rows: int, file: Path) -> None:
    step, chunk = pd.Timedelta(days=1) / rows, 65_536
    with TableWriter(file, durable=False) as writer:
        for first in range(0, rows, chunk):
            number = np.arange(first, min(rows, first + chunk))
            part = day.iloc[number % len(day)].reset_index(drop=True)
            moments = pd.Timestamp(DAY.start) + pd.to_timedelta(number * step.value, unit="ns")
            part["at"] = pd.Series(moments.floor("us")).astype(day["at"].dtype)
            part["visit_id"] = pd.Series([f"{n:010d}" for n in number], dtype="str")
            writer.write(part)
        writer.finish()


def _given(usecase: UseCase, file: Path) -> Given:
    """Without a past: what is measured is what grows with the rows."""
    tables = {
        name: stamp(empty_table(spec), partition="1970-01-01", known_at="1970-01-01T00:00:00Z")
        for name, spec in usecase.config.datasets.items()
    }
    return Given(
        partition=DAY,
        file=file,
        past_rows=tables["visits"].drop(columns="known_at"),
        labels=tables["returns"].drop(columns="partition"),
        context={"climate": tables["climate"]},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
