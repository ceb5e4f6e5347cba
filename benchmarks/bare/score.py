"""The rival of ``laurel score``: read a day and its past, featurize, predict, write.

It uses the champion's own files and checks nothing. Given several days, it is a loop over them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import xgboost

from bare.tables import load_featurize, past, read_days, read_plan, with_cutoff


def score(folder: Path, out: Path) -> None:
    """Score the day of the plain folder; writes key and score."""
    plan = read_plan(folder)
    inputs = folder / "inputs"
    names = [plan["rows"], plan["labels"], *plan["context"]]
    tables = {name: read_days(list((inputs / name).glob("*.parquet"))) for name in names}
    day = pd.Timestamp(plan["days"]["score"][0], tz="UTC").as_unit("us")
    rows = pd.read_parquet(inputs / "rows.parquet").assign(day=day, known_at=day)
    features = load_featurize(folder / "model" / "features.py")(
        with_cutoff(rows, plan),
        past(
            tables[plan["rows"]],
            tables[plan["labels"]],
            {name: tables[name] for name in plan["context"]},
            plan,
        ),
    )
    scores = predict(folder / "model", features)
    rows[plan["key"]].assign(score=scores).to_parquet(out, index=False)


def predict(model: Path, features: pd.DataFrame) -> pd.Series[float]:
    """Scores by the saved model."""
    about = json.loads((model / "model.json").read_text())
    booster = xgboost.Booster(model_file=model / "model.ubj")
    return pd.Series(booster.predict(matrix(about, features)))


def matrix(about: dict[str, Any], features: pd.DataFrame) -> xgboost.DMatrix:
    """Features as XGBoost's documents have it: categories as numbers of the levels it learned."""
    columns = {}
    for feature in about["features"]:
        column = features[feature["name"]]
        if feature["kind"] == "category":
            column = column.astype(pd.CategoricalDtype(feature["levels"])).cat.codes
            column = column.astype("float32").where(column >= 0)
        columns[feature["name"]] = column
    kinds = ["c" if feature["kind"] == "category" else "q" for feature in about["features"]]
    return xgboost.DMatrix(pd.DataFrame(columns), feature_types=kinds, enable_categorical=True)


if __name__ == "__main__":
    score(Path(sys.argv[1]), Path(sys.argv[2]))
