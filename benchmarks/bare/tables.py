"""What both rivals need: Parquet files of days → tables, and the use case's own features."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

Featurize = Callable[[pd.DataFrame, Mapping[str, pd.DataFrame]], pd.DataFrame]


def read_plan(folder: Path) -> dict[str, Any]:
    """Which columns and days are what, and the parameters of the model."""
    plan: dict[str, Any] = json.loads((folder / "plan.json").read_text())
    return plan


def read_days(files: list[Path]) -> pd.DataFrame:
    """Files of a day each, one below the other, with the ``day``; known when it is over."""
    parts = []
    for file in sorted(files):
        day = pd.Timestamp(file.stem, tz="UTC").as_unit("us")
        parts.append(pd.read_parquet(file).assign(day=day, known_at=day + pd.Timedelta(days=1)))
    return pd.concat(parts, ignore_index=True)


def load_featurize(file: Path) -> Featurize:
    """The function ``featurize`` of a file."""
    spec = importlib.util.spec_from_file_location("features", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    featurize: Featurize = module.featurize
    return featurize


def with_cutoff(rows: pd.DataFrame, plan: Mapping[str, Any]) -> pd.DataFrame:
    """Rows with the moment after which nothing may be known of them."""
    cutoff = rows["day"] - pd.Timedelta(hours=plan["horizon_hours"])
    return rows.drop(columns=["day", "known_at"]).assign(cutoff=cutoff)


def past(
    rows: pd.DataFrame,
    labels: pd.DataFrame,
    context: Mapping[str, pd.DataFrame],
    plan: Mapping[str, Any],
) -> dict[str, pd.DataFrame]:
    """What features look back on: rows with their labels, and the other tables."""
    known = labels.drop(columns="day")
    history = rows.drop(columns=["day", "known_at"]).merge(known, on=plan["key"])
    return {"history": history, **{name: t.drop(columns="day") for name, t in context.items()}}
