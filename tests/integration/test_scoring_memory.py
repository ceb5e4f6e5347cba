"""Scoring takes the memory of a few batches, however many rows a partition has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from laurel.adapters.tables import conform, write_table
from laurel.domain.history import PARTITION
from laurel.stages.assemble import assemble
from laurel.stages.featurize import featurize
from laurel.stages.train import train
from support.sample import read_days
from support.streaming import DAY
from support.synthetic import lay_window, load_toy

pytestmark = pytest.mark.slow
FEW, MANY, BATCH = 150_000, 1_500_000, 8_192
TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The use case, a model of it, and the rows of a day."""
    place = tmp_path_factory.mktemp("streaming")
    usecase = load_toy(place)
    lay_window(usecase, place)
    assemble(usecase, place)
    featurize(usecase, place)
    train(usecase, place, threads=1)
    shutil.copytree(place / "data" / "toy" / "model", place / "model")
    config = usecase.config
    every = read_days(usecase, "visits", 0, DAY)
    rows = every[every[PARTITION] == DAY.key][list(config.rows.columns)]
    write_table(conform(rows, config.rows, usecase="toy", name="visits"), place / "day.parquet")
    return place


def _scored(folder: Path, rows: int) -> tuple[int, float]:
    """Rows, and the peak of a process that scores them, in MB."""
    done = subprocess.run(
        [sys.executable, "-m", "support.streaming", str(folder), str(rows), str(BATCH)],
        cwd=TESTS,
        # memory that many threads let go of is kept for each of them otherwise
        env={**os.environ, "OMP_NUM_THREADS": "1", "LAUREL_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return found["rows"], found["end"]


def test_ten_times_the_rows_take_no_more_than_a_tenth_more_memory(folder: Path) -> None:
    few, less = _scored(folder, FEW)
    many, more = _scored(folder, MANY)
    assert (few, many) == (FEW, MANY)
    assert more <= 1.1 * less
