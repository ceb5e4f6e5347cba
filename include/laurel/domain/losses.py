"""Losses of single rows that metrics are means of, and what they are expected to be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNIT = 2**20
"""Sums are whole units: a millionth of the loss's own unit, about. So they add up exactly."""


def _absolute(labels: Floats, scores: Floats) -> Floats:
    return np.abs(labels - scores)


def _squared(labels: Floats, scores: Floats) -> Floats:
    return (labels - scores) ** 2


def _deviance(labels: Floats, scores: Floats) -> Floats:
    expected = np.maximum(scores, 1e-15)
    logs = labels * np.log(np.where(labels > 0, labels, 1.0) / expected)
    return 2 * (np.where(labels > 0, logs, 0.0) - labels + expected)


_LOSS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "absolute": _absolute,
    "squared": _squared,
    "deviance": _deviance,
}
LOSSES: Mapping[str, tuple[str, ...]] = {
    "regression": ("absolute", "squared"),
    "count": ("absolute", "squared", "deviance"),
}
"""The losses that are learned, by objective."""
_METRICS: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "mae": ("absolute", float),
    "rmse": ("squared", math.sqrt),
    "poisson_deviance": ("deviance", float),
}
"""Metric → the loss that it is a mean of, and what is done to the mean."""


def losses_of(names: Sequence[str], labels: Floats, scores: Floats) -> dict[str, Floats]:
    """The losses of rows.

    >>> losses_of(("squared",), np.array([1.0]), np.array([3.0]))
    {'squared': array([4.])}
    """
    return {name: _LOSS[name](labels, scores) for name in names}


def sum_losses(losses: Mapping[str, Floats]) -> dict[str, Any]:
    """Sums that add up exactly: ``{"rows": n, "sums": {loss: units}}``.

    >>> sum_losses({"absolute": np.array([0.5, 1.5])})
    {'rows': 2, 'sums': {'absolute': 2097152}}
    """
    rows = len(next(iter(losses.values()), ()))
    sums = {name: int(np.rint(each * UNIT).sum()) for name, each in losses.items()}
    return {"rows": rows, "sums": sums}


def add_losses(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """The sums over both."""
    names = sorted(a["sums"].keys() & b["sums"].keys())
    sums = {name: a["sums"][name] + b["sums"][name] for name in names}
    return {"rows": a["rows"] + b["rows"], "sums": sums}


def metrics_of(sums: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that these losses are means of; nan of no rows.

    >>> metrics_of({"rows": 2, "sums": {"squared": 8 * UNIT}})
    {'rmse': 2.0}
    """
    rows = sums["rows"]
    return {
        metric: shape(sums["sums"][loss] / UNIT / rows) if rows else math.nan
        for metric, (loss, shape) in _METRICS.items()
        if loss in sums["sums"]
    }
