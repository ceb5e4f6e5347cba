"""The classifier of the two-sample test: small trees that try to tell two windows apart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray

from laurel.adapters.xgboost.encoding import Feature, describe, matrix_input
from laurel.domain.separation import Separation, area_of, p_value_of

PARAMS = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "device": "cpu",
    "max_depth": 3,
    "eta": 0.2,
    "min_child_weight": 5,
    "nthread": 1,
    "seed": 7,
    "verbosity": 0,
}
ROUNDS = 30
FOLDS = 2
LEAST = 50
"""Rows on either side with fewer of which nothing is said."""
NAMED = 10


def separate(reference: pd.DataFrame, current: pd.DataFrame) -> Separation:
    """Fit small trees to half of the rows of both windows and ask them about the other half.

    Columns of either frame alone are left out. Equal frames give equal results, on any number of
    cores.
    """
    columns = sorted(set(reference.columns) & set(current.columns))
    constant = tuple(
        name
        for name in columns
        if current[name].nunique(dropna=False) == 1 and reference[name].nunique(dropna=False) > 1
    )
    used = [name for name in columns if name not in constant]
    sizes = {"reference_rows": len(reference), "rows": len(current)}
    if min(len(reference), len(current)) < LEAST or not used:
        return Separation(math.nan, math.nan, features={}, constant=constant, **sizes)
    frame = pd.concat([reference[used], current[used]], ignore_index=True)
    labels = np.repeat([0, 1], [len(reference), len(current)])
    area, p_value, gains = _cross_fit(frame, labels)
    total = sum(gains.values())
    first = sorted(gains, key=lambda name: (-gains[name], name))[:NAMED]
    shares = {name: gains[name] / total for name in first}
    return Separation(area, p_value, features=shares, constant=constant, **sizes)


def _cross_fit(frame: pd.DataFrame, labels: NDArray[Any]) -> tuple[float, float, dict[str, float]]:
    features = describe(frame)
    order = np.random.default_rng(7).permutation(len(labels))
    fold = np.empty(len(labels), int)
    for side in (0, 1):
        own = order[labels[order] == side]
        fold[own] = np.arange(len(own)) % FOLDS
    share = labels.mean()
    weights = np.where(labels == 1, 0.5 / share, 0.5 / (1 - share))
    gains: Counter[str] = Counter()
    areas = []
    for number in range(FOLDS):
        held = fold == number
        kept = _matrix(frame[~held], features, labels=labels[~held], weights=weights[~held])
        booster = xgboost.train(PARAMS, kept, num_boost_round=ROUNDS)
        said = np.asarray(booster.predict(_matrix(frame[held], features)), np.float64)
        areas.append(area_of(said[labels[held] == 1], said[labels[held] == 0]))
        gains.update(booster.get_score(importance_type="total_gain"))
    return (*p_value_of(areas), dict(gains))


def _matrix(frame: pd.DataFrame, features: Sequence[Feature], **given: Any) -> xgboost.DMatrix:
    # one thread: for so few rows, waiting for others costs more than they save
    said = matrix_input(frame, features, **given)
    return xgboost.DMatrix(**said, enable_categorical=True, nthread=1)
