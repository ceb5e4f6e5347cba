"""Explain: what moves a model's scores, and how its scores lie, on the hold-out rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.documents import write_json, write_texts
from laurel.adapters.frames import read_frame
from laurel.adapters.xgboost import Model, load_model
from laurel.adapters.xgboost.contributions import contributions, importance, tree_count
from laurel.domain.config import UseCaseConfig
from laurel.domain.explanation import (
    CLASS_FREE,
    evenly,
    rank_importance,
    sample_size,
    summarise,
    unseen_levels,
)
from laurel.domain.featureset import EXPOSURE, LABEL
from laurel.domain.plotfiles import FOLDER as PLOTS
from laurel.domain.plots import plot_tables
from laurel.domain.scorecurve import describe_labels, describe_scores
from laurel.usecase import UseCase

FOLDER = "explanation"
CONTRIBUTIONS, SCORES = "contributions.json", "scores.json"


def explain(usecase: UseCase, folder: Path) -> dict[str, Any]:
    """Write ``explanation/`` (importance and contributions, how scores and labels lie), ``plots/``.

    Contributions are those of an even sample of the hold-out rows, in margin space; that they add
    up is checked. The bytes are the same for any number of threads. Returns the first of the two
    documents. Raises :class:`IntegrityError` where contributions do not add up.
    """
    config, data = usecase.config, folder / "data" / usecase.name
    holdout = read_frame(data, ("holdout",))
    model = load_model(data / "model")
    names = [feature.name for feature in model.features]
    features = holdout[[name for name in holdout.columns if name in {*names, EXPOSURE}]]
    found = _contributions(model, features, config)
    write_json(found, data / FOLDER / CONTRIBUTIONS)
    labels = holdout[LABEL].to_numpy()
    scores = model.predict(features)
    classes = [str(name) for name in model.about["classes"]]
    lie = {
        "labels": describe_labels(labels),
        **describe_scores(labels, scores, classes=classes),
    }
    write_json(lie, data / FOLDER / SCORES)
    tables = plot_tables(
        config.label.objective,
        labels,
        scores,
        classes=classes,
        curve=lie["curves"][0],
        importance=found["importance"],
    )
    write_texts(tables, data / PLOTS)
    return found


def _contributions(model: Model, features: pd.DataFrame, config: UseCaseConfig) -> dict[str, Any]:
    trees, hidden = tree_count(model), config.hidden
    sample = features.iloc[evenly(len(features), sample_size(len(features), trees=trees))]
    values = contributions(model, sample)
    seen = sample[[feature.name for feature in model.features]]
    known = {each.name: each.levels for each in model.features if each.levels is not None}
    ranked = rank_importance(importance(model))
    return {
        "objective": model.about["objective"],
        "holdout_rows": len(features),
        "sample_rows": len(sample),
        "trees": trees,
        "importance": ranked,
        "without_gain": sorted(each["name"] for each in ranked if not each["weight"]),
        "outputs": summarise(seen, values, outputs=_outputs(model, values), hidden=hidden),
        "unseen": unseen_levels(features, known, hidden=hidden),
    }


def _outputs(model: Model, values: NDArray[Any]) -> list[str]:
    named = [str(name) for name in model.about["classes"]]
    return named if len(named) == values.shape[1] else [CLASS_FREE]
