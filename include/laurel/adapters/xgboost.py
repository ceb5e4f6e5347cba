"""XGBoost: fit on histograms on the CPU, save as UBJ, load, predict; equal rows give equal bytes.

A model version is a folder: ``model.ubj`` (the trees), ``model.json`` (what is needed to use them
and how they came about), ``features.py`` (the feature code they were trained with) and
``profile.json``.

Categories are given to XGBoost as numbers of the levels in ``model.json``, seen in the train days
alone; a level that was not seen there is missing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray

from laurel.adapters.documents import read_json
from laurel.domain.config import Model as ModelConfig
from laurel.domain.featureset import Featurizer
from laurel.domain.metric import METRICS, Metric
from laurel.errors import ConfigError, DataError, IntegrityError, NotFound
from laurel.usecase import load_module

MODEL, ABOUT, FEATURES, PROFILE = "model.ubj", "model.json", "features.py", "profile.json"

FIXED = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "device": "cpu",
    "disable_default_eval_metric": True,
    "verbosity": 0,
}
"""Parameters that a use case cannot set."""
OWN = (*FIXED, "seed", "random_state", "nthread", "n_jobs", "eval_metric")
CELLS_PER_THREAD = 2_000_000
STOPPING: Metric = METRICS["log_loss"]
"""What early stopping watches. Computed here and not by XGBoost, whose sum over rows depends on
the number of threads in its last digits."""

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Feature:
    """One column a model reads: a number, or a category with the levels it knows."""

    name: str
    levels: tuple[str, ...] | None = None

    def encode(self, column: pd.Series[Any]) -> Scores:
        """The column as XGBoost reads it: float32, nan where missing or not known."""
        if self.levels is None:
            return _numbers(column)
        codes = pd.Index(self.levels, dtype="str").get_indexer(pd.Index(column.astype("str")))
        return np.where(codes < 0, np.nan, codes).astype(np.float32)

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        if self.levels is None:
            return {"name": self.name, "kind": "number"}
        return {"name": self.name, "kind": "category", "levels": list(self.levels)}


@dataclass(frozen=True)
class Model:
    """A trained model: its trees, the columns it reads, and what ``model.json`` says of it."""

    booster: xgboost.Booster
    features: tuple[Feature, ...]
    about: Mapping[str, Any]

    def predict(self, features: pd.DataFrame) -> Scores:
        """The probability of a positive outcome for each row, in the order of the rows.

        Raises :class:`DataError` for columns that are missing or of another kind.
        """
        if not len(features):
            return np.empty(0, np.float32)
        scores: Scores = self.booster.predict(_matrix(features, self.features))
        return scores


def fit(
    train: tuple[pd.DataFrame, NDArray[Any]],
    validation: tuple[pd.DataFrame, NDArray[Any]],
    config: ModelConfig,
    *,
    threads: int | None = None,
) -> Model:
    """Fit on ``train`` until the log loss of ``validation`` has stopped falling.

    Each pair is features of shape (rows, columns) and labels (0 or 1) of shape (rows,). The
    number of threads changes the time and nothing else; left out, it grows with the data up to all
    cores. Raises :class:`ConfigError` for parameters that are not the use case's to set, or that
    XGBoost refuses.
    """
    features = _describe(train[0])
    matrices = [_matrix(part, features, labels) for part, labels in (train, validation)]
    stopping = xgboost.callback.EarlyStopping(
        rounds=config.early_stopping_rounds,
        metric_name=STOPPING.name,
        data_name="validation",
        maximize=STOPPING.bigger_is_better,
        save_best=True,
    )
    try:
        booster = xgboost.train(
            _params(config, threads or _threads_for(train[0])),
            matrices[0],
            num_boost_round=config.rounds,
            evals=[(matrices[1], "validation")],
            custom_metric=_watch,
            callbacks=[stopping],
            verbose_eval=False,
        )
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise ConfigError(
            "XGBoost refused to train",
            found=str(error).splitlines()[-1][:200],
            hint="look at training.model.params",
        ) from error
    best = booster.num_boosted_rounds() - 1
    booster.set_attr(best_iteration=None, best_score=None)
    return Model(booster=booster, features=features, about={"best_iteration": best})


def model_bytes(model: Model) -> bytes:
    """The trees as UBJ."""
    return bytes(model.booster.save_raw(raw_format="ubj"))


def load_model(folder: Path) -> Model:
    """Load a model version's folder; raises :class:`NotFound` or :class:`IntegrityError`."""
    file = folder / MODEL
    if not file.is_file():
        raise NotFound("a model's file is missing", found=str(file))
    about = read_json(folder / ABOUT)
    booster = xgboost.Booster({"nthread": cores()})
    try:
        booster.load_model(bytearray(file.read_bytes()))
        features = tuple(_feature(document) for document in about["features"])
    except (xgboost.core.XGBoostError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError(
            "this is not a whole model",
            found=f"{type(error).__name__}: {str(error).splitlines()[0][:200]}",
            detail=str(folder),
        ) from error
    return Model(booster=booster, features=features, about=about)


def load_features(folder: Path) -> Featurizer:
    """The feature code of a model's own version: ``featurize(rows, context)``."""
    usecase = str(read_json(folder / ABOUT)["usecase"])
    featurizer: Featurizer = load_module(folder / FEATURES, usecase=usecase).featurize
    return featurizer


def scores_digest(scores: Scores) -> str:
    """SHA-256 of scores as little-endian float32: equal where two models say exactly the same."""
    return hashlib.sha256(np.ascontiguousarray(scores, "<f4").tobytes()).hexdigest()


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))


def _threads_for(frame: pd.DataFrame) -> int:
    # threads wait for each other in each round: on a machine with other work, few rows are
    # learned from many times slower by two threads than by one
    return max(1, min(cores(), frame.size // CELLS_PER_THREAD))


def _params(config: ModelConfig, threads: int) -> dict[str, Any]:
    taken = sorted(set(config.params) & set(OWN))
    if taken:
        raise ConfigError(
            "these parameters are not the use case's to set",
            found=", ".join(taken),
            hint="seed and rounds have keys of their own; the others are fixed",
        )
    return {**config.params, **FIXED, "seed": config.seed, "nthread": threads}


def _watch(scores: NDArray[Any], matrix: xgboost.DMatrix) -> tuple[str, float]:
    return STOPPING.name, STOPPING(matrix.get_label(), scores)


def _describe(train: pd.DataFrame) -> tuple[Feature, ...]:
    return tuple(
        Feature(str(name))
        if pd.api.types.is_numeric_dtype(train[name].dtype)
        else Feature(str(name), tuple(sorted(train[name].dropna().astype("str").unique())))
        for name in train.columns
    )


def _feature(document: Mapping[str, Any]) -> Feature:
    levels = tuple(document["levels"]) if document["kind"] == "category" else None
    return Feature(document["name"], levels)


def _matrix(
    frame: pd.DataFrame, features: Sequence[Feature], labels: NDArray[Any] | None = None
) -> xgboost.DMatrix:
    missing = [feature.name for feature in features if feature.name not in frame.columns]
    if missing:
        raise DataError(
            "features of the model are missing",
            found=", ".join(map(str, frame.columns)) or "no column",
            expected=", ".join(missing),
            hint="compute the features with the code of the model's own version",
        )
    values = np.column_stack([feature.encode(frame[feature.name]) for feature in features])
    return xgboost.DMatrix(
        values,
        label=labels,
        feature_names=[feature.name for feature in features],
        feature_types=["q" if feature.levels is None else "c" for feature in features],
        enable_categorical=True,
    )


def _numbers(column: pd.Series[Any]) -> Scores:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise DataError(
            f"feature {str(column.name)!r} is not a number, as it was in training",
            found=str(column.dtype),
            expected="a number",
        )
    return np.asarray(column.to_numpy(dtype=np.float32, na_value=np.nan))
