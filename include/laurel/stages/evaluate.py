"""Evaluate: challenger, champion and trivial models on the same hold-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from laurel.adapters.documents import read_json, write_json
from laurel.adapters.frames import FramePart, read_frame
from laurel.adapters.hands import apart
from laurel.adapters.simple import simple_scores
from laurel.adapters.tables import write_table
from laurel.adapters.xgboost import Model, load_model, scores_digest
from laurel.domain.canonical import instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.decision_curves import decision_curves
from laurel.domain.evidence import UNCALIBRATED, Evidence, Groups, measure, measure_groups
from laurel.domain.featureset import LABEL
from laurel.domain.history import PARTITION
from laurel.domain.objective import Numbers, Objective, find_objective
from laurel.domain.window import read_window
from laurel.errors import ConfigError, IntegrityError
from laurel.stages.champion import champion_facts, champion_scores, load_champion
from laurel.stages.featurize import labelled, load_snapshot
from laurel.usecase import UseCase

MODELS = ("challenger", "champion", "constant", "simple", UNCALIBRATED)


def evaluate(usecase: UseCase, folder: Path) -> Evidence:
    """Write ``evidence/`` (every model's score per row, their curves) and ``metrics.json``.

    Rows that the champion may have learned from are left out of the comparison. Raises
    :class:`IntegrityError` when the champion's note or files are not whole: a champion that
    cannot be read is an error, never "no champion".
    """
    config, data = usecase.config, folder / "data" / usecase.name
    window = read_window(read_json(data / "window.json"))
    frame = read_frame(data, ("holdout",))
    challenger = load_model(data / "model")
    champion = load_champion(data / "inputs" / "champion", config=config)
    first = window.holdout.first - timedelta(days=champion.looks_back if champion else 0)
    rows, past = load_snapshot(usecase, data, first=first)
    rows = labelled(rows, window, config, splits=("holdout",))
    reigning = champion_scores(champion, rows, past, config=config, window=window)
    scores = _head(rows, frame, config).assign(
        **_own_scores(challenger, data, config), **reigning.columns
    )
    known = champion_facts(champion, reigning, challenger=data / "model")
    groups = apart(_groups, scores, config, known)
    facts = {
        "usecase": usecase.name,
        "as_of": instant(window.as_of),
        "holdout": tuple(window.holdout.document()),
        **known,
        "reload_identical": _scores_as_trained(challenger, data, config),
    }
    evidence = measure(
        scores,
        config.gate,
        objective=find_objective(config.label),
        seed=config.training.model.seed,
        method=config.training.calibration,
        threshold=config.scoring.threshold,
        facts=facts,
        groups=groups,
    )
    write_table(scores, data / "evidence" / "scores.parquet")
    write_json(evidence.document(), data / "evidence" / "evidence.json")
    write_json(decision_curves(scores, evidence), data / "evidence" / "curves.json")
    write_json(_metrics(evidence), data / "metrics.json")
    return evidence


def _groups(scores: pd.DataFrame, config: UseCaseConfig, known: Mapping[str, Any]) -> Groups:
    """What is measured of slices and protected groups; known: whether there is a champion."""
    return measure_groups(
        scores,
        config.gate,
        objective=find_objective(config.label),
        seed=config.training.model.seed,
        threshold=config.scoring.threshold,
        facts=known,
    )


def _head(rows: pd.DataFrame, frame: pd.DataFrame, config: UseCaseConfig) -> pd.DataFrame:
    objective = find_objective(config.label)
    own = {LABEL, "compared", PARTITION, *(n for model in MODELS for n in objective.names(model))}
    taken = sorted({*config.gate.columns, *config.rows.key} & own)
    if taken:
        raise ConfigError(
            "keys and slices cannot have these names", usecase=config.name, found=", ".join(taken)
        )
    key = list(config.rows.key)
    held = frame[frame["split"] == "holdout"].reset_index(drop=True)
    if not held[key].equals(rows[key]):
        raise IntegrityError(
            "the frame and the snapshot have other hold-out rows",
            usecase=config.name,
            found=f"{len(held)} rows in the frame",
            expected=f"{len(rows)} rows",
            hint="featurize again",
        )
    columns = list(dict.fromkeys((*key, PARTITION, *config.gate.columns)))
    return rows[columns].assign(label=held["label"])


def _own_scores(model: Model, data: Path, config: UseCaseConfig) -> dict[str, Numbers]:
    objective = find_objective(config.label)
    train, holdout = (FramePart(data, "train", config), FramePart(data, "holdout", config).whole())
    outline, (sample, _) = train.outline(), train.sample()
    constant = objective.constant(outline.labels, outline.exposures, objective.classes)
    scores = {
        "challenger": model.predict(holdout.features),
        "constant": np.multiply.outer(holdout.exposures, constant),
        "simple": simple_scores(sample, holdout, objective=objective),
    }
    if model.calibration is not None:
        scores[UNCALIBRATED] = model.raw(holdout.features)
    return _columns(scores, objective)


def _columns(scores: Mapping[str, Numbers], objective: Objective) -> dict[str, Numbers]:
    return {
        name: column
        for model, said in scores.items()
        for name, column in objective.columns(said, objective.names(model)).items()
    }


def _scores_as_trained(model: Model, data: Path, config: UseCaseConfig) -> bool:
    features = FramePart(data, "validation", config).whole().features
    return scores_digest(model.predict(features)) == model.about.get("validation_scores")


def _metrics(evidence: Evidence) -> dict[str, Any]:
    overall = evidence.overall
    return {
        "holdout_rows": overall.rows,
        "compared_rows": overall.compared_rows,
        "challenger": _defined({name: m.value for name, m in overall.metrics.items()}),
        "champion": _defined({name: c.reference for name, c in overall.champion.items()}),
        **{model: _defined(values) for model, values in evidence.trivial.metrics.items()},
    }


def _defined(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}
