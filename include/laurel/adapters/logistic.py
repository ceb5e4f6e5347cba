"""Logistic regression by scikit-learn: the least that a boosted model should match."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from laurel.domain.metric import Floats

LEVELS = 30
"""Categories with more levels are left out."""
ROWS = 50_000
"""Rows it is fitted on, at most: evenly taken ones. More change its few weights hardly at all."""


def logistic_scores(train: pd.DataFrame, labels: NDArray[Any], holdout: pd.DataFrame) -> Floats:
    """Fit on ``train`` and score ``holdout``: probabilities, one per hold-out row.

    Numbers are standardised by the train rows, with the mean where missing; small categories are
    one column per level. Both classes must be in ``labels``.
    """
    step = -(-len(train) // ROWS)
    train, labels = train.iloc[::step], labels[::step]
    pairs = [_columns(train[name], holdout[name]) for name in train.columns]
    left = np.hstack([pair[0] for pair in pairs])
    right = np.hstack([pair[1] for pair in pairs])
    # one thread: the last digits of a sum must not depend on the machine's cores
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=200).fit(left, labels)
        scores = model.predict_proba(right)[:, 1]
    return np.asarray(scores, np.float64)


def _columns(train: pd.Series[Any], other: pd.Series[Any]) -> tuple[Floats, Floats]:
    if pd.api.types.is_numeric_dtype(train.dtype):
        return _standardised(_floats(train), _floats(other))
    levels = sorted(train.dropna().unique())
    if len(levels) > LEVELS:
        return np.empty((len(train), 0)), np.empty((len(other), 0))
    return _one_hot(train, levels), _one_hot(other, levels)


def _standardised(train: Floats, other: Floats) -> tuple[Floats, Floats]:
    finite = train[np.isfinite(train)]
    mean = finite.mean() if len(finite) else 0.0
    spread = finite.std() if len(finite) else 0.0

    def scale(values: Floats) -> Floats:
        filled = np.where(np.isfinite(values), values, mean)
        return ((filled - mean) / (spread if spread > 0 else 1.0))[:, None]

    return scale(train), scale(other)


def _one_hot(column: pd.Series[Any], levels: list[str]) -> Floats:
    values = column.to_numpy(dtype=object)
    return np.column_stack([(values == level).astype(np.float64) for level in levels])


def _floats(column: pd.Series[Any]) -> Floats:
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
