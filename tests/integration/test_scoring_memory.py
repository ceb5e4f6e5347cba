"""Scoring takes the memory of a few batches, however many rows a partition has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def _told(module: str, folder: Path, *numbers: int) -> dict[str, Any]:
    """What a process says that runs a module of ``support``."""
    done = subprocess.run(
        [sys.executable, "-m", f"support.{module}", str(folder), *map(str, numbers)],
        cwd=TESTS,
        # memory that many threads let go of is kept for each of them otherwise
        env={**os.environ, "OMP_NUM_THREADS": "1", "LAUREL_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def scored(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Few rows and many, and what scoring them took."""
    few, many = (_told("streaming", folder, rows, BATCH) for rows in (FEW, MANY))
    return few, many


def test_ten_times_the_rows_take_no_more_than_a_tenth_more_memory(
    scored: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    few, many = scored
    assert (few["rows"], many["rows"]) == (FEW, MANY)
    assert many["end"] <= 1.1 * few["end"]


@pytest.mark.usefixtures("scored")
def test_twenty_shards_are_put_together_in_the_memory_of_ten(folder: Path) -> None:
    # of ten: what Arrow keeps of memory for the next row group grows in steps up to there
    _told("streaming", folder, 2 * MANY, BATCH)
    ten, twenty = (_told("merging", folder, rows, FEW) for rows in (MANY, 2 * MANY))
    assert (ten["rows"], ten["same"]) == (MANY, True)
    assert (twenty["rows"], twenty["same"]) == (2 * MANY, True)
    assert twenty["end"] <= 1.1 * ten["end"]
