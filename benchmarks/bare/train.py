"""The rival of ``laurel train``: the same files, features and parameters, in one process.

It joins, featurizes, fits with early stopping, measures the hold-out with the same evidence
(``bare.evidence``), and saves model and evidence. It validates, checks and records nothing.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray

from bare.evidence import logistic, prove
from bare.tables import load_featurize, past, read_days, read_plan, with_cutoff

SPLITS = ("train", "validation", "holdout")


def main(folder: Path, out: Path) -> None:
    """Train on the plain folder, and write model and metrics."""
    plan = read_plan(folder)
    names = [plan["rows"], plan["labels"], *plan["context"]]
    tables = {name: read_days(list((folder / name).glob("*.parquet"))) for name in names}
    rows, labels = tables[plan["rows"]], tables[plan["labels"]]
    outcome = rows[plan["key"]].merge(labels, on=plan["key"], how="left")[plan["label"]].to_numpy()
    day = rows["day"]
    parts = {name: day.between(*bounds(plan, name)).to_numpy() for name in SPLITS}
    chosen = np.logical_or.reduce(list(parts.values())) & ~np.isnan(outcome)
    features = load_featurize(folder / "features.py")(
        with_cutoff(rows[chosen].reset_index(drop=True), plan),
        past(rows, labels, {name: tables[name] for name in plan["context"]}, plan),
    )
    y, parts = outcome[chosen], {name: part[chosen] for name, part in parts.items()}
    fix_levels(features, parts["train"])
    booster = fit(features, y, parts, plan)
    out.mkdir(parents=True, exist_ok=True)
    booster.save_model(out / "model.ubj")
    held = rows[chosen][parts["holdout"]]
    slices = {name: held[name].to_numpy(dtype=object) for name in plan["slices"]}
    evidence = evaluate(booster, features, y, parts, slices, plan)
    (out / "metrics.json").write_text(json.dumps({"auc": evidence["all"]["auc"][0]}))
    (out / "evidence.json").write_text(json.dumps(evidence))


def bounds(plan: dict[str, Any], split: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last day of a part."""
    first, last = plan["days"][split]
    return pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC")


def fix_levels(features: pd.DataFrame, train: NDArray[np.bool_]) -> None:
    """Categories have the levels of the train days; others are missing."""
    for name in features.select_dtypes("category"):
        levels = sorted(features[name][train].dropna().unique())
        features[name] = features[name].cat.set_categories(levels)


def fit(
    features: pd.DataFrame,
    y: NDArray[np.float64],
    parts: dict[str, NDArray[np.bool_]],
    plan: dict[str, Any],
) -> xgboost.Booster:
    """Fit until the log loss of the validation days has stopped falling."""
    matrices = {
        name: xgboost.DMatrix(features[part], y[part], enable_categorical=True)
        for name, part in parts.items()
        if name != "holdout"
    }
    cells = int(parts["train"].sum()) * features.shape[1]
    threads = max(1, min(len(os.sched_getaffinity(0)), cells // plan["cells_per_thread"]))
    booster = xgboost.train(
        {
            **plan["params"],
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "tree_method": "hist",
            "nthread": threads,
        },
        matrices["train"],
        num_boost_round=plan["rounds"],
        evals=[(matrices["validation"], "validation")],
        early_stopping_rounds=plan["early_stopping_rounds"],
        verbose_eval=False,
    )
    return booster[: booster.best_iteration + 1]


def evaluate(
    booster: xgboost.Booster,
    features: pd.DataFrame,
    y: NDArray[np.float64],
    parts: dict[str, NDArray[np.bool_]],
    slices: dict[str, NDArray[Any]],
    plan: dict[str, Any],
) -> dict[str, Any]:
    """What the hold-out says of the model, and of the simple models beside it."""
    train, held = parts["train"], parts["holdout"]
    scores = booster.predict(xgboost.DMatrix(features[held], enable_categorical=True))
    given = {
        "challenger": scores.astype(float),
        "constant": np.full(held.sum(), y[train].mean()),
        "logistic": logistic(features[train], y[train], features[held]),
    }
    return prove(y[held], given, slices, plan)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
