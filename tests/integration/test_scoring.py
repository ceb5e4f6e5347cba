"""Scoring runs: what they say of what they made, where consumers find it, what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.quarantine import list_quarantine
from laurel.adapters.records import find_bundle
from laurel.adapters.xgboost import Model
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import parse_instant
from laurel.domain.config import PREDICTIONS
from laurel.errors import IntegrityError, ValidationFailed
from laurel.runs.inputs import COUNTS
from laurel.runs.place import check_place, place_predictions
from laurel.runs.rollback import roll_back
from laurel.runs.scored import MANIFEST
from support.runs import SCORED, Home, publish_rows, restate

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


# --- what gives another revision


def stands(home: Home, day: str) -> pd.DataFrame:
    """What consumers find of a day."""
    root = Path(place_predictions(home.site, home.usecase).place)
    return pd.read_parquet(root / f"partition={day}" / "predictions.parquet")


def test_another_champion_gives_another_revision_and_the_first_one_stays(copied: Home) -> None:
    day, before = SCORED[2], copied.predictions(SCORED[2])
    first, second = (made.model_version for made in copied.trained)
    assert set(before["model_version"]) == {second}
    roll_back(
        copied.site,
        copied.usecase,
        target=first,
        reason="a test of revisions",
        by="test",
        effective_from=parse_instant("2024-02-20"),
    )
    made = copied.score(day)
    assert (made.changed, made.model_version) == (True, first)
    one, two = copied.predictions_of(day)
    assert (one.revision, two.revision) == (1, 2)
    assert one.run != two.run
    assert set(stands(copied, day)["model_version"]) == {first}
    pd.testing.assert_frame_equal(copied.table(one.md5), before)


def test_rows_corrected_before_they_were_due_give_another_revision(copied: Home) -> None:
    day, before = SCORED[0], copied.predictions(SCORED[0])
    rows = copied.source("visits", day)
    rows["amount"] = (rows["amount"] + 300).round(2)
    publish_rows(copied, "visits", day, rows)
    made = copied.score(day)
    assert made.changed
    one, two = copied.predictions_of(day)
    assert one.content_hash != two.content_hash
    said = json.loads(bundle_of(copied, day).files[MANIFEST])
    assert said["rows"][:2] == [day, 2]
    own = stands(copied, day)
    assert own["visit_id"].tolist() == before["visit_id"].tolist()
    assert own["score"].tolist() != before["score"].tolist()
    assert not copied.score(day).changed


# --- what is refused is held, and nothing of it is published


def expect_held(home: Home, rows: pd.DataFrame) -> None:
    """These rows of the open day are in quarantine as they came, and consumers see nothing."""
    (held,) = list_quarantine(home.site.store, "toy")
    assert (held.dataset, held.partition, held.rows) == (PREDICTIONS, OPEN, len(rows))
    assert list(held.files) == ["input.parquet"]
    kept = home.table(held.files["input.parquet"].md5)
    pd.testing.assert_frame_equal(kept, rows.reset_index(drop=True), check_dtype=False)
    assert home.predictions_of(OPEN) == ()
    root = Path(place_predictions(home.site, home.usecase).place)
    assert not (root / f"partition={OPEN}").exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("missing", "items is missing"),
        ("of another type", "items string"),
        ("infinite", "amount in 2 row"),
    ],
)
def test_rows_that_cannot_be_scored_are_held(copied: Home, damage: str, said: str) -> None:
    rows = copied.source("visits", OPEN)
    bad = rows.index
    if damage == "missing":
        rows = rows.drop(columns="items")
    elif damage == "of another type":
        rows = rows.astype({"items": "str"})
    else:
        bad = rows.index[[3, 50]]
        rows.loc[bad, "amount"] = np.inf
    publish_rows(copied, "visits", OPEN, rows)
    with pytest.raises(ValidationFailed) as caught:
        copied.score(OPEN)
    assert said in str(caught.value.found)
    assert f"partition {OPEN}" in str(caught.value)
    expect_held(copied, rows.loc[bad])


def test_rows_whose_scores_are_no_probabilities_are_held(
    copied: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Model.scores

    def off(model: Model, block: Any) -> Any:
        scores = plain(model, block).copy()
        scores[[7, 9]] = 1.5, np.nan
        return scores

    monkeypatch.setattr(Model, "scores", off)
    with pytest.raises(ValidationFailed, match="not what its objective gives") as caught:
        copied.score(OPEN)
    assert str(caught.value.found).startswith("2 row(s)")
    expect_held(copied, copied.source("visits", OPEN).iloc[[7, 9]])
