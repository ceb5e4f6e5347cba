"""The stage ``explain``: contributions that add up, in the same bytes everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.adapters.frames import read_frame
from laurel.adapters.xgboost import Model, load_model
from laurel.adapters.xgboost.contributions import contributions, importance, tree_count
from laurel.adapters.xgboost.encoding import to_matrix
from laurel.domain.explanation import evenly, rank_importance, summarise, unseen_levels
from laurel.errors import IntegrityError
from laurel.stages.assemble import assemble
from laurel.stages.explain import explain
from laurel.stages.featurize import featurize
from laurel.stages.train import train
from laurel.usecase import UseCase
from support.synthetic import lay_window, load_toy


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def trained(toy: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of a run whose model is trained and explained."""
    folder = tmp_path_factory.mktemp("trained")
    lay_window(toy, folder)
    assemble(toy, folder)
    featurize(toy, folder)
    train(toy, folder, threads=1)
    explain(toy, folder)
    return folder


def document(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "data/toy/explanation" / name).read_text())
    return found


def loaded(folder: Path) -> tuple[Model, pd.DataFrame]:
    model = load_model(folder / "data/toy/model")
    holdout = read_frame(folder / "data/toy", ("holdout",))
    return model, holdout[[feature.name for feature in model.features]]


def margins(model: Model, features: pd.DataFrame) -> np.ndarray[Any, Any]:
    found = model.booster.predict(to_matrix(features, model.features), output_margin=True)
    return np.asarray(found, np.float64)


def test_contributions_add_up_to_the_margin_of_every_hold_out_row(trained: Path) -> None:
    model, features = loaded(trained)
    sums = contributions(model, features)[:, 0, :].sum(axis=1, dtype=np.float64)
    np.testing.assert_allclose(sums, margins(model, features), rtol=0, atol=5e-6)


def test_contributions_are_the_same_bits_for_any_number_of_threads(trained: Path) -> None:
    model, features = loaded(trained)
    found = []
    for threads in (1, 2, 3, 8):
        model.booster.set_param({"nthread": threads})
        found.append(contributions(model, features).tobytes())
    assert len(set(found)) == 1


def test_a_row_has_the_same_contributions_alone_and_among_others(trained: Path) -> None:
    model, features = loaded(trained)
    among = contributions(model, features)
    for place in (0, 17, len(features) - 1):
        alone = contributions(model, features.iloc[[place]])
        assert (alone[0] == among[place]).all()


def test_contributions_that_do_not_add_up_are_refused(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, features = loaded(trained)
    predict = model.booster.predict

    def bent(matrix: Any, **kinds: bool) -> Any:
        return predict(matrix, **kinds) + (0.01 if kinds.get("output_margin") else 0)

    monkeypatch.setattr(model.booster, "predict", bent)
    with pytest.raises(IntegrityError, match="do not add up"):
        contributions(model, features)


def test_the_explanation_is_the_same_bytes_when_made_again(toy: UseCase, trained: Path) -> None:
    folder = trained / "data/toy/explanation"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(before) == ["contributions.json", "scores.json"]
    explain(toy, trained)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_importance_is_that_of_the_trees_and_ordered_by_gain(trained: Path) -> None:
    model, _ = loaded(trained)
    found = document(trained, "contributions.json")["importance"]
    totals = [each["total_gain"] for each in found]
    assert totals == sorted(totals, reverse=True)
    assert sum(each["gain_share"] for each in found) == pytest.approx(1, abs=1e-5)
    splits = model.booster.get_score(importance_type="weight")
    assert {each["name"]: each["weight"] for each in found if each["weight"]} == splits


def test_the_summary_is_of_the_very_contributions(trained: Path) -> None:
    model, features = loaded(trained)
    found = document(trained, "contributions.json")
    assert found["sample_rows"] == found["holdout_rows"] == len(features)
    values = contributions(model, features)[:, 0, :]
    (output,) = found["outputs"]
    assert output["base"] == pytest.approx(float(values[0, -1]), rel=1e-5)
    names = [feature.name for feature in model.features]
    for each in output["features"]:
        own = values[:, names.index(each["name"])].astype(np.float64)
        assert each["mean_abs"] == pytest.approx(np.abs(own).mean(), rel=1e-5)
        missing = each["missing"]["rows"] if each["missing"] else 0
        assert sum(part["rows"] for part in each["bins"]) + missing == len(features)


def test_the_amount_that_raises_returns_is_said_to_raise_the_score(trained: Path) -> None:
    (output,) = document(trained, "contributions.json")["outputs"]
    amount = next(each for each in output["features"] if each["name"] == "amount")
    assert amount["direction"] > 0.8
    means = [part["mean"] for part in amount["bins"]]
    assert means[0] < 0 < means[-1]


def test_scores_are_counted_once_each_and_so_are_labels(trained: Path) -> None:
    found = document(trained, "scores.json")
    labels = read_frame(trained / "data/toy", ("holdout",))["label"]
    (curve,) = found["curves"]
    assert found["rows"] == sum(curve["histogram"]["rows"]) == len(labels)
    assert sum(curve["histogram"]["positive"]) == int(labels.sum())
    assert sum(point["rows"] for point in curve["points"]) == len(labels)
    assert all(point["low"] <= point["observed"] <= point["high"] for point in curve["points"])
    assert found["labels"]["counts"] == {"0": int((labels == 0).sum()), "1": int(labels.sum())}


def test_a_feature_that_no_tree_asks_is_listed_as_without_gain(trained: Path) -> None:
    model, _ = loaded(trained)
    trees = importance(model)
    idle = sorted(name for name, each in trees.items() if not each["weight"])
    assert document(trained, "contributions.json")["without_gain"] == idle
    none = dict.fromkeys(("gain", "total_gain", "weight", "cover", "total_cover"), 0.0)
    ranked = {each["name"]: each for each in rank_importance({**trees, "idle": none})}
    assert (ranked["idle"]["gain_share"], ranked["idle"]["weight"]) == (0, 0)


def test_the_trees_are_counted(trained: Path) -> None:
    model, _ = loaded(trained)
    assert tree_count(model) == model.booster.num_boosted_rounds()


def test_values_of_a_feature_that_names_a_person_are_kept_nowhere() -> None:
    rows = pd.DataFrame({"surname": ["Doe", "Roe", "Poe"], "age": [1.0, 2.0, 3.0]})
    values = np.ones((3, 1, 3))
    found = summarise(rows, values, hidden=frozenset({"surname", "age"}))
    assert [each["bins"] for each in found[0]["features"]] == [[], []]
    unseen = unseen_levels(rows, {"surname": ["Doe"]}, hidden=frozenset({"surname"}))
    assert unseen == {"surname": {"rows": 2, "levels": 2, "examples": []}}
    assert "Roe" not in json.dumps([found, unseen])


def test_every_output_has_a_summary_of_its_own() -> None:
    rows = pd.DataFrame({"x": [1.0, 2.0], "kind": ["a", None]})
    values = np.array([[[1.0, 0.0, 9.0], [0.0, 2.0, 8.0]]] * 2)
    one, two = summarise(rows, values, outputs=["no", "yes"])
    assert (one["output"], one["base"], one["features"][0]["name"]) == ("no", 9.0, "x")
    assert (two["output"], two["base"], two["features"][0]["name"]) == ("yes", 8.0, "kind")
    assert two["features"][0]["missing"]["rows"] == 1


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(0, 10_000), count=st.integers(0, 3_000))
def test_an_even_sample_has_each_row_once_in_order_and_no_gap_wider_than_needed(
    rows: int, count: int
) -> None:
    found = evenly(rows, count)
    assert len(found) == min(rows, count)
    assert (np.diff(found) > 0).all()
    if len(found) > 1:
        assert found[0] == 0
        assert np.diff(found).max() - np.diff(found).min() <= 1


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=60),
    seed=st.integers(0, 99),
)
def test_every_row_is_in_one_bin_whatever_the_values(values: list[float | None], seed: int) -> None:
    rows = pd.DataFrame({"x": pd.Series(values, dtype="float32")})
    drawn = np.random.default_rng(seed).normal(size=(len(rows), 1, 2))
    (each,) = summarise(rows, drawn)[0]["features"]
    missing = each["missing"]["rows"] if each["missing"] else 0
    assert sum(part["rows"] for part in each["bins"]) + missing == len(rows)
    assert all(a["high"] <= b["low"] for a, b in zip(each["bins"], each["bins"][1:], strict=False))
