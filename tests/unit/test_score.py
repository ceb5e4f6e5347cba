"""Scoring over the synthetic use case: batches never change what is said, guards say why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.tables import conform, read_table, write_table
from laurel.adapters.xgboost import Model, load_model
from laurel.adapters.xgboost import model as models
from laurel.adapters.xgboost.forest import Forest
from laurel.domain.config import PREDICTIONS
from laurel.domain.history import PARTITION
from laurel.errors import DataError, IntegrityError
from laurel.stages.predictions import (
    expect_contract,
    manifest,
    predictions_dataset,
)
from laurel.stages.score import score, with_text
from laurel.stages.tally import REFUSED
from support.trained import DAY, VERSION, Trained, trained

__all__ = ["trained"]


@pytest.mark.parametrize("batch", [1, 7, 10_000])
@pytest.mark.parametrize("order", ["canonical", "turned round", "shuffled"])
def test_batches_and_the_order_of_rows_never_change_a_byte(
    trained: Trained, tmp_path: Path, batch: int, order: str
) -> None:
    whole = trained.written(tmp_path / "whole.parquet")
    rows = trained.given.rows()
    if order == "turned round":
        rows = rows.iloc[::-1].reset_index(drop=True)
    elif order == "shuffled":
        rows = rows.sample(frac=1, random_state=5).reset_index(drop=True)
    write_table(rows, tmp_path / "rows.parquet")
    again = trained.written(
        tmp_path / "again" / "again.parquet", batch=batch, file=tmp_path / "rows.parquet"
    )
    assert again.path.read_bytes() == whole.path.read_bytes()
    assert (again.facts, again.counts) == (whole.facts, whole.counts)
    assert (again.decisions, again.unseen) == (whole.decisions, whole.unseen)
    if order == "canonical":
        sampled = [with_text(each.sample) for each in (again, whole)]
        pd.testing.assert_frame_equal(*sampled)
    assert sorted(each.name for each in again.path.parent.iterdir()) == ["again.parquet"]


def test_compiled_trees_change_no_byte(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained.written(tmp_path / "whole.parquet")
    monkeypatch.setattr(models, "MANY_ROWS", 0)
    monkeypatch.setattr(models, "MANY_TREES", 0)
    asked: list[int] = []
    margins = Forest.margins
    monkeypatch.setattr(
        Forest, "margins", lambda *given, **said: asked.append(1) or margins(*given, **said)
    )
    again = trained.written(tmp_path / "again.parquet")
    assert len(asked) > 1, "one for the comparison, one for the rows"
    assert again.path.read_bytes() == whole.path.read_bytes()


def test_predictions_are_those_of_the_features_in_training(
    trained: Trained, tmp_path: Path
) -> None:
    day = trained.frame[trained.frame[PARTITION] == DAY.key]
    model = load_model(trained.model)
    then = pd.Series(model.predict(day).astype("float64"), index=day["visit_id"])
    made = read_table(trained.written(tmp_path / "a.parquet", batch=9).path)
    assert (made.set_index("visit_id")["score"].loc[then.index] == then).all()
    found = score(trained.usecase, trained.given, model=trained.model)
    names = [feature.name for feature in model.features]
    live = found.features.assign(visit_id=trained.given.rows()["visit_id"]).set_index("visit_id")
    own = day.set_index("visit_id")[names]
    pd.testing.assert_frame_equal(live.loc[own.index, names], own, check_exact=True)


def test_predictions_are_what_their_contract_says(trained: Trained, tmp_path: Path) -> None:
    dataset = predictions_dataset(trained.usecase.config)
    made = read_table(trained.written(tmp_path / "a.parquet").path)
    same = conform(made, dataset, usecase="toy", name=PREDICTIONS, partition=DAY.key)
    pd.testing.assert_frame_equal(made, same, check_exact=True)
    assert set(made["model_version"]) == {VERSION}
    assert set(made["partition"]) == {DAY.key}
    assert (made["decision"] == (made["score"] >= 0.5)).all()


def test_counts_are_those_of_the_whole_partition(trained: Trained, tmp_path: Path) -> None:
    scorer = trained.scorer()
    (found,) = scorer.batches()
    written = trained.written(tmp_path / "a.parquet", batch=7)
    assert written.counts == scorer.count(found)
    said = manifest(trained.usecase.config, written, model_version=VERSION)
    assert said["count"] == sum(said["decisions"].values()) == len(found.scores)
    assert sum(said["scores"]["score"]["counts"]) == len(found.scores)
    assert said["unseen"] == {}


def test_a_partition_without_rows_has_predictions_without_rows(
    trained: Trained, tmp_path: Path
) -> None:
    write_table(trained.given.rows().iloc[:0], tmp_path / "rows.parquet")
    written = trained.written(tmp_path / "a.parquet", file=tmp_path / "rows.parquet")
    assert (written.facts.rows, written.counts["rows"]) == (0, 0)
    made = read_table(written.path)
    dataset = predictions_dataset(trained.usecase.config)
    same = conform(made, dataset, usecase="toy", name=PREDICTIONS, partition=DAY.key)
    pd.testing.assert_frame_equal(made, same)


# --- guards


def test_features_that_look_at_the_rows_beside_are_refused(
    trained: Trained, tmp_path: Path
) -> None:
    code = """

_own = featurize


def featurize(rows, context):
    features = _own(rows, context)
    features["amount"] = rows["amount"].rank().astype("float32")
    return features
"""
    looking = trained.with_features(code, tmp_path / "model")
    with pytest.raises(DataError, match="depend on the other rows") as caught:
        looking.written(tmp_path / "a.parquet", batch=40)
    assert caught.value.found == "amount"
    assert "batches" in str(caught.value)


def test_feature_code_that_writes_into_what_it_is_given_changes_nothing(
    trained: Trained, tmp_path: Path
) -> None:
    code = """

_own = featurize


def featurize(rows, context):
    features = _own(rows, context)
    rows["amount"] = 0.0
    context["history"]["returned"] = 0.0
    context["climate"].drop(context["climate"].index, inplace=True)
    return features
"""
    writing = trained.with_features(code, tmp_path / "model")
    plain = trained.written(tmp_path / "a.parquet")
    assert writing.written(tmp_path / "b.parquet", batch=9).facts == plain.facts


def test_infinite_features_are_refused_and_their_rows_kept(
    trained: Trained, tmp_path: Path
) -> None:
    rows = trained.given.rows()
    rows.loc[[3, 50], "amount"] = np.inf
    write_table(rows, tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="infinite") as caught:
        trained.written(tmp_path / "out" / "a.parquet", file=tmp_path / "rows.parquet")
    assert caught.value.found == "amount in 2 row(s)"
    kept = read_table(tmp_path / "out" / REFUSED)
    assert kept["visit_id"].tolist() == rows["visit_id"].iloc[[3, 50]].tolist()
    assert not (tmp_path / "out" / "a.parquet").exists()


@pytest.mark.parametrize("wrong", [1.0000001, -0.25, np.nan, np.inf])
def test_scores_that_are_no_probabilities_are_refused_and_their_rows_kept(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    plain = Model.scores

    def off(model: Model, block: Any) -> Any:
        scores = plain(model, block).copy()
        scores[4] = wrong
        return scores

    monkeypatch.setattr(Model, "scores", off)
    with pytest.raises(DataError, match="not what its objective gives") as caught:
        trained.written(tmp_path / "out" / "a.parquet")
    assert str(caught.value.found).startswith("1 row(s)")
    kept = read_table(tmp_path / "out" / REFUSED)
    assert kept["visit_id"].tolist() == [trained.given.rows()["visit_id"][4]]
    assert not (tmp_path / "out" / "a.parquet").exists()


@pytest.mark.parametrize("damage", ["missing", "of another type"])
def test_rows_of_another_contract_are_refused(
    trained: Trained, tmp_path: Path, damage: str
) -> None:
    rows = trained.given.rows()
    changed = rows.drop(columns="items") if damage == "missing" else rows.astype({"items": "str"})
    write_table(changed, tmp_path / "rows.parquet")
    with pytest.raises(DataError) as caught:
        trained.written(tmp_path / "a.parquet", file=tmp_path / "rows.parquet")
    found = "items is missing" if damage == "missing" else "items string"
    assert (caught.value.found, caught.value.expected) == (found, "items int64")


def test_a_category_that_has_become_a_number_is_refused(trained: Trained, tmp_path: Path) -> None:
    code = """

_own = featurize


def featurize(rows, context):
    return _own(rows, context).assign(shop=1.0)
"""
    with pytest.raises(DataError, match="'shop' is a number; in training it was a category"):
        trained.with_features(code, tmp_path / "model").written(tmp_path / "a.parquet")


def _with_unseen(trained: Trained, folder: Path, *, rows: int) -> Path:
    changed = trained.given.rows()
    named = [f"new-{place}" for place in range(rows)]
    changed.loc[changed.index[:rows], "coupon"] = named
    write_table(changed, folder / "rows.parquet")
    return folder / "rows.parquet"


def test_categories_never_seen_are_scored_as_missing_and_counted(
    trained: Trained, tmp_path: Path
) -> None:
    file = _with_unseen(trained, tmp_path, rows=8)
    written = trained.written(tmp_path / "a.parquet", file=file, batch=7)
    nothing = trained.given.rows()
    nothing.loc[nothing.index[:8], "coupon"] = None
    write_table(nothing, tmp_path / "nothing.parquet")
    missing = trained.written(tmp_path / "b.parquet", file=tmp_path / "nothing.parquet")
    assert written.facts == missing.facts
    said = manifest(trained.usecase.config, written, model_version=VERSION)["unseen"]["coupon"]
    assert (said["rows"], said["categories"], len(said["most"])) == (8, 8, 5)


def test_too_many_rows_of_categories_never_seen_are_refused(
    trained: Trained, tmp_path: Path
) -> None:
    file = _with_unseen(trained, tmp_path, rows=8)
    allowed = trained.saying(unseen={"refuse_above": 0.1})
    assert allowed.written(tmp_path / "a.parquet", file=file).unseen["coupon"]["new-3"] == 1
    tight = trained.saying(unseen={"refuse_above": 0.05})
    with pytest.raises(DataError, match="never saw") as caught:
        tight.written(tmp_path / "b.parquet", file=file, batch=7)
    assert "coupon: 10.00%, 'new-0'" in str(caught.value.found)
    assert "and 3 more" in str(caught.value.found)
    assert not (tmp_path / "b.parquet").exists()


def test_a_prediction_short_and_a_key_that_repeats_are_refused(
    trained: Trained, tmp_path: Path
) -> None:
    config = trained.usecase.config
    written = trained.written(tmp_path / "a.parquet")
    expected: Any = {"partition": DAY, "rows": 80, "folder": tmp_path}
    expect_contract(written, config, **expected)
    short = replace(written, facts=replace(written.facts, rows=79))
    with pytest.raises(IntegrityError, match="one prediction for each row"):
        expect_contract(short, config, **expected)
    rows = trained.given.rows()
    rows.loc[4, "visit_id"] = rows.loc[60, "visit_id"]
    write_table(rows, tmp_path / "rows.parquet")
    twice = trained.written(tmp_path / "b.parquet", file=tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="occur more than once"):
        expect_contract(twice, config, **expected)
