"""The entries: binary, multiclass, regression and count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from laurel.domain.config import TERMS, Label, UseCaseConfig
from laurel.domain.metric import BINARY, COUNT, MULTICLASS, REGRESSION, resolve, with_cost
from laurel.domain.objective import rules
from laurel.domain.objective.base import Labels, Objective


def find_objective(label: Label) -> Objective:
    """The objective of a label, with its classes and exposure.

    >>> find_objective(Label(column="late")).learner
    'binary:logistic'
    """
    entry = OBJECTIVES[label.objective]
    return replace(entry, classes=label.classes, exposure=label.exposure)


def judged_objective(config: UseCaseConfig) -> Objective:
    """The objective of a use case, the cost of its decisions among the metrics."""
    found, cost = find_objective(config.label), config.gate.cost
    told = None if cost is None else resolve(cost, config.scoring.threshold)
    return replace(found, metrics=with_cost(found.metrics, told, classes=found.classes))


_ENTRIES = (
    Objective(
        name="binary",
        terms=TERMS["binary"],
        learner="binary:logistic",
        labels=Labels(
            expected="0 or 1 (null where there is no outcome)",
            are_right=rules.zero_or_one,
            lacking=rules.lacking_an_outcome,
            summary=rules.positives,
        ),
        metrics=BINARY,
        stopping=BINARY["log_loss"],
        against_constant=BINARY["log_loss"],
        against_simple=BINARY["auc"],
        simple="logistic",
        simple_title="a logistic regression",
        constant_title="constant rate",
        link=rules.sigmoid,
        constant=rules.mean,
        reliability=rules.as_they_are,
        probabilities=True,
        charted=("auc", "log_loss"),
    ),
    Objective(
        name="multiclass",
        terms=TERMS["multiclass"],
        learner="multi:softprob",
        labels=Labels(
            expected="one of label.classes (null where there is no outcome)",
            are_right=rules.places,
            lacking=rules.lacking_a_class,
            summary=rules.rows_by_class,
        ),
        metrics=MULTICLASS,
        stopping=MULTICLASS["log_loss"],
        against_constant=MULTICLASS["log_loss"],
        against_simple=MULTICLASS["macro_auc"],
        simple="multinomial",
        simple_title="a multinomial logistic regression",
        constant_title="constant shares",
        link=rules.softmax,
        constant=rules.shares,
        reliability=rules.of_the_likeliest,
        probabilities=True,
        charted=("macro_auc", "log_loss"),
    ),
    Objective(
        name="regression",
        terms=TERMS["regression"],
        learner="reg:squarederror",
        labels=Labels(
            expected="finite numbers (null where there is no outcome)",
            are_right=rules.finite,
            lacking=rules.lacking_rows,
            summary=rules.moments,
            dtype="float64",
        ),
        metrics=REGRESSION,
        stopping=REGRESSION["rmse"],
        against_constant=REGRESSION["rmse"],
        against_simple=REGRESSION["r2"],
        simple="ridge",
        simple_title="a ridge regression",
        constant_title="constant mean",
        link=rules.same,
        constant=rules.mean,
        reliability=rules.as_they_are,
        probabilities=False,
        charted=("mae", "rmse"),
    ),
    Objective(
        name="count",
        terms=TERMS["count"],
        learner="count:poisson",
        labels=Labels(
            expected="counts: 0, 1, 2 … (null where there is no outcome)",
            are_right=rules.counts,
            lacking=rules.lacking_events,
            summary=rules.events,
        ),
        metrics=COUNT,
        stopping=COUNT["poisson_deviance"],
        against_constant=COUNT["poisson_deviance"],
        against_simple=COUNT["deviance_explained"],
        simple="poisson",
        simple_title="a Poisson regression",
        constant_title="constant rate",
        link=np.exp,
        constant=rules.rate,
        reliability=rules.as_they_are,
        probabilities=False,
        charted=("poisson_deviance", "mae"),
    ),
)

OBJECTIVES: Mapping[str, Objective] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""All objectives by name, without classes and exposure."""
