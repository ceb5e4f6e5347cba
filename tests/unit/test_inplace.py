"""Scores of a block of float32 are, to the last bit, what XGBoost says of a matrix of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xgboost

from laurel.adapters.xgboost import Feature, Model, fit
from laurel.adapters.xgboost.encoding import encode_block
from laurel.adapters.xgboost.forest import flatten
from laurel.domain.config import Label
from laurel.domain.config import Model as ModelConfig
from laurel.domain.featureset import EXPOSURE, Part
from laurel.domain.objective import Numbers, find_objective

ROWS, LEVELS = 4000, 40
LABELS = {
    "binary": Label(column="y"),
    "multiclass": Label(column="y", objective="multiclass", classes=(0, 1, 2)),
    "regression": Label(column="y", objective="regression"),
    "count": Label(column="y", objective="count", exposure="hours"),
}


def _features(rows: int, *, seed: int) -> pd.DataFrame:
    """Numbers with gaps, a category of few levels and one of many, and an exposure."""
    draw = np.random.default_rng(seed)
    numbers = draw.normal(size=(rows, 5)).astype("float32")
    numbers[draw.random(numbers.shape) < 0.1] = np.nan
    frame = pd.DataFrame(numbers, columns=[f"n{place}" for place in range(5)])
    for name, levels in (("few", 3), ("many", LEVELS)):
        drawn = draw.integers(0, levels, rows)
        text = pd.Series([f"level-{level}" for level in drawn], dtype="str")
        frame[name] = text.mask(draw.random(rows) < 0.05)
    return frame.assign(**{EXPOSURE: draw.uniform(0.5, 3, rows).astype("float32")})


def _labels(name: str, frame: pd.DataFrame) -> Numbers:
    draw = np.random.default_rng(3)
    signal = frame["n0"].fillna(0).to_numpy() + frame["many"].str.len().fillna(0).to_numpy()
    if name == "regression":
        return np.asarray(signal + draw.normal(size=len(frame)), "float64")
    if name == "count":
        return draw.poisson(np.exp(0.3 * frame["n0"].fillna(0))).astype("float64")
    classes = 3 if name == "multiclass" else 2
    return np.asarray((signal > 8).astype(int) + draw.integers(0, classes - 1, len(frame)), "float")


@pytest.fixture(scope="module", params=["XGBoost", "compiled"])
def model(request: pytest.FixtureRequest, learned: Model) -> Model:
    """Once with XGBoost's own walk down the trees, once with machine code."""
    if request.param == "XGBoost":
        return learned
    forest = flatten(learned.booster)
    assert forest is not None
    return replace(learned, forest=forest)


@pytest.fixture(scope="module", params=sorted(LABELS))
def learned(request: pytest.FixtureRequest) -> Model:
    objective = find_objective(LABELS[request.param])
    frame = _features(ROWS, seed=1)
    part = Part(frame, _labels(request.param, frame))
    config = ModelConfig(params={"max_depth": 6}, rounds=60, early_stopping_rounds=60)
    return fit(part, part, config, objective=objective, threads=1)


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 3000])
@pytest.mark.parametrize("margin", [False, True])
def test_scores_equal_those_of_xgboosts_own_matrix_bit_for_bit(
    model: Model, rows: int, margin: bool
) -> None:
    frame = _features(rows, seed=7)
    frame.loc[frame.index[::9], "many"] = "never seen"
    own = model.margin(frame) if margin else model.raw(frame)
    theirs = model.booster.predict(model.matrix(frame), output_margin=margin)
    assert own.dtype == theirs.dtype == np.float32
    assert np.array_equal(own.view("uint32"), theirs.view("uint32"))


def test_scores_equal_those_of_a_data_frame_with_pandas_categories(model: Model) -> None:
    frame = _features(500, seed=8)
    columns = {
        each.name: frame[each.name]
        if each.levels is None
        else pd.Series(pd.Categorical(frame[each.name], categories=list(each.levels))).cat.codes
        for each in model.features
    }
    table = pd.DataFrame(columns).astype("float32").replace(-1.0, np.nan)
    for name in ("n0", "n1", "n2", "n3", "n4"):
        table[name] = frame[name]
    kinds = ["q" if each.levels is None else "c" for each in model.features]
    margins = model.block(frame).margins
    matrix = xgboost.DMatrix(
        table, base_margin=margins, feature_types=kinds, enable_categorical=True
    )
    assert np.array_equal(model.raw(frame), model.booster.predict(matrix))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_and_batches_never_change_a_bit(model: Model, threads: int) -> None:
    frame = _features(1500, seed=9)
    before = model.predict(frame)
    model.booster.set_param({"nthread": threads})
    assert np.array_equal(model.predict(frame), before)
    parts = [model.predict(frame.iloc[n : n + 7]) for n in range(0, len(frame), 7)]
    assert np.array_equal(np.concatenate(parts), before)


def test_text_and_categories_are_encoded_alike() -> None:
    feature = Feature("shop", ("east", "north"))
    text = pd.Series(["north", None, "west", "east"], dtype="str")
    category = pd.Series(pd.Categorical(text, categories=["west", "north", "east", "unused"]))
    wanted = np.array([1, np.nan, np.nan, 0], np.float32)
    for column in (text, category, text.astype("category"), text.astype("object")):
        assert np.array_equal(feature.encode(column), wanted, equal_nan=True)
        assert feature.unseen(column) == {"west": 1}
    block = encode_block(pd.DataFrame({"shop": text}), [feature])
    assert np.array_equal(block[:, 0], wanted, equal_nan=True)
    assert Feature("n").unseen(pd.Series([1.0])) == {}
