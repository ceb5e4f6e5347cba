"""Scoring over the synthetic use case: batches never change what is said, guards say why not."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.frames import read_frame
from laurel.adapters.tables import conform, read_table, write_table
from laurel.adapters.xgboost import load_model
from laurel.domain.config import PREDICTIONS, Scoring
from laurel.domain.history import KNOWN_AT, PARTITION
from laurel.domain.partition import Partition
from laurel.errors import DataError, IntegrityError
from laurel.stages.assemble import assemble
from laurel.stages.featurize import featurize
from laurel.stages.predictions import (
    Written,
    expect_contract,
    manifest,
    predictions_dataset,
    write_predictions,
)
from laurel.stages.score import Given, Scorer, score, with_text
from laurel.stages.tally import REFUSED
from laurel.stages.train import train
from laurel.usecase import UseCase
from support.sample import read_days
from support.synthetic import lay_window, load_toy

DAY = Partition.of("2024-02-06")
VERSION = "toy-20240212-1a2b3c4d"


@dataclass(frozen=True)
class Trained:
    """The use case, what a day is scored from, and the model that a training made."""

    usecase: UseCase
    given: Given
    model: Path
    frame: pd.DataFrame
    """The training frame."""

    def scorer(self, **changed: Any) -> Scorer:
        return Scorer(self.usecase, replace(self.given, **changed), model=self.model)

    def written(self, path: Path, *, batch: int = 131_072, **changed: Any) -> Written:
        return write_predictions(self.scorer(**changed), path, model_version=VERSION, batch=batch)

    def saying(self, **scoring: Any) -> Trained:
        """With other rules of scoring."""
        config = self.usecase.config
        said = Scoring(**{**config.scoring.model_dump(), **scoring})
        changed = config.model_copy(update={"scoring": said})
        return replace(self, usecase=replace(self.usecase, config=changed))

    def with_features(self, code: str, folder: Path) -> Trained:
        """With other feature code in the model's folder."""
        shutil.copytree(self.model, folder)
        file = folder / "features.py"
        file.write_text(file.read_text() + code)
        return replace(self, model=folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("score")
    usecase = load_toy(folder)
    lay_window(usecase, folder)
    assemble(usecase, folder)
    featurize(usecase, folder)
    train(usecase, folder, threads=1)
    data = folder / "data" / usecase.name
    return Trained(usecase, _given(usecase, folder), data / "model", read_frame(data))


def _given(usecase: UseCase, folder: Path) -> Given:
    config = usecase.config
    tables = {name: read_days(usecase, name, 12, DAY) for name in config.datasets}
    every, labels = tables[config.rows_name], tables[config.labels_name]
    rows = every[every[PARTITION] == DAY.key][list(config.rows.columns)]
    file = folder / "rows.parquet"
    name = config.rows_name
    write_table(conform(rows, config.rows, usecase="toy", name=name), file)
    before = every[every[PARTITION] < DAY.key]
    return Given(
        partition=DAY,
        file=file,
        past_rows=before.drop(columns=KNOWN_AT).reset_index(drop=True),
        labels=labels.drop(columns=PARTITION),
        context={each: tables[each] for each in config.context_names},
    )


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
