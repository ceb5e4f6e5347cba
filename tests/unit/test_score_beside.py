"""Challengers beside a champion: what they say is what they say alone, whatever the batches."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from laurel.adapters.tables import read_table
from laurel.adapters.xgboost import load_model
from laurel.domain.config import Canary
from laurel.domain.share import in_share
from laurel.stages.predictions import Written, write_predictions
from laurel.stages.score import Scorer
from laurel.stages.shadow import CanaryFault, Challenger, WrittenShadow, in_words
from support.trained import VERSION, Trained, trained

__all__ = ["trained"]

OTHER = "toy-20240219-0badcafe"


@pytest.fixture(scope="module")
def challenger(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The first trees of the model, as another version."""
    folder = tmp_path_factory.mktemp("challenger") / "model"
    shutil.copytree(trained.model, folder)
    load_model(folder).booster[:5].save_model(folder / "model.ubj")
    return replace(trained, model=folder)


def beside(
    trained: Trained,
    other: Trained,
    folder: Path,
    *,
    batch: int = 131_072,
    canary: Canary | None = None,
) -> tuple[Written, WrittenShadow]:
    scorer = trained.scorer()
    mine = Scorer(other.usecase, other.given, model=other.model, beside=scorer)
    said = Challenger(OTHER, mine, folder / "shadow.parquet", canary=canary)
    written = write_predictions(
        scorer, folder / "a.parquet", model_version=VERSION, batch=batch, beside=[said]
    )
    return written, said.written()


@pytest.mark.parametrize("batch", [7, 131_072])
@pytest.mark.parametrize("shares", [True, False])
def test_a_challenger_says_beside_a_champion_what_it_says_alone(
    trained: Trained, challenger: Trained, tmp_path: Path, batch: int, shares: bool
) -> None:
    if not shares:
        challenger = challenger.with_features("\n# another version\n", tmp_path / "other")
    alone = write_predictions(challenger.scorer(), tmp_path / "b.parquet", model_version=OTHER)
    bare = trained.written(tmp_path / "bare.parquet")
    written, said = beside(trained, challenger, tmp_path / "both", batch=batch)
    assert said.shares == shares
    assert said.facts == alone.facts
    assert said.path.read_bytes() == alone.path.read_bytes()
    assert written.path.read_bytes() == bare.path.read_bytes()
    assert (written.counts, written.versions) == (bare.counts, {})
    assert said.decisions == alone.decisions != bare.decisions


@pytest.mark.parametrize("batch", [7, 131_072])
def test_a_canary_answers_its_share_whatever_the_batches(
    trained: Trained, challenger: Trained, tmp_path: Path, batch: int
) -> None:
    canary = Canary(share=0.25, by=("shop", "visit_id"))
    whole, _ = beside(trained, challenger, tmp_path / "whole", canary=canary)
    written, said = beside(trained, challenger, tmp_path / "parts", batch=batch, canary=canary)
    assert written.path.read_bytes() == whole.path.read_bytes()
    assert written.counts == whole.counts
    made, ours = read_table(written.path), read_table(trained.written(tmp_path / "c.parquet").path)
    theirs, rows = read_table(said.path), trained.given.rows()
    own = in_share(rows, ["shop", "visit_id"], share=0.25)
    pd.testing.assert_frame_equal(made[own], theirs[own])
    pd.testing.assert_frame_equal(made[~own], ours[~own])
    assert written.versions == {VERSION: int((~own).sum()), OTHER: int(own.sum())}
    assert written.counts["rows"] == (~own).sum()


def test_a_challenger_that_fails_on_its_way_stops_nobody(
    trained: Trained, challenger: Trained, tmp_path: Path
) -> None:
    code = "\n\n_own = featurize\n\n\ndef featurize(rows, context):\n"
    code += "    if (rows['amount'] > 100).any():\n        raise KeyError('seats')\n"
    code += "    return _own(rows, context)\n"
    odd = challenger.with_features(code, tmp_path / "odd")
    assert (trained.given.rows()["amount"] > 100).mean() < 0.2, "some batches are well"
    written, said = beside(trained, odd, tmp_path / "both", batch=2)
    bare = trained.written(tmp_path / "bare.parquet")
    assert written.path.read_bytes() == bare.path.read_bytes()
    assert (said.facts, said.passing) == (None, False)
    assert in_words(said.fault or Exception()) == "KeyError: 'seats'"
    assert not said.path.exists()
    with pytest.raises(CanaryFault):
        beside(trained, odd, tmp_path / "canary", batch=2, canary=Canary(share=0.5))
