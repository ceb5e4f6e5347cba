"""Fit on histograms on the CPU; equal rows give equal bytes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import xgboost
from numpy.typing import NDArray

from laurel.adapters.xgboost.encoding import describe, to_matrix
from laurel.adapters.xgboost.model import Model
from laurel.adapters.xgboost.threads import threads_for
from laurel.domain.config import Model as ModelConfig
from laurel.domain.metric import METRICS, Metric
from laurel.errors import ConfigError

FIXED = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "device": "cpu",
    "disable_default_eval_metric": True,
    "verbosity": 0,
}
"""Parameters that a use case cannot set."""
OWN = (*FIXED, "seed", "random_state", "nthread", "n_jobs", "eval_metric")
STOPPING: Metric = METRICS["log_loss"]
"""What early stopping watches. Computed here and not by XGBoost, whose sum over rows depends on
the number of threads in its last digits."""


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
    features = describe(train[0])
    matrices = [to_matrix(part, features, labels) for part, labels in (train, validation)]
    stopping = xgboost.callback.EarlyStopping(
        rounds=config.early_stopping_rounds,
        metric_name=STOPPING.name,
        data_name="validation",
        maximize=STOPPING.bigger_is_better,
        save_best=True,
    )
    try:
        booster = xgboost.train(
            _params(config, threads or threads_for(train[0])),
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
