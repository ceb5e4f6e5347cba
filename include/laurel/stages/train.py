"""Train: fit a challenger on the train days, stopped early by the validation days."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.documents import read_json, write_json
from laurel.adapters.frames import read_frame
from laurel.adapters.xgboost import (
    ABOUT,
    FEATURES,
    FIXED,
    MODEL,
    PROFILE,
    STOPPING,
    Model,
    fit,
    load_model,
    model_bytes,
    scores_digest,
)
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import LABEL, SPLIT
from laurel.domain.history import PARTITION
from laurel.domain.profile import build_profile
from laurel.errors import DataError, IntegrityError
from laurel.usecase import UseCase

Part = tuple[pd.DataFrame, NDArray[np.int64]]


def train(usecase: UseCase, folder: Path, *, threads: int | None = None) -> Model:
    """Write the model version ``model/``: trees, what they need, feature code, profile.

    Hold-out rows are not looked at. threads changes the time, never a byte. Raises
    :class:`DataError` when a part lacks one of the two outcomes, :class:`IntegrityError` when the
    saved model scores otherwise than the fitted one.
    """
    config, data = usecase.config, folder / "data" / usecase.name
    frame = read_frame(data)
    fitting, stopping = (split_part(frame, name, config) for name in ("train", "validation"))
    model = fit(fitting, stopping, config.training.model, threads=threads)
    scores = model.predict(stopping[0])
    code = usecase.features_file().read_bytes()
    about = {
        **_about(config, read_json(data / "window.json"), model),
        "feature_set": hashlib.sha256(code).hexdigest(),
        "rows": {
            "train": len(fitting[1]),
            "train_positives": int(fitting[1].sum()),
            "validation": len(stopping[1]),
            "validation_positives": int(stopping[1].sum()),
            "snapshot": read_json(data / "snapshot" / "counts.json"),
        },
        "validation_scores": scores_digest(scores),
    }
    target = data / "model"
    target.mkdir(parents=True, exist_ok=True)
    (target / MODEL).write_bytes(model_bytes(model))
    (target / FEATURES).write_bytes(code)
    write_json(about, target / ABOUT)
    days = frame.loc[frame[SPLIT] == "train", PARTITION].reset_index(drop=True)
    write_json(_profile(model, fitting[0], stopping[0], days=days), target / PROFILE)
    return _reloaded(target, stopping[0], expected=about["validation_scores"], usecase=usecase.name)


def split_part(frame: pd.DataFrame, split: str, config: UseCaseConfig) -> Part:
    """Features and labels of one part of the frame; raises :class:`DataError` for one class."""
    rows = frame[frame[SPLIT] == split]
    labels = rows[LABEL].to_numpy(dtype=np.int64)
    if len(np.unique(labels)) < 2:
        raise DataError(
            f"the {split} days do not hold both outcomes",
            usecase=config.name,
            found=f"{len(labels)} rows, {int(labels.sum())} of them positive",
            expected="rows of both",
            hint="train on more days, or look at the label",
        )
    head = {*config.rows.key, PARTITION, SPLIT, LABEL}
    names = [name for name in rows.columns if name not in head]
    return rows[names].reset_index(drop=True), labels


def _about(config: UseCaseConfig, window: Mapping[str, Any], model: Model) -> dict[str, Any]:
    learned = config.training.model
    return {
        "usecase": config.name,
        "as_of": window["as_of"],
        "label": config.label.column,
        "objective": FIXED["objective"],
        "features": [feature.document() for feature in model.features],
        "history_days": config.features.history_days,
        "params": dict(learned.params),
        "rounds": learned.rounds,
        "early_stopping_rounds": learned.early_stopping_rounds,
        "early_stopping_metric": STOPPING.name,
        "best_iteration": model.about["best_iteration"],
        "seed": learned.seed,
        "days": {name: window["days"][name] for name in ("train", "validation")},
    }


def _profile(
    model: Model, fitted: pd.DataFrame, unseen: pd.DataFrame, *, days: pd.Series[Any]
) -> dict[str, Any]:
    profile = build_profile(fitted, model.predict(fitted), days=days)
    # scores of rows that the trees were fitted on are too sure of themselves to compare with
    profile["score"] = build_profile(unseen, model.predict(unseen))["score"]
    return profile


def _reloaded(folder: Path, rows: pd.DataFrame, *, expected: object, usecase: str) -> Model:
    model = load_model(folder)
    found = scores_digest(model.predict(rows))
    if found != expected:
        raise IntegrityError(
            "the saved model scores otherwise than the fitted one",
            usecase=usecase,
            found=found,
            expected=expected,
        )
    return model
