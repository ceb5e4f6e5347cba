"""Compiled trees say what XGBoost says, to the last bit; where they would not, it is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray

from laurel.adapters.xgboost import Model, kernel
from laurel.adapters.xgboost import forest as forests
from laurel.adapters.xgboost import model as models
from laurel.adapters.xgboost.forest import flatten
from laurel.adapters.xgboost.kernel import add_trees

ROWS, FEATURES, LEVELS = 1500, 5, 90
KINDS = ["q", "q", "q", "c", "c"]
"""The last two are categories, one of them of more levels than a machine word has bits."""


def _rows(rows: int, seed: int) -> NDArray[np.float32]:
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, FEATURES)).astype("float32").round(2)
    values[:, 1] = draw.integers(0, 3, rows)
    values[:, 3] = draw.integers(0, 4, rows)
    values[:, 4] = draw.integers(0, LEVELS, rows)
    values[draw.random(values.shape) < 0.15] = np.nan
    return values


def _booster(rounds: int = 12, **params: Any) -> xgboost.Booster:
    values = _rows(ROWS, 1)
    draw = np.random.default_rng(2)
    signal = np.nan_to_num(values[:, 0]) + np.sin(np.nan_to_num(values[:, 4])) > 0.2
    target = (signal + draw.integers(0, 2, ROWS)).astype("float32")
    if params.get("objective", "binary:logistic") == "binary:logistic":
        target = np.minimum(target, 1)
    if params.get("objective") == "reg:gamma":
        target += 1
    matrix = xgboost.DMatrix(values, target, feature_types=KINDS, enable_categorical=True)
    given = {"objective": "binary:logistic", "nthread": 1, "seed": 3, **params}
    return xgboost.train(given, matrix, rounds)


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loops as they stand, without the compiler: depths would take a second each."""
    monkeypatch.setattr(forests, "compiled", add_trees)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("depth", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("growth", ["depthwise", "lossguide"])
def test_trees_of_every_depth_end_in_the_leaf_that_xgboost_ends_in(depth: int, growth: str) -> None:
    booster = _booster(max_depth=depth, grow_policy=growth, max_cat_to_onehot=3, max_leaves=40)
    forest = flatten(booster)
    assert forest is not None
    assert forest.depth == depth
    values = _rows(70, 5)
    theirs = booster.inplace_predict(values, predict_type="margin", validate_features=False)
    ours = forest.margins(values, None, threads=1)
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize(
    "objective",
    [
        "binary:logistic",
        "multi:softprob",
        "reg:squarederror",
        "count:poisson",
        "reg:gamma",
        "reg:tweedie",
        "reg:absoluteerror",
    ],
)
@pytest.mark.parametrize("based", [False, True])
def test_every_objective_makes_the_scores_of_its_own_margins(objective: str, based: bool) -> None:
    classes = {"num_class": 3} if objective.startswith("multi") else {}
    booster = _booster(objective=objective, max_depth=3, rounds=5, **classes)
    forest = flatten(booster)
    assert forest is not None
    values = _rows(90, 6)
    shape = (90, 3) if classes else (90,)
    base = np.random.default_rng(0).normal(size=shape).astype("float32") if based else None
    theirs = booster.inplace_predict(values, base_margin=base, validate_features=False)
    margins = forest.margins(values, base, threads=1)
    assert margins.shape == shape
    assert forest.scores(margins).tobytes() == theirs.tobytes()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_machine_code_says_the_same_with_any_number_of_threads(threads: int) -> None:
    booster = _booster(max_depth=6, rounds=40)
    forest = flatten(booster)
    assert forest is not None
    values = np.asfortranarray(_rows(13_001, 7))
    theirs = booster.inplace_predict(values, predict_type="margin", validate_features=False)
    assert forest.margins(values, None, threads=threads).tobytes() == theirs.tobytes()


@pytest.mark.usefixtures("interpreted")
def test_a_forest_in_which_one_leaf_is_wrong_is_found_out() -> None:
    booster = _booster(max_depth=3, rounds=3)
    forest = flatten(booster)
    assert forest is not None
    assert forest.agrees_with(booster)
    leaves = forest.leaves.copy()
    leaves[1] += np.float32(1e-6)
    assert not replace(forest, leaves=leaves).agrees_with(booster)


def test_trees_that_are_too_deep_or_weighed_are_left_to_xgboost() -> None:
    assert flatten(_booster(max_depth=forests.DEEPEST + 3, min_child_weight=0)) is None
    assert flatten(_booster(booster="dart", rate_drop=0.3)) is None
    assert flatten(_booster(multi_strategy="one_output_per_tree", max_depth=2)) is not None


def test_sets_of_categories_that_would_fill_the_memory_are_left_to_xgboost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    booster = _booster(max_depth=4)
    monkeypatch.setattr(forests, "TABLE", 50)
    assert flatten(booster) is None


@pytest.mark.usefixtures("interpreted")
def test_trees_are_compiled_for_many_rows_and_many_trees_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Model(_booster(max_depth=2, rounds=10), (), {})
    monkeypatch.setattr(models, "MANY_ROWS", 100)
    monkeypatch.setattr(models, "MANY_TREES", 11)
    assert model.for_rows(100).forest is None
    monkeypatch.setattr(models, "MANY_TREES", 10)
    assert model.for_rows(99).forest is None
    assert model.for_rows(100).forest is not None


@pytest.mark.usefixtures("interpreted")
def test_trees_that_differ_from_xgboost_are_not_used_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = Model(_booster(max_depth=2, rounds=4), (), {})
    monkeypatch.setattr(models, "MANY_ROWS", 0)
    monkeypatch.setattr(models, "MANY_TREES", 0)
    walks = kernel.walks
    monkeypatch.setattr(kernel, "walks", lambda depth: _lost(walks(depth)))
    assert model.for_rows(1).forest is None
    assert "differ from XGBoost" in caplog.text


def _lost(walk: kernel.Loop) -> kernel.Loop:
    """A walk after which the last row has nothing added."""

    def short(nodes: Any, values: Any, codes: Any, width: Any, out: Any) -> None:
        walk(nodes, values, codes, width, out[:-1])

    return short
