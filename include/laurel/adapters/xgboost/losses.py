"""The nanny of a regression: small trees that say how wrong a model will be on a row.

They learn, from rows that the model did not learn from, how far it was off; on a night without
labels the mean of what they say is the loss to be expected. Kept beside the model as ``loss.ubj``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray

from laurel.adapters.xgboost.encoding import Feature, matrix_input
from laurel.domain.featureset import Part
from laurel.domain.losses import LOSSES, Floats, losses_of

LOSS = "loss.ubj"
NAMES = "losses"
PREDICTED = "prediction"
PARAMS: dict[str, Any] = {
    "objective": "reg:squarederror",
    "tree_method": "hist",
    "device": "cpu",
    "max_depth": 4,
    "eta": 0.1,
    "min_child_weight": 20,
    "seed": 7,
    "verbosity": 0,
}
ROUNDS = 60
THREADS = 1
LEAST = 200
"""Rows with fewer of which nothing is learned."""


def fit_losses(
    unseen: Part, scores: NDArray[Any], features: tuple[Feature, ...], *, objective: str
) -> bytes | None:
    """Learn how wrong scores are; ``None`` where the objective has no losses, or rows are few.

    unseen: rows that the model did not learn from, with their labels; scores: the model's. Equal
    rows give equal bytes.

    Source: direct loss estimation, NannyML's documentation, 2022.
    """
    names = LOSSES.get(objective, ())
    if not names or len(unseen.labels) < LEAST:
        return None
    found = losses_of(names, np.asarray(unseen.labels, np.float64), scores.astype(np.float64))
    targets = np.column_stack([found[name] for name in names])
    matrix = _matrix(unseen.features, scores, features, label=targets)
    params = {**PARAMS, "nthread": THREADS}
    booster = xgboost.train(params, matrix, num_boost_round=ROUNDS)
    booster.set_attr(**{NAMES: json.dumps(list(names))})
    return bytes(booster.save_raw(raw_format="ubj"))


def expect_losses(
    folder: Path, frame: pd.DataFrame, scores: NDArray[Any], features: tuple[Feature, ...]
) -> Mapping[str, Floats]:
    """The losses to be expected of each row, by name; none where the model has no nanny."""
    file = folder / LOSS
    if not file.is_file():
        return {}
    booster = xgboost.Booster({"nthread": THREADS})
    booster.load_model(bytearray(file.read_bytes()))
    names = json.loads(booster.attr(NAMES) or "[]")
    if not len(frame):
        return {name: np.empty(0) for name in names}
    said = booster.predict(_matrix(frame, scores, features)).reshape(len(frame), len(names))
    # no loss is below zero, though a sum of trees may be
    return {name: np.maximum(said[:, n].astype(np.float64), 0.0) for n, name in enumerate(names)}


def _matrix(
    frame: pd.DataFrame,
    scores: NDArray[Any],
    features: tuple[Feature, ...],
    *,
    label: NDArray[np.float64] | None = None,
) -> xgboost.DMatrix:
    given = matrix_input(frame, features)
    data = np.column_stack([given["data"], scores.astype(np.float32)])
    return xgboost.DMatrix(
        data,
        label=label,
        feature_names=[*given["feature_names"], PREDICTED],
        feature_types=[*given["feature_types"], "q"],
        enable_categorical=True,
        nthread=THREADS,
    )
