"""Rows on their way in: a table for each partition, whatever their number and order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.tables import conform, read_table
from laurel.adapters.tables.spool import Landed, Spool
from laurel.domain.config import Column, Dataset
from laurel.domain.partition import Partition

VISITS = Dataset(
    role="rows",
    time="at",
    key=("id",),
    suite="toy.raw",
    columns={
        "id": Column(type="string"),
        "at": Column(type="timestamp"),
        "amount": Column(type="float64", nullable=True),
    },
)
FIRST, SECOND, THIRD = (Partition.of(f"2024-02-{day}") for day in ("28", "29", "27"))
WHERE = {"usecase": "toy", "dataset": "visits"}


def rows_of(day: Partition, count: int, *, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    seconds = draw.integers(0, 3600, count)  # many share a second: the key decides their order
    frame = pd.DataFrame(
        {
            "id": [f"{day.key}-{number:06}" for number in range(count)],
            "at": pd.Timestamp(day.start) + pd.to_timedelta(seconds, unit="s"),
            "amount": np.where(draw.random(count) < 0.1, np.nan, draw.random(count)),
        }
    )
    table = conform(frame, VISITS, usecase="toy", name="visits", partition=day.key)
    return table.sample(frac=1, random_state=seed).reset_index(drop=True)


def land(folder: Path, batches: list[tuple[Partition, pd.DataFrame]], **how: int) -> dict:
    spool = Spool(folder, VISITS, where=WHERE, **how)
    for day, rows in batches:
        spool.add(day, rows)
    return dict(spool.land([FIRST, SECOND, THIRD]))


@pytest.mark.parametrize("in_memory", [0, 300, 1500, 10**6])
def test_the_bytes_are_the_same_in_memory_and_on_the_disk(tmp_path: Path, in_memory: int) -> None:
    days = {FIRST: rows_of(FIRST, 1000), SECOND: rows_of(SECOND, 700, seed=1)}
    batches = [
        (day, rows.iloc[start : start + 170])
        for start in range(0, 1000, 170)
        for day, rows in days.items()
    ]
    found = land(tmp_path / "spool", batches, in_memory=in_memory)
    for day, rows in days.items():
        whole = conform(rows, VISITS, usecase="toy", name="visits", partition=day.key)
        pd.testing.assert_frame_equal(read_table(found[day].path), whole)
        plain = land(tmp_path / "plain", [(day, whole)])[day]
        assert found[day].path.read_bytes() == plain.path.read_bytes()
        assert found[day].facts == plain.facts
    assert found[THIRD].rows == 0
    assert read_table(found[THIRD].path).empty


@pytest.mark.parametrize("in_memory", [0, 10**6])
def test_a_key_that_repeats_across_batches_is_found(tmp_path: Path, in_memory: int) -> None:
    rows = rows_of(FIRST, 500)
    batches = [(FIRST, rows), (FIRST, rows.iloc[17:19]), (SECOND, rows_of(SECOND, 10))]
    found = land(tmp_path, batches, in_memory=in_memory)
    broken = found[FIRST]
    assert "2 key(s) occur more than once" in str(broken.error)
    assert "4 rows share keys" in str(broken.error)
    assert rows.iloc[17]["id"] in str(broken.error)
    assert "partition 2024-02-28" in str(broken.error)
    assert len(read_table(broken.path)) == broken.rows == 502
    assert found[SECOND].error is None


def test_refused_rows_are_kept_as_they_came_with_their_reasons(tmp_path: Path) -> None:
    spool = Spool(tmp_path, VISITS, where=WHERE)
    spool.add(FIRST, rows_of(FIRST, 3))
    bad = pd.DataFrame({"id": ["a", "b"], "amount": ["abc", b"\xff"]})
    spool.refuse(FIRST, bad, ["amount: 'abc' is not float64", "amount: bytes"])
    spool.refuse(FIRST, bad.head(1), ["again"])
    landed: Landed = dict(spool.land([FIRST]))[FIRST]
    assert (landed.rows, landed.refused_rows) == (3, 3)
    assert landed.reasons == ("amount: 'abc' is not float64", "amount: bytes", "again")
    assert landed.refused is not None
    lines = [json.loads(line) for line in landed.refused.read_text().splitlines()]
    assert lines[0] == {
        "reason": "amount: 'abc' is not float64",
        "row": {"id": "a", "amount": "abc"},
    }
    assert lines[1]["row"]["amount"] == "b'\\xff'"


def test_a_spool_that_is_given_up_leaves_no_half_written_table(tmp_path: Path) -> None:
    spool = Spool(tmp_path, VISITS, where=WHERE, in_memory=0)
    spool.add(FIRST, rows_of(FIRST, 100))
    spool.close()
    assert list(tmp_path.iterdir()) == []
