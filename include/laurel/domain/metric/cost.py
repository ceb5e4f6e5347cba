"""What decisions cost, per row: by outcome, by class, or by unit of error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from laurel.domain.config.cost import COST, Cost, MatrixCost, OutcomeCost, UnitCost
from laurel.domain.metric.base import Floats, Metric, Weighted, mean
from laurel.errors import ConfigError

Prepare = Callable[[Floats, Floats], Weighted]


def cost_metric(cost: Cost, *, classes: tuple[Any, ...] = ()) -> Metric:
    """The metric of a resolved cost: the mean cost of a row, less is better.

    >>> cost = OutcomeCost(false_positive=1, false_negative=4, at=0.5)
    >>> cost_metric(cost)(np.array([0, 1, 1, 0]), np.array([0.7, 0.6, 0.2, 0.1]))
    1.25
    """
    prepare = _prepare(cost, classes)
    return Metric(COST, bigger_is_better=False, prepare=prepare)


def resolve(cost: Cost, decision: float | None) -> Cost:
    """A cost whose threshold is a number; raises :class:`ConfigError` where there is none.

    decision: ``scoring.threshold``. The optimal threshold is the score at which both decisions are
    expected to cost the same (Elkan, The foundations of cost-sensitive learning, 2001).

    >>> resolve(OutcomeCost(false_positive=1, false_negative=4, at="optimal"), None).at
    0.2
    """
    if not isinstance(cost, OutcomeCost) or not isinstance(cost.at, str):
        return cost
    if cost.at == "optimal":
        raised = cost.false_positive - cost.true_negative
        missed = cost.false_negative - cost.true_positive
        return cost.model_copy(update={"at": raised / (raised + missed)})
    if decision is None:
        raise ConfigError(
            "the cost has no threshold at which rows are decided",
            found="gate.cost.at is decision, and there is no scoring.threshold",
            hint="give scoring.threshold, or say at: optimal or a number",
        )
    return cost.model_copy(update={"at": decision})


def _prepare(cost: Cost, classes: tuple[Any, ...]) -> Prepare:
    if isinstance(cost, OutcomeCost):
        return _by_outcome(cost)
    if isinstance(cost, MatrixCost):
        return _by_class(np.array(cost.rows(classes)), optimal=cost.at == "optimal")
    return _by_unit(cost)


def _by_outcome(cost: OutcomeCost) -> Prepare:
    if isinstance(cost.at, str):
        raise TypeError(f"the threshold of a cost is not resolved: {cost.at}")
    # as the scores that are published are compared
    threshold = float(np.float32(cost.at))

    def prepare(labels: Floats, scores: Floats) -> Weighted:
        positive = labels > 0
        decided = np.where(positive, cost.true_positive, cost.false_positive)
        left = np.where(positive, cost.false_negative, cost.true_negative)
        return mean(np.where(scores >= threshold, decided, left))

    return prepare


def _by_class(costs: Floats, *, optimal: bool) -> Prepare:
    def prepare(labels: Floats, scores: Floats) -> Weighted:
        if not len(scores):
            return mean(np.zeros(0))
        # einsum and not @: see mean
        expected = np.einsum("nk,kd->nd", scores, costs)
        decided = expected.argmin(axis=1) if optimal else scores.argmax(axis=1)
        return mean(costs[labels.astype(int), decided])

    return prepare


def _by_unit(cost: UnitCost) -> Prepare:
    """The check loss of quantile regression (Koenker and Bassett 1978)."""

    def prepare(labels: Floats, scores: Floats) -> Weighted:
        short = labels - scores
        return mean(np.where(short > 0, cost.under * short, -cost.over * short))

    return prepare


def with_cost(
    metrics: Mapping[str, Metric], cost: Cost | None, *, classes: tuple[Any, ...] = ()
) -> dict[str, Metric]:
    """Metrics, and the cost where there is one."""
    if cost is None:
        return dict(metrics)
    return {**metrics, COST: cost_metric(cost, classes=classes)}
