"""Metrics, one file for each kind of objective: each knows its direction, and weighs its rows."""

from __future__ import annotations

from laurel.domain.metric.base import Floats, Metric, Weighted
from laurel.domain.metric.binary import BINARY
from laurel.domain.metric.cost import cost_metric, resolve, with_cost
from laurel.domain.metric.count import COUNT
from laurel.domain.metric.multiclass import MULTICLASS
from laurel.domain.metric.rate import rates_of
from laurel.domain.metric.regression import REGRESSION

__all__ = [
    "BINARY",
    "COUNT",
    "MULTICLASS",
    "REGRESSION",
    "Floats",
    "Metric",
    "Weighted",
    "cost_metric",
    "rates_of",
    "resolve",
    "with_cost",
]
