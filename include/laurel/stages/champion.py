"""The champion beside a challenger: loaded, and scoring hold-out rows by its own feature code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.documents import read_json
from laurel.adapters.xgboost import Model, load_features, load_model
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import compute_features
from laurel.domain.history import PARTITION, Past
from laurel.domain.objective import (
    as_learned,
    check_same_objective,
    find_objective,
)
from laurel.domain.partition import Partition
from laurel.domain.window import Days, TrainingWindow
from laurel.errors import DataError, IntegrityError, LaurelError

SAME = ("model.ubj", "features.py")
"""The files of a model that make its scores, with its calibration."""
_MESSAGE = 200
"""Letters kept of an error's message."""


@dataclass(frozen=True)
class Champion:
    """The reigning model version, loaded."""

    version: str
    model: Model
    folder: Path

    @property
    def as_of(self) -> str:
        """What it knew of the world when it was trained."""
        return str(self.model.about["as_of"])

    @property
    def looks_back(self) -> int:
        """Days that its features look back on."""
        return int(self.model.about["history_days"])

    def learned_from(self, partition: Partition) -> bool:
        """Whether the day is among its train or early-stopping days."""
        return any(partition.day in days for days in _days(self.model.about, self.version))


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


@dataclass(frozen=True)
class Scored:
    """What the champion says of the hold-out."""

    columns: dict[str, NDArray[Any]]
    """The objective's names of ``champion``, nan without one, and ``compared``."""
    fault: str | None = None
    """Why it cannot score these rows."""


def champion_scores(
    champion: Champion | None,
    rows: pd.DataFrame,
    past: Past,
    *,
    config: UseCaseConfig,
    window: TrainingWindow,
) -> Scored:
    """The champion's scores of hold-out rows by its own feature code, and which rows compare.

    rows and past: of the snapshot, as :func:`laurel.stages.featurize.labelled` gives them. Rows
    whose columns have changed so that its code or its model fails on them are not scored; what it
    said is kept as the fault, for the gate to judge.
    """
    objective = find_objective(config.label)
    unknown = np.full(len(rows), np.nan, np.float32)
    nothing = {
        **dict.fromkeys(objective.names("champion"), unknown),
        "compared": np.zeros(len(rows), bool),
    }
    if champion is None:
        return Scored(nothing)
    _check_reach(window, config, champion.looks_back)
    try:
        said = _predict(champion, rows, past, config=config)
    except (MemoryError, OSError, IntegrityError):
        raise
    except Exception as error:
        return Scored(nothing, fault=_in_words(error))
    learned = {key: champion.learned_from(Partition.of(key)) for key in rows[PARTITION].unique()}
    return Scored(
        {
            **objective.columns(said, objective.names("champion")),
            "compared": ~rows[PARTITION].map(learned).to_numpy(dtype=bool),
        }
    )


def champion_facts(
    champion: Champion | None, scored: Scored, *, challenger: Path
) -> dict[str, Any]:
    """What evidence says of the champion that a challenger, in its folder, has met."""
    left_out = int((~scored.columns["compared"]).sum())
    return {
        "champion": champion.version if champion else None,
        "champion_as_of": champion.as_of if champion else None,
        "champion_fault": scored.fault,
        "trimmed": left_out if champion and scored.fault is None else 0,
        "same_model": champion is not None and is_same_model(champion.folder, challenger),
    }


def is_same_model(champion: Path, challenger: Path) -> bool:
    """Whether two folders of models hold one: the same trees, features and calibration.

    Their notes may differ, on the days that they learned from.
    """
    notes = (read_json(folder / "model.json") for folder in (champion, challenger))
    first, second = (note.get("calibration") for note in notes)
    return first == second and all(
        (champion / name).read_bytes() == (challenger / name).read_bytes() for name in SAME
    )


def _predict(
    champion: Champion, rows: pd.DataFrame, past: Past, *, config: UseCaseConfig
) -> NDArray[Any]:
    features = compute_features(
        load_features(champion.folder),
        rows,
        past,
        config=as_learned(config, champion.model.about),
        history_days=champion.looks_back,
    )
    return champion.model.predict(features)


def _in_words(error: Exception) -> str:
    """An error in one line that names no place on this machine."""
    if isinstance(error, LaurelError):
        return error.fact if error.found is None else f"{error.fact}: {error.found}"
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:_MESSAGE]


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
