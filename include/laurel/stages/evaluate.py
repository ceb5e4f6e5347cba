"""Evaluate: challenger, champion and trivial models on the same hold-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.documents import read_json, write_json
from laurel.adapters.frames import FramePart, read_frame
from laurel.adapters.simple import simple_scores
from laurel.adapters.tables import write_table
from laurel.adapters.xgboost import Model, load_features, load_model, scores_digest
from laurel.domain.canonical import instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.evidence import UNCALIBRATED, Evidence, measure
from laurel.domain.featureset import LABEL, compute_features
from laurel.domain.history import PARTITION, Past
from laurel.domain.objective import (
    Numbers,
    Objective,
    as_learned,
    check_same_objective,
    find_objective,
)
from laurel.domain.partition import Partition
from laurel.domain.window import Days, TrainingWindow, read_window
from laurel.errors import ConfigError, DataError, IntegrityError
from laurel.stages.featurize import labelled, load_snapshot
from laurel.usecase import UseCase

MODELS = ("challenger", "champion", "constant", "simple", UNCALIBRATED)


@dataclass(frozen=True)
class Champion:
    """The reigning model version, loaded."""

    version: str
    model: Model
    folder: Path

    @property
    def looks_back(self) -> int:
        """Days that its features look back on."""
        return int(self.model.about["history_days"])

    def learned_from(self, partition: Partition) -> bool:
        """Whether the day is among its train or early-stopping days."""
        return any(partition.day in days for days in _days(self.model.about, self.version))


def evaluate(usecase: UseCase, folder: Path) -> Evidence:
    """Write ``evidence/`` (with every model's score per row) and ``metrics.json``.

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
    scores = _head(rows, frame, config).assign(
        **_own_scores(challenger, data, config),
        **champion_scores(champion, rows, past, config=config, window=window),
    )
    facts = {
        "usecase": usecase.name,
        "as_of": instant(window.as_of),
        "holdout": tuple(window.holdout.document()),
        "champion": champion.version if champion else None,
        "trimmed": int((~scores["compared"]).sum()) if champion else 0,
        "reload_identical": _scores_as_trained(challenger, data, config),
    }
    evidence = measure(
        scores,
        config.gate,
        objective=find_objective(config.label),
        seed=config.training.model.seed,
        method=config.training.calibration,
        facts=facts,
    )
    write_table(scores, data / "evidence" / "scores.parquet")
    write_json(evidence.document(), data / "evidence" / "evidence.json")
    write_json(_metrics(evidence), data / "metrics.json")
    return evidence


def load_champion(folder: Path, *, config: UseCaseConfig) -> Champion | None:
    """The champion laid into the workspace; ``None`` only where its note says there is none.

    Raises :class:`ConfigError` for a champion that learned another objective.
    """
    note = read_json(folder / "champion.json")
    if "model_version" not in note:
        raise IntegrityError("the champion's note names no version", detail=str(folder))
    if note["model_version"] is None:
        return None
    model = load_model(folder)
    if model.about.get("usecase") != config.name:
        raise IntegrityError(
            "the champion is a model of another use case",
            usecase=config.name,
            found=model.about.get("usecase"),
            detail=str(folder),
        )
    check_same_objective(model.about, config)
    return Champion(version=str(note["model_version"]), model=model, folder=folder)


def _head(rows: pd.DataFrame, frame: pd.DataFrame, config: UseCaseConfig) -> pd.DataFrame:
    objective = find_objective(config.label)
    own = {LABEL, "compared", PARTITION, *(n for model in MODELS for n in objective.names(model))}
    taken = sorted({*config.gate.slices, *config.rows.key} & own)
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
    columns = list(dict.fromkeys((*key, PARTITION, *config.gate.slices)))
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


def champion_scores(
    champion: Champion | None,
    rows: pd.DataFrame,
    past: Past,
    *,
    config: UseCaseConfig,
    window: TrainingWindow,
) -> dict[str, NDArray[Any]]:
    """The champion's scores of hold-out rows by its own feature code, and which rows compare.

    rows and past: of the snapshot, as :func:`laurel.stages.featurize.labelled` gives them. The
    columns are the objective's names of ``champion``, nan without one, and ``compared``.
    """
    objective = find_objective(config.label)
    if champion is None:
        unknown = np.full(len(rows), np.nan, np.float32)
        return {
            **dict.fromkeys(objective.names("champion"), unknown),
            "compared": np.zeros(len(rows), bool),
        }
    looks_back = champion.looks_back
    _check_reach(window, config, looks_back)
    features = compute_features(
        load_features(champion.folder),
        rows,
        past,
        config=as_learned(config, champion.model.about),
        history_days=looks_back,
    )
    learned = {key: champion.learned_from(Partition.of(key)) for key in rows[PARTITION].unique()}
    return {
        **_columns({"champion": champion.model.predict(features)}, objective),
        "compared": ~rows[PARTITION].map(learned).to_numpy(dtype=bool),
    }


def _check_reach(window: TrainingWindow, config: UseCaseConfig, looks_back: int) -> None:
    there = (window.holdout.first - window.events.first).days
    possible = (window.holdout.first - config.start).days
    if there < min(looks_back, possible):
        raise DataError(
            "the champion's features look back further than this snapshot reaches",
            usecase=config.name,
            found=f"{there} days before the hold-out",
            expected=f"{looks_back} days",
            hint="raise features.history_days until the champion is another one",
        )


def _days(about: Mapping[str, Any], version: str) -> tuple[Days, Days]:
    try:
        return Days.of(about["days"]["train"]), Days.of(about["days"]["validation"])
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(
            "a model does not say which days it learned from", found=f"{version}: {error!r}"
        ) from error


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
