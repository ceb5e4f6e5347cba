"""Outputs made again: identical by their bytes, equivalent within a tolerance, or different."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.dvc import DataPlane
from laurel.adapters.dvc.bytefiles import md5_of
from laurel.adapters.tables import write_table
from laurel.domain.equivalence import TOLERANCE, documents_differ, texts_differ
from laurel.runs.outputs import Compared, compare_outputs
from laurel.runs.reproduce import Reproduction
from laurel.settings import Settings

Compare = Callable[..., Mapping[str, Compared]]
MODEL, EVIDENCE, METRICS = "data/toy/model", "data/toy/evidence", "data/toy/metrics.json"


def write(folder: Path, *, auc: float = 0.71, shift: float = 0.0, trees: bytes = b"one") -> None:
    """What a training leaves, small."""
    scores = np.linspace(0.1, 0.9, 50)
    frame = pd.DataFrame({"id": [f"r{n}" for n in range(50)], "challenger": scores + shift})
    write_table(frame, folder / EVIDENCE / "scores.parquet")
    about = {"rounds": 60, "digest": "0" * 64 if trees == b"one" else "1" * 64}
    texts = {
        f"{EVIDENCE}/evidence.json": json.dumps({"auc": {"value": auc, "bounds": [0.6, 0.8]}}),
        f"{MODEL}/model.json": json.dumps(about),
        METRICS: json.dumps({"challenger": {"auc": auc}, "rows": 50}),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / MODEL / "model.ubj").write_bytes(trees)


def md5s(plane: DataPlane, folder: Path) -> dict[str, str]:
    found = {METRICS: plane.put({METRICS: folder / METRICS})[METRICS].md5}
    for path in (MODEL, EVIDENCE):
        files = {file.name: file for file in (folder / path).iterdir()}
        found[path] = plane.merge(None, plane.put(files)).md5
    return found


@pytest.fixture
def compared(settings: Settings, tmp_path: Path) -> Compare:
    """A function: what was made again → the verdict on each output."""
    plane = DataPlane(settings)
    write(tmp_path / "then")
    expected = {path: {"md5": md5} for path, md5 in md5s(plane, tmp_path / "then").items()}

    def compare(**changes: Any) -> Mapping[str, Compared]:
        write(tmp_path / "now", **changes)
        found = compare_outputs(
            plane,
            expected,
            md5s(plane, tmp_path / "now"),
            folder=tmp_path / "now",
            tolerance=TOLERANCE,
        )
        return {each.path: each for each in found}

    return compare


def verdicts(found: Mapping[str, Compared]) -> list[str]:
    return [found[path].verdict for path in (MODEL, EVIDENCE, METRICS)]


def test_equal_bytes_are_identical(compared: Compare) -> None:
    assert verdicts(compared()) == ["identical"] * 3


def test_last_digits_and_other_trees_with_the_same_scores_are_equivalent(compared: Compare) -> None:
    found = compared(auc=0.71000001, shift=1e-7, trees=b"two")

    assert verdicts(found) == ["equivalent"] * 3
    assert found[MODEL].told == "other trees, judged by their scores in the evidence"
    again = Reproduction("r", "toy-1", tuple(found.values()), ("dependency: x 1 became 2",), None)
    assert again.verdict == "equivalent"
    assert again.exit_code == 3
    assert again.text().startswith("toy-1 (run r): equivalent, not identical (tolerance 0.001)")
    assert not again.reproduced


def test_other_trees_with_other_scores_are_different(compared: Compare) -> None:
    found = compared(shift=0.05, trees=b"two")

    assert verdicts(found) == ["different", "different", "identical"]
    told = "scores.parquet: challenger differs by 0.05 (root mean square), at most 0.05"
    assert found[EVIDENCE].told == told


def test_another_metric_is_named_with_both_values(compared: Compare) -> None:
    found = compared(auc=0.75)

    assert found[METRICS].told == "challenger.auc was 0.71, is 0.75"
    assert found[EVIDENCE].told == "evidence.json: auc.value was 0.71, is 0.75"
    assert found[MODEL].identical


def test_an_output_that_is_missing_or_has_other_files_is_different(
    settings: Settings, tmp_path: Path
) -> None:
    plane = DataPlane(settings)
    write(tmp_path / "then")
    write(tmp_path / "now")
    (tmp_path / "now" / MODEL / "more.json").write_text("{}")
    then = {path: {"md5": md5} for path, md5 in md5s(plane, tmp_path / "then").items()}
    now = md5s(plane, tmp_path / "now")
    del now[METRICS]

    evidence, metrics, model = sorted(
        compare_outputs(plane, then, now, folder=tmp_path / "now", tolerance=TOLERANCE),
        key=lambda each: each.path,
    )

    assert evidence.identical
    assert (metrics.verdict, metrics.told) == ("different", "it was not made")
    assert (model.verdict, model.told) == ("different", "other files: more.json")
    assert md5_of(tmp_path / "now" / METRICS) == then[METRICS]["md5"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"rows": 50}, {"rows": 51}, "rows was 50, is 51"),
        ({"counts": [4, 6]}, {"counts": [5, 5]}, None),
        ({"counts": [4, 6]}, {"counts": [6, 4]}, "counts.0 was 4, is 6"),
        ({"seed": None}, {"seed": 7}, "seed was None, is 7"),
        ({"reason": "auc is 0.7100"}, {"reason": "auc is 0.7104"}, None),
        ({"reason": "auc is 0.71"}, {"reason": "brier is 0.71"}, "reason was auc is"),
        ({"day": "2024-01-02"}, {"day": "2024-01-03"}, "day was 2024-01-02, is 2024-01-03"),
        ({"flag": True}, {"flag": 1.0}, None),
    ],
)
def test_documents_are_compared_value_by_value(
    before: object, after: object, told: str | None
) -> None:
    found = documents_differ(before, after, tolerance=TOLERANCE)

    assert found is None if told is None else (found or "").startswith(told)


def test_texts_of_other_lengths_differ() -> None:
    assert texts_differ("a\n", "a\nb\n", tolerance=TOLERANCE) == "1 lines, now 2"
