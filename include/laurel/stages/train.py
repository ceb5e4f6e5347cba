"""Train: fit a challenger on the train days, stopped early by the validation days."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from laurel.adapters.documents import read_json, write_json
from laurel.adapters.engine import open_engine
from laurel.adapters.engine.fitting import fit_with
from laurel.adapters.frames import FramePart
from laurel.adapters.hands import apart
from laurel.adapters.tables import write_table
from laurel.adapters.xgboost import (
    ABOUT,
    FEATURES,
    LOSS,
    MODEL,
    PROFILE,
    SAMPLE,
    Model,
    fit_losses,
    load_model,
    model_bytes,
    scores_digest,
)
from laurel.domain.canonical import digest
from laurel.domain.config import Model as ModelConfig
from laurel.domain.config import UseCaseConfig
from laurel.domain.described import Described, describe_features
from laurel.domain.featureset import Part
from laurel.domain.objective import find_objective
from laurel.domain.profile import build_profile
from laurel.domain.sampling import reference_rows, sample_rows
from laurel.domain.trial import BEST, TUNING
from laurel.errors import IntegrityError
from laurel.settings import Settings
from laurel.usecase import UseCase


def train(
    usecase: UseCase,
    folder: Path,
    *,
    threads: int | None = None,
    settings: Settings | None = None,
) -> Model:
    """Write the model version ``model/``: trees, what they need, feature code, profile.

    The use case's engine fits it; hold-out rows are not looked at. threads changes the time, never
    a byte. Raises :class:`DataError` when a part lacks what the objective needs,
    :class:`IntegrityError` when the saved model scores otherwise than the fitted one.
    """
    config, data = usecase.config, folder / "data" / usecase.name
    rows = FramePart(data, "train", config)
    stopping = FramePart(data, "validation", config).whole()
    objective, (learned, tuned) = find_objective(config.label), _learned(config, data)
    with open_engine(config.training.engine, folder=data, settings=settings) as engine:
        # of the features alone, while trees are grown
        describing = (apart if engine.hands > 1 else partial)(_described, data, config)
        model = fit_with(engine, rows, stopping, learned, objective=objective, threads=threads)
    model = model.calibrated(config.training.calibration, stopping)
    scores = model.predict(stopping.features)
    code, labels = usecase.features_file().read_bytes(), rows.outline().labels
    about = {
        **_about(config, learned, read_json(data / "window.json"), model),
        "tuning": tuned,
        "feature_set": hashlib.sha256(code).hexdigest(),
        "rows": {
            "train": len(labels),
            "train_labels": objective.labels.summary(labels, objective.classes),
            "validation": len(stopping.labels),
            "validation_labels": objective.labels.summary(stopping.labels, objective.classes),
            "snapshot": read_json(data / "snapshot" / "counts.json"),
        },
        "validation_scores": scores_digest(scores),
    }
    target = data / "model"
    target.mkdir(parents=True, exist_ok=True)
    (target / MODEL).write_bytes(model_bytes(model))
    (target / FEATURES).write_bytes(code)
    write_json(about, target / ABOUT)
    losses = fit_losses(stopping, scores, model.features, objective=objective.name)
    if losses is not None:
        (target / LOSS).write_bytes(losses)
    sample, days = rows.sample()
    most = reference_rows(len(sample.features.columns))
    write_table(sample_rows(sample.features, most=most), target / SAMPLE, durable=False)
    profile = _profile(model, sample, stopping, days=days, described=describing())
    write_json(profile, target / PROFILE)
    expected = about["validation_scores"]
    return _reloaded(target, stopping.features, expected=expected, usecase=usecase.name)


def _learned(config: UseCaseConfig, data: Path) -> tuple[ModelConfig, dict[str, Any] | None]:
    """How to learn, with the parameters that a search found best, and which search that was."""
    learned = config.training.model
    if config.training.tuning is None:
        return learned, None
    best = read_json(data / TUNING / BEST)
    params = {**learned.params, **best["params"]}
    said = {name: best[name] for name in ("search", "trial", "metric", "value")}
    return learned.model_copy(update={"params": params}), {**said, "best": digest(best)}


def _about(
    config: UseCaseConfig, learned: ModelConfig, window: Mapping[str, Any], model: Model
) -> dict[str, Any]:
    objective = model.objective
    return {
        "usecase": config.name,
        "as_of": window["as_of"],
        "label": config.label.column,
        **objective.document(),
        "intercept": model.about["intercept"],
        "features": [feature.document() for feature in model.features],
        "history_days": config.features.history_days,
        "params": dict(learned.params),
        "balance": learned.balance,
        "monotone": dict(learned.monotone),
        "interactions": [list(group) for group in learned.interactions],
        "weights": config.training.weights.model_dump(mode="json"),
        "calibration": model.calibration.document() if model.calibration else None,
        "rounds": learned.rounds,
        "early_stopping_rounds": learned.early_stopping_rounds,
        "early_stopping_metric": objective.stopping.name,
        "best_iteration": model.about["best_iteration"],
        "seed": learned.seed,
        "days": {name: window["days"][name] for name in ("train", "validation")},
    }


def _described(data: Path, config: UseCaseConfig) -> Described:
    sample, days = FramePart(data, "train", config).sample()
    return describe_features(sample.features, days)


def _profile(
    model: Model, fitted: Part, unseen: Part, *, days: pd.Series[Any], described: Described
) -> dict[str, Any]:
    objective = model.objective
    return build_profile(
        fitted.features,
        model.predict(fitted.features),
        # scores of rows that the trees were fitted on are too sure of themselves to compare with
        unseen=model.predict(unseen.features),
        objective=objective,
        days=days,
        importance=model.importance(),
        described=described,
    )


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
