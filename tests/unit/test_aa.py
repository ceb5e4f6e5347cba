"""A/A: models between which nothing differs but chance replace each other no more often than said.

What the policy states is the confidence of its ``better`` threshold: 1 - confidence is the rate.
docs/gate.md says for which policies it holds.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from laurel.adapters.xgboost import fit
from laurel.domain.config import Gate, Model
from laurel.domain.evidence import measure
from laurel.domain.featureset import Part
from laurel.domain.gate import judge
from laurel.domain.objective import OBJECTIVES

BINARY = OBJECTIVES["binary"]
DATA_SETS, SEEDS = 8, 6
"""Ordered pairs of models: 8 x 6 x 5 = 240 replays."""


def policy(*thresholds: dict[str, Any], **words: Any) -> Gate:
    floor = {"kind": "at_least", "metric": "auc", "value": 0.5}
    said = {"thresholds": [floor, *thresholds], "minimum_rows": 200, "resamples": 100, **words}
    return Gate.model_validate(said)


def better(confidence: float, margin: float = 0.0) -> dict[str, Any]:
    return {"kind": "better", "metric": "auc", "margin": margin, "confidence": confidence}


def promoted(labels: Any, challenger: Any, champion: Any, gate: Gate, *, seed: int) -> bool:
    """Whether the gate promotes a challenger over a champion of a week before."""
    scores = pd.DataFrame(
        {
            "label": labels,
            "challenger": challenger,
            "champion": champion,
            "compared": True,
            "constant": np.mean(labels),
            "simple": challenger,
        }
    )
    facts = {
        "usecase": "toy",
        "as_of": "2024-02-19T00:00:00Z",
        "holdout": ("2024-02-11", "2024-02-17"),
        "champion": "toy-1",
        "champion_as_of": "2024-02-12T00:00:00Z",
        "trimmed": 0,
        "reload_identical": True,
    }
    return judge(measure(scores, gate, objective=BINARY, seed=seed, facts=facts), gate).promotes


def at_most(replays: int, rate: float) -> float:
    """How often chance alone may do it: the 99.9 % point of as many throws at that rate."""
    return float(stats.binom.ppf(0.999, replays, rate))


def test_equally_good_models_replace_each_other_no_more_often_than_stated() -> None:
    gate, found = policy(better(0.9)), 0
    for seed in range(240):
        draw = np.random.default_rng(seed)
        labels = (draw.random(500) < 0.3).astype(int)
        one, two = (
            1 / (1 + np.exp(0.9 - 1.2 * (labels - 0.3) - draw.normal(size=500))) for _ in range(2)
        )
        found += promoted(labels, one, two, gate, seed=seed)
    assert 0 < found <= at_most(240, 0.1)


@pytest.fixture(scope="module")
def trained() -> list[tuple[Any, list[Any]]]:
    """Of each data set the hold-out's labels, and what models of several seeds say of it."""
    found = []
    for number in range(DATA_SETS):
        train, validation, holdout = (
            drawn(3 * number + part, rows) for part, rows in enumerate((2000, 500, 1500))
        )
        models = [
            fit(train, validation, settings_of(seed), objective=BINARY, threads=1)
            for seed in range(SEEDS)
        ]
        found.append((holdout.labels, [model.predict(holdout.features) for model in models]))
    return found


def drawn(seed: int, rows: int) -> Part:
    draw = np.random.default_rng(seed)
    features = pd.DataFrame(draw.normal(size=(rows, 6)).astype("float32"), columns=list("abcdef"))
    pull = 0.8 * features["a"] + 0.5 * features["b"] * features["c"] + 0.3 * features["d"] - 1
    return Part(features, (draw.random(rows) < 1 / (1 + np.exp(-pull))).astype(int))


def settings_of(seed: int) -> Model:
    params = {"max_depth": 3, "eta": 0.2, "subsample": 0.7, "colsample_bytree": 0.7}
    return Model(params=params, rounds=40, seed=seed)


def share(trained: list[tuple[Any, list[Any]]], gate: Gate) -> float:
    """The share of ordered pairs of models of one data set in which the first is promoted."""
    pairs = [
        promoted(labels, one, two, gate, seed=number)
        for number, (labels, scores) in enumerate(trained)
        for one, two in permutations(scores, 2)
    ]
    assert len(pairs) == 30 * len(trained)
    return float(np.mean(pairs))


@pytest.mark.slow
def test_models_of_other_seeds_replace_each_other_no_more_often_than_stated(
    trained: list[tuple[Any, list[Any]]],
) -> None:
    """The margin is what seeds alone do: models of two seeds lie 0.0057 of AUC apart (a standard
    deviation), the hold-out's own noise is 0.0063, and 1.64 (√(0.0057² + 0.0063²) - 0.0063) is
    0.0036. A margin of nothing leaves 7 to 8 of a hundred."""
    assert len(trained) == DATA_SETS
    assert share(trained, policy(better(0.95, margin=0.004))) <= 0.05


@pytest.mark.slow
def test_where_an_equal_model_may_take_over_seeds_replace_each_other_as_often_as_not(
    trained: list[tuple[Any, list[Any]]],
) -> None:
    """So it is said openly: a policy that refreshes asks for no gain."""
    not_worse = {"kind": "not_worse", "metric": "auc", "margin": 0.03, "confidence": 0.95}
    some = trained[:1]
    assert share(some, policy(not_worse)) == 0
    assert share(some, policy(not_worse, refresh_after_days=7)) > 0.9
    assert share(some, policy(not_worse, better(0.95, 0.004), refresh_after_days=14)) < 0.2
