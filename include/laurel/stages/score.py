"""Score: a partition's rows through the champion's own feature code and model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.documents import read_json
from laurel.adapters.xgboost import PROFILE, load_features, load_model
from laurel.domain.config import Column, Dataset, UseCaseConfig
from laurel.domain.featureset import compute_features
from laurel.domain.history import CUTOFF, HISTORY, INSTANT, Past, cutoff_of, join_labels, stamp
from laurel.domain.objective import as_learned, check_same_objective, find_objective
from laurel.domain.objective.base import DECISION
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts, bin_counts
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Given:
    """What a partition is scored from: each table stamped with ``partition`` and ``known_at``."""

    partition: Partition
    rows: pd.DataFrame
    """The rows to score, raw columns."""
    past_rows: pd.DataFrame
    """Earlier rows, stamped."""
    labels: pd.DataFrame
    """Labels known at the cutoff, with ``known_at``."""
    context: Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Scores:
    """Features and scores of a partition, one row each, in the order of the raw rows."""

    features: pd.DataFrame
    scores: NDArray[np.float32]
    """Shape (rows,), or (rows, classes)."""
    profile: Mapping[str, Any]

    def counts(self) -> Counts:
        """The partition over the bins of the champion's profile."""
        return bin_counts(self.profile, self.features, self.scores)


def score(usecase: UseCase, given: Given, *, model: Path) -> Scores:
    """Score rows with the model version in the folder ``model``, by its own feature code.

    Raises :class:`DataError` when the features are not those the model learned from, and
    :class:`ConfigError` when it learned another objective than the use case has.
    """
    loaded = load_model(model)
    check_same_objective(loaded.about, usecase.config)
    config = as_learned(usecase.config, loaded.about)
    stamped = stamp(given.rows, partition=given.partition.key)
    cutoff = pd.Timestamp(cutoff_of(given.partition, config))
    stamped[CUTOFF] = pd.Series(cutoff, index=stamped.index, dtype=INSTANT)
    history = join_labels(given.past_rows, given.labels, config, how="inner")
    features = compute_features(
        load_features(model),
        stamped,
        Past({HISTORY: history, **given.context}, config),
        config=config,
        history_days=loaded.about.get("history_days"),
    )
    return Scores(
        features=features,
        scores=loaded.predict(features),
        profile=read_json(model / PROFILE),
    )


def predictions(
    usecase: UseCase, given: Given, *, scores: NDArray[np.float32], model_version: str
) -> pd.DataFrame:
    """The table that consumers get: key, scores, decision, model version and partition.

    Scores are one column, or one for each class; a decision is there where the objective makes
    one. No time of day is in it, so equal inputs give equal bytes.
    """
    config = usecase.config
    objective = find_objective(config.label)
    frame = given.rows[list(dict.fromkeys((*config.rows.key, config.rows.time)))].copy()
    said = objective.columns(scores.astype("float64"), objective.score_columns)
    decided = objective.decide(scores, config.scoring.threshold)
    columns = {**said, **({} if decided is None else {DECISION: decided.array})}
    frame = frame.assign(**columns)
    frame["model_version"] = pd.Series(model_version, index=frame.index, dtype="str")
    frame["partition"] = pd.Series(given.partition.key, index=frame.index, dtype="str")
    return frame


def predictions_dataset(config: UseCaseConfig) -> Dataset:
    """The schema of the predictions of a use case.

    The rows' own time column is kept, so that consumers need no join to order them.
    """
    rows, objective = config.rows, find_objective(config.label)
    kept = dict.fromkeys((*rows.key, rows.time))
    return Dataset(
        role="rows",
        time=rows.time,
        key=rows.key,
        suite=config.scoring.suite,
        columns={
            **{name: rows.columns[name] for name in kept},
            **dict.fromkeys(objective.score_columns, Column(type="float64")),
            **({DECISION: objective.decision} if objective.decision else {}),
            "model_version": Column(type="string"),
            "partition": Column(type="string"),
        },
    )
