"""Scoring under faults: killed at any instant, twice at once, a new champion on its way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from laurel.domain.canonical import parse_instant
from laurel.runs import score as scoring
from laurel.runs.rollback import roll_back
from support.killing_score import DAYS
from support.runs import Home

pytestmark = pytest.mark.slow

RUNS = 100


def told(prepared: Home, folder: Path, what: str) -> Any:
    """What ``support.killing_score`` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "support.killing_score", str(prepared.folder), str(folder), what],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=550,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_every_partition_is_complete_once_and_the_same_after_100_runs_killed_at_random(
    prepared: Home, tmp_path: Path
) -> None:
    said = told(prepared, tmp_path, str(RUNS))

    assert said["runs"] == RUNS
    assert said["killed"] > RUNS // 3, "most instants lie within a scoring"
    assert said["expected"]["broken"] == []
    assert set(DAYS) <= set(said["expected"]["days"])
    assert all(len(lines) == 1 for lines in said["expected"]["days"].values())
    for found in said["found"]:
        assert found == said["expected"]


def test_two_runs_of_one_partition_at_once_have_one_result(prepared: Home, tmp_path: Path) -> None:
    said = told(prepared, tmp_path, "at-once")

    assert set(said["codes"]) == {0}
    assert len(said["codes"]) == 2 * 5
    assert said["found"]["broken"] == []
    assert [len(said["found"]["days"][day]) for day in DAYS[:5]] == [1] * 5


def test_a_run_ends_with_the_champion_that_it_began_with_and_says_so(
    copied: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        entry.model_version or "" for entry in copied.site.ledger(copied.usecase).read().history
    )
    load = scoring.load_given

    def crowned_meanwhile(*given: Any, **named: Any) -> Any:
        roll_back(
            copied.site,
            copied.usecase,
            target=first,
            reason="a test of what is on its way",
            by="test",
            effective_from=parse_instant("2024-02-20"),
        )
        return load(*given, **named)

    monkeypatch.setattr(scoring, "load_given", crowned_meanwhile)
    made = copied.score(DAYS[-1])
    monkeypatch.undo()

    assert (made.model_version, made.overtaken_by) == (second, first)
    assert f"meanwhile {first} came to reign" in made.sentence()
    assert set(copied.predictions(DAYS[-1])["model_version"]) == {second}
    again = copied.score(DAYS[-1])
    assert (again.model_version, again.overtaken_by, again.changed) == (first, None, True)
    assert [len(copied.predictions_of(DAYS[-1]))] == [2]
