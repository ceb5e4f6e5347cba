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
    profile: Mapping[str, Any]

    def counts(self) -> Counts:
        """The partition over the bins of the champion's profile."""
        return bin_counts(self.profile, self.features, self.scores)


def score(usecase: UseCase, given: Given, *, model: Path) -> Scores:
    """Score rows with the model version in the folder ``model``, by its own feature code.

    Raises :class:`DataError` when the features are not those the model learned from.
    """
    config = usecase.config
    loaded = load_model(model)
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
    """The table that consumers get: key, score, decision, model version and partition.

    No time of day is in it, so equal inputs give equal bytes.
    """
    config = usecase.config
    frame = given.rows[list(dict.fromkeys((*config.rows.key, config.rows.time)))].copy()
    frame["score"] = scores.astype("float64")
    threshold = config.scoring.threshold
    decided = pd.Series(pd.NA, index=frame.index, dtype="boolean")
    if threshold is not None:
        decided = pd.Series(scores >= np.float32(threshold), index=frame.index, dtype="boolean")
    frame["decision"] = decided
    frame["model_version"] = pd.Series(model_version, index=frame.index, dtype="str")
    frame["partition"] = pd.Series(given.partition.key, index=frame.index, dtype="str")
    return frame


def predictions_dataset(config: UseCaseConfig) -> Dataset:
    """The schema of the predictions of a use case.

    The rows' own time column is kept, so that consumers need no join to order them.
    """
    rows = config.rows
    kept = dict.fromkeys((*rows.key, rows.time))
    return Dataset(
        role="rows",
        time=rows.time,
        key=rows.key,
        suite=config.scoring.suite,
        columns={
            **{name: rows.columns[name] for name in kept},
            "score": Column(type="float64"),
            "decision": Column(type="bool", nullable=True),
            "model_version": Column(type="string"),
            "partition": Column(type="string"),
        },
    )
