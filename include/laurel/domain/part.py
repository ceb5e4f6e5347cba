"""What stands before the features in the frame: key, partition, split, label and weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import LABEL, SPLIT, WEIGHT, Part
from laurel.domain.history import PARTITION
from laurel.domain.objective import find_objective
from laurel.domain.weights import row_weights
from laurel.domain.window import TrainingWindow
from laurel.errors import DataError


def frame_head(rows: pd.DataFrame, config: UseCaseConfig, window: TrainingWindow) -> pd.DataFrame:
    """Key, partition, split and label as a number of rows with an outcome, and their weight.

    Raises :class:`DataError` for labels that the objective cannot learn from, and for weights
    below zero.
    """
    weights = config.training.weights
    found = rows[[*config.rows.key, PARTITION, SPLIT]].assign(**{LABEL: _labels(rows, config)})
    if not weights.wanted:
        return found
    return found.assign(**{WEIGHT: row_weights(rows, weights, last=window.train.last)})


def split_part(frame: pd.DataFrame, split: str, config: UseCaseConfig) -> Part:
    """One part of the frame; raises :class:`DataError` where it lacks what the objective needs."""
    part = to_part(frame[frame[SPLIT] == split], config)
    check_labels(part, split, config)
    return part


def to_part(rows: pd.DataFrame, config: UseCaseConfig) -> Part:
    """Rows of the frame as rows to learn from."""
    first = {*config.rows.key, PARTITION, SPLIT, LABEL, WEIGHT}
    return Part(
        features=rows[[name for name in rows.columns if name not in first]].reset_index(drop=True),
        labels=rows[LABEL].to_numpy(dtype=find_objective(config.label).labels.dtype),
        weights=rows[WEIGHT].to_numpy(dtype="float64") if WEIGHT in rows else None,
    )


def check_labels(part: Part, split: str, config: UseCaseConfig) -> None:
    """Raise :class:`DataError` where a part lacks labels that the objective needs, or weighs 0."""
    objective, labels = find_objective(config.label), part.labels
    if lacking := objective.labels.lacking(labels, objective.classes, split):
        said = objective.labels.summary(labels, objective.classes)
        raise DataError(
            f"the {split} days do not hold {lacking}",
            usecase=config.name,
            found=f"{len(labels)} rows"
            + "".join(f", {name} {value:g}" for name, value in said.items()),
            hint="train on more days, or look at the label",
        )
    if part.weights is not None and split != "holdout" and not part.weights.any():
        raise DataError(
            f"the rows of the {split} days weigh nothing",
            usecase=config.name,
            found=f"{len(labels)} rows of weight 0",
            hint="look at training.weights.column",
        )


def _labels(rows: pd.DataFrame, config: UseCaseConfig) -> pd.Series[Any]:
    objective, column = find_objective(config.label), rows[config.label.column]
    numbers = objective.encode(column)
    strange = np.isnan(numbers)
    if strange.any() or not objective.labels.are_right(numbers):
        shown = column[strange] if strange.any() else column
        raise DataError(
            f"the label {config.label.column!r} is not of {objective.terms.title}",
            usecase=config.name,
            dataset=config.labels_name,
            found=", ".join(map(str, sorted(shown.unique())[:6])),
            expected=objective.labels.expected
            + (f": {', '.join(map(str, objective.classes))}" if objective.classes else ""),
        )
    return pd.Series(numbers.astype(objective.labels.dtype), index=rows.index)
