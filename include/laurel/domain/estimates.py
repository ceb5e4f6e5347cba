"""How good estimates were: what past nights were expected to show, and what they showed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from laurel.domain.objective import Objective
from laurel.domain.performance import DayPerformance, EstimateError, NightEstimate, estimate

MATURED = 0.9
"""Share of a night's labels that must have come for its estimate to be judged."""


def night_estimates(
    frame: pd.DataFrame,
    days: Sequence[DayPerformance],
    *,
    objective: Objective,
    expected: Mapping[str, Mapping[str, float]],
) -> tuple[NightEstimate, ...]:
    """Each night of one model with labels: what its scores promised, beside what came.

    frame: its scored rows, with ``partition``; days: the performance of each partition; expected:
    partition → metrics, where the model has learned how wrong it is.
    """
    scores = objective.scores(frame, objective.score_columns)
    partitions = frame["partition"].astype(str).to_numpy()
    found = []
    for day in days:
        own = partitions == day.partition
        if not own.any() or not day.performance.labelled:
            continue
        promised = expected.get(day.partition) or estimate(scores[own], objective=objective)
        found.append(
            NightEstimate(
                partition=day.partition,
                labelled=day.performance.labelled,
                outstanding=day.performance.outstanding,
                estimate=promised,
                realised={name: day.performance.metrics[name] for name in promised},
            )
        )
    return tuple(found)


def estimate_errors(nights: Sequence[NightEstimate]) -> dict[str, EstimateError]:
    """How good the estimates were, by metric, over nights of which nine labels in ten have come.

    >>> night = NightEstimate("2024-01-01", 9, 0.0, {"auc": 0.7}, {"auc": 0.6})
    >>> error = estimate_errors([night, night])["auc"]
    >>> error.nights, round(error.bias, 3)
    (2, 0.1)
    """
    judged = [night for night in nights if 1 - night.outstanding >= MATURED]
    names = sorted({name for night in judged for name in night.estimate})
    found = {}
    for name in names:
        gaps = [
            gap
            for night in judged
            if not math.isnan(gap := night.estimate.get(name, math.nan) - night.realised[name])
        ]
        if gaps:
            sizes = np.abs(gaps)
            found[name] = EstimateError(
                nights=len(gaps),
                bias=float(np.mean(gaps)),
                absolute=float(sizes.mean()),
                largest=float(sizes.max()),
            )
    return found
