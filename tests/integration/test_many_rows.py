"""A night of ten million rows is reported in the memory of one of a million."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from laurel.domain.sampling import MEASURED
from support.runs import SCORED, Home

pytestmark = pytest.mark.slow
FEW, MANY = 1_000_000, 10_000_000
TESTS = Path(__file__).resolve().parents[1]


def reported(home: Path, rows: int) -> dict[str, Any]:
    """What a process of its own says of a night of so many rows, and its peak of memory, in MB."""
    done = subprocess.run(
        [sys.executable, "-m", "support.many_rows", str(home), str(rows)],
        cwd=TESTS,
        # memory that many threads let go of is kept for each of them otherwise
        env={**os.environ, "OMP_NUM_THREADS": "1", "LAUREL_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_ten_million_rows_take_a_tenth_more_memory_than_a_million_at_most(
    prepared: Home, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(prepared.folder, tmp_path / "home"))

    few, many = (reported(home, rows) for rows in (FEW, MANY))

    assert (many["rows"], many["counted"], many["differing"]) == (MANY, MANY, 0)
    assert many["sampled"] == {SCORED[-1]: MANY}
    measured = many["days"][SCORED[-1]]
    assert measured["rows"] == pytest.approx(MEASURED, rel=0.03)
    assert measured["labelled"] == measured["rows"]
    assert any("50,000 rows" in note for note in many["notes"])
    # the day is repeated: both samples are of the same rows, and so say the same
    assert measured["metrics"]["auc"] == pytest.approx(
        few["days"][SCORED[-1]]["metrics"]["auc"], abs=0.02
    )
    assert many["peak"] <= 1.1 * few["peak"]
