"""What the rival of a training says of its model: the same evidence as Laurel's.

Five metrics with bounds from resamples, on all hold-out rows and on each slice that has enough; the
gain over the constant rate and over a logistic regression. Resamples and metrics are Laurel's own
pure functions, which are faster than what one would write by hand, so neither side gains by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from laurel.domain.bootstrap import bounds, distribution
from laurel.domain.metric import BINARY, Metric

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
LEVELS, ROWS = 30, 50_000
"""Of the logistic regression: categories that become columns, rows that it is fitted on."""


def prove(
    y: Floats, scores: Mapping[str, Floats], slices: Mapping[str, NDArray[Any]], plan: Any
) -> dict[str, Any]:
    """The evidence; scores: ``challenger``, ``constant`` and ``logistic``, one for each row."""
    everything = np.ones(len(y), bool)
    found = {"all": _scope(y, scores["challenger"], everything, plan)}
    for name, values in slices.items():
        for value in np.unique(values):
            rows = values == value
            if rows.sum() >= plan["minimum_rows"]:
                found[f"{name}={value}"] = _scope(y, scores["challenger"], rows, plan)
    for name, metric in (("constant", BINARY["log_loss"]), ("logistic", BINARY["auc"])):
        pair = {side: scores[side] for side in ("challenger", name)}
        drawn = _drawn(y, pair, [metric], plan)[metric.name]
        gains = metric.gain(drawn["challenger"], drawn[name])
        found[name] = {metric.name: bounds(gains, CONFIDENCE)}
    return found


def logistic(train: pd.DataFrame, y: Floats, holdout: pd.DataFrame) -> Floats:
    """Scores of a logistic regression on standardised numbers and small categories."""
    step = -(-len(train) // ROWS)
    train, y = train.iloc[::step], y[::step]
    left, right = [], []
    for name in train.columns:
        both = train[name], holdout[name]
        if isinstance(train[name].dtype, pd.CategoricalDtype):
            levels = len(train[name].cat.categories)
            if levels <= LEVELS:
                for side, column in zip((left, right), both, strict=True):
                    side.append(np.eye(levels + 1)[column.cat.codes][:, :-1])
            continue
        numbers = [column.to_numpy(float) for column in both]
        mean, spread = np.nanmean(numbers[0]), np.nanstd(numbers[0]) or 1.0
        for side, column in zip((left, right), numbers, strict=True):
            side.append((np.where(np.isnan(column), mean, column) - mean)[:, None] / spread)
    model = LogisticRegression(max_iter=200).fit(np.hstack(left), y)
    scores: Floats = model.predict_proba(np.hstack(right))[:, 1]
    return scores


def _scope(y: Floats, scores: Floats, rows: NDArray[np.bool_], plan: Any) -> dict[str, Any]:
    drawn = _drawn(y[rows], {"challenger": scores[rows]}, list(BINARY.values()), plan)
    return {
        name: [
            metric(y[rows], scores[rows]),
            *(bounds(drawn[name]["challenger"], CONFIDENCE) or ()),
        ]
        for name, metric in BINARY.items()
    }


def _drawn(y: Floats, scores: Mapping[str, Floats], metrics: list[Metric], plan: Any) -> Any:
    seed = plan["params"]["seed"]
    return distribution(y, scores, metrics, count=plan["resamples"], seed=seed)
