"""The rival of the stage ``tune``: Optuna and XGBoost on the same folds, written by hand.

It draws with the same sampler and seeds, and fits the same folds side by side for as many rounds.
It keeps nothing but the best.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import xgboost
from numpy.typing import NDArray

HEAD = ("partition", "split", "label", "row_weight")


def main(data: Path) -> None:
    """Search on the frame of a training, and write the best trial."""
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = json.loads((data / "tuning" / "search.json").read_text())
    first = json.loads((data / "tuning" / "best.json").read_text())["first"]["params"]
    frame = pd.concat(map(pd.read_parquet, sorted((data / "frame" / "train").glob("*.parquet"))))
    folds = list(matrices(frame.reset_index(drop=True), search, data))
    study = optuna.create_study(direction="minimize", pruner=optuna.pruners.NopPruner())
    study.enqueue_trial(first)
    space = dict(distributions(search["tuning"]["space"]))
    for number in range(search["tuning"]["trials"]):
        seed = hashlib.sha256(f"{search['seed']} {number}".encode()).digest()[:4]
        study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=search["tuning"]["sampler"]["startup_trials"],
            multivariate=True,
            seed=int.from_bytes(seed, "big"),
        )
        trial = study.ask(space)
        study.tell(trial, fit(folds, trial.params, search["model"]))
    best = {"trial": study.best_trial.number + 1, "value": study.best_value}
    (data / "bare.json").write_text(json.dumps(best))


def matrices(
    frame: pd.DataFrame, search: dict[str, Any], data: Path
) -> Iterator[tuple[xgboost.DMatrix, xgboost.DMatrix]]:
    """Both matrices of each fold; categories have the levels of the days learned from."""
    key = json.loads((data.parent.parent / "key.json").read_text())[search["usecase"]]
    names = [name for name in frame if name not in (*HEAD, *key)]
    for fold in search["folds"]:
        parts = [frame[frame["partition"].between(*fold[p])] for p in ("train", "validation")]
        given = [part[names].copy() for part in parts]
        for name in given[0].select_dtypes(exclude="number"):
            levels = sorted(given[0][name].dropna().astype("str").unique())
            for part in given:
                part[name] = pd.Categorical(part[name].astype("str"), categories=levels)
        yield tuple(
            xgboost.DMatrix(features, part["label"], enable_categorical=True)
            for features, part in zip(given, parts, strict=True)
        )


def distributions(space: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The space as Optuna reads it."""
    for name, said in sorted(space.items()):
        if said["kind"] == "float":
            yield (
                name,
                optuna.distributions.FloatDistribution(said["low"], said["high"], log=said["log"]),
            )
        else:
            yield name, optuna.distributions.IntDistribution(said["low"], said["high"])


def log_loss(labels: NDArray[Any], scores: NDArray[Any]) -> float:
    """The mean over the rows, in float64: trials that are close would else change places."""
    given = np.clip(scores.astype(np.float64), 1e-15, 1 - 1e-15)
    return float(-np.mean(labels * np.log(given) + (1 - labels) * np.log1p(-given)))


def fit(
    folds: list[tuple[xgboost.DMatrix, xgboost.DMatrix]],
    params: dict[str, Any],
    model: dict[str, Any],
) -> float:
    """The best mean log loss of the folds, fitted a round at a time until it stops falling."""
    told = {
        **model["params"],
        **params,
        "objective": "binary:logistic",
        "disable_default_eval_metric": True,
        "tree_method": "hist",
        "seed": model["seed"],
        "seed_per_iteration": True,
        "nthread": 1,
    }
    boosters = [xgboost.Booster(told, cache=list(fold)) for fold in folds]
    best, since = float("inf"), 0
    for number in range(model["rounds"]):
        losses = []
        for booster, (train, validation) in zip(boosters, folds, strict=True):
            booster.update(train, number)
            losses.append(log_loss(validation.get_label(), booster.predict(validation)))
        mean = sum(losses) / len(losses)
        best, since = (mean, 0) if mean < best else (best, since + 1)
        if since >= model["early_stopping_rounds"]:
            break
    return best


if __name__ == "__main__":
    main(Path(sys.argv[1]))
