"""Scoring runs: what they say of what they made, where consumers find it, what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from laurel.adapters.records import find_bundle
from laurel.domain.bundle import Bundle
from laurel.errors import IntegrityError
from laurel.runs.inputs import COUNTS
from laurel.runs.place import check_place, place_predictions
from laurel.runs.scored import MANIFEST
from support.runs import SCORED, Home, restate

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]
OPEN = "2024-02-22"
"""A day that is not scored yet."""


def bundle_of(home: Home, day: str) -> Bundle:
    found = find_bundle(home.site.store, "toy", "score", home.predictions_of(day)[-1].run)
    assert found is not None
    return found


def placed(home: Home) -> Path:
    return Path(place_predictions(home.site, home.usecase).place)


def test_a_manifest_says_what_was_scored_by_what_and_how_it_came_out(prepared: Home) -> None:
    day = SCORED[0]
    bundle, table = bundle_of(prepared, day), prepared.predictions(day)
    said = json.loads(bundle.files[MANIFEST])
    assert said["rows"] == bundle.inputs["rows"]
    assert said["rows"][0] == day
    assert said["model_version"] == bundle.model_version == table["model_version"].iloc[0]
    decided = table["decision"].value_counts().to_dict()
    assert said["decisions"] == {str(name).lower(): n for name, n in decided.items()}
    assert said["count"] == len(table) == sum(said["scores"]["score"]["counts"])
    assert said["unseen"] == {}
    counts = json.loads(prepared.site.store.read(f"{bundle.prefix}/{COUNTS}"))
    assert counts["scores"] == said["scores"]


def test_the_place_holds_the_newest_of_every_partition_and_is_made_again(copied: Home) -> None:
    root = placed(copied)
    frame = pd.read_parquet(root)
    assert sorted(frame["partition"].astype("str").unique()) == list(SCORED)
    for day in SCORED:
        own = frame[frame["partition"].astype("str") == day].reset_index(drop=True)
        wanted = copied.predictions(day)
        assert own["score"].tolist() == wanted["score"].tolist()
        assert own["visit_id"].tolist() == wanted["visit_id"].tolist()
    (root / f"partition={SCORED[1]}" / "predictions.parquet").unlink()
    (root / f"partition={SCORED[2]}" / "predictions.parquet").write_text("damaged")
    assert check_place(copied.site, copied.usecase).changed == tuple(SCORED[1:3])
    done = copied.laurel("place", "toy", "--check")
    assert (done.returncode, "2 differ" in done.stdout) == (1, True)
    assert place_predictions(copied.site, copied.usecase).changed == tuple(SCORED[1:3])
    pd.testing.assert_frame_equal(pd.read_parquet(root), frame)
    assert check_place(copied.site, copied.usecase).changed == ()


def test_rows_that_were_corrected_later_leave_what_was_scored(copied: Home) -> None:
    """What was known when the day ended stands; ``laurel restate`` tells what would differ."""
    root, day = placed(copied), SCORED[0]
    before = (root / f"partition={day}" / "predictions.parquet").read_bytes()
    changed = copied.source("visits", day)
    changed["amount"] = (changed["amount"] + 30).round(2)
    restate(copied, "visits", day, changed)
    copied.score(day)
    assert len(copied.predictions_of(day)) == 1
    assert (root / f"partition={day}" / "predictions.parquet").read_bytes() == before
    assert check_place(copied.site, copied.usecase).changed == ()


def test_scoring_again_leaves_every_byte_of_the_place(copied: Home) -> None:
    root = placed(copied)
    before = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    copied.score(SCORED[0])
    assert {file: file.read_bytes() for file in root.rglob("*") if file.is_file()} == before


def test_a_model_with_other_bytes_than_the_ledger_names_is_not_loaded(copied: Home) -> None:
    """Neither from the cache, nor from a remote that was changed as well."""
    bundle = bundle_of(copied, SCORED[2])
    training = find_bundle(copied.site.store, "toy", "train", copied.trained[1].run)
    assert training is not None
    assert bundle.model_version == training.model_version
    names = copied.site.plane.names(training.outputs["data/toy/model"]["md5"])
    md5 = names["model.ubj"]
    for file in copied.folder.rglob(md5[2:]):
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:-10] + b"0123456789")
    with pytest.raises(IntegrityError):
        copied.score(OPEN)
    assert copied.predictions_of(OPEN) == ()
