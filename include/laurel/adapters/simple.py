"""Simple models by scikit-learn, one for each objective: the least a boosted model should match."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from laurel.domain.featureset import EXPOSURE, Part
from laurel.domain.metric import Floats
from laurel.domain.objective import Objective

LEVELS = 30
"""Categories with more levels are left out."""
ROWS = 50_000
"""Rows it is fitted on, at most: evenly taken ones. More change its few weights hardly at all."""

Fitted = Callable[[Floats, Floats], Floats]
"""Columns and exposures of other rows → their scores."""
Fit = Callable[[Floats, Part, Objective], Fitted]


def simple_scores(train: Part, holdout: Part, *, objective: Objective) -> Floats:
    """Fit the objective's simple model on ``train`` and score ``holdout``, one row each.

    Numbers are standardised by the train rows, with the mean where missing; small categories are
    one column per level. Rows weigh as in learning, but for the balance of classes.
    """
    train = _thinned(train, -(-len(train.labels) // ROWS))
    names = [name for name in train.features.columns if name != EXPOSURE]
    pairs = [_columns(train.features[name], holdout.features[name]) for name in names]
    left = np.hstack([pair[0] for pair in pairs])
    right = np.hstack([pair[1] for pair in pairs])
    # one thread: the last digits of a sum must not depend on the machine's cores
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = SIMPLE[objective.simple](left, train, objective)
        return np.asarray(fitted(right, holdout.exposures), np.float64)


def _fit_logistic(columns: Floats, train: Part, _objective: Objective) -> Fitted:
    model = LogisticRegression(max_iter=200)
    model.fit(columns, train.labels, sample_weight=train.weights)
    return lambda other, _exposures: model.predict_proba(other)[:, 1]


def _fit_multinomial(columns: Floats, train: Part, objective: Objective) -> Fitted:
    if len(np.unique(train.labels)) < 2:
        shares = objective.constant(train.labels, train.exposures, objective.classes)
        return lambda other, _exposures: np.tile(shares, (len(other), 1))
    model = LogisticRegression(max_iter=200)
    model.fit(columns, train.labels, sample_weight=train.weights)

    def score(other: Floats, _exposures: Floats) -> Floats:
        # thinned rows may lack a class; it is never said then
        found = np.zeros((len(other), objective.width))
        found[:, model.classes_] = model.predict_proba(other)
        return found

    return score


def _fit_ridge(columns: Floats, train: Part, _objective: Objective) -> Fitted:
    model = Ridge(alpha=1.0, solver="cholesky")
    model.fit(columns, train.labels, sample_weight=train.weights)
    return lambda other, _exposures: model.predict(other)


def _fit_poisson(columns: Floats, train: Part, _objective: Objective) -> Fitted:
    # a rate, whose rows weigh by their exposure, has the likelihood of the count itself
    exposures = train.exposures
    weights = exposures if train.weights is None else exposures * train.weights
    model = PoissonRegressor(alpha=1e-3, max_iter=300)
    model.fit(columns, train.labels / exposures, sample_weight=weights)
    return lambda other, others: model.predict(other) * others


SIMPLE: Mapping[str, Fit] = MappingProxyType(
    {
        "logistic": _fit_logistic,
        "multinomial": _fit_multinomial,
        "ridge": _fit_ridge,
        "poisson": _fit_poisson,
    }
)
"""Simple models by the name that an objective calls them by."""


def _thinned(part: Part, step: int) -> Part:
    weights = None if part.weights is None else part.weights[::step]
    return Part(part.features.iloc[::step], part.labels[::step], weights)


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
    if not levels:
        return np.empty((len(column), 0))
    values = column.to_numpy(dtype=object)
    return np.column_stack([(values == level).astype(np.float64) for level in levels])


def _floats(column: pd.Series[Any]) -> Floats:
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
