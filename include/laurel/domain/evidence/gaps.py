"""Gaps: how far metrics and rates of the challenger lie apart between protected groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from laurel.domain.bootstrap import bounds
from laurel.domain.evidence.gauge import CHALLENGER, Gauge, both_rounded, rounded
from laurel.domain.evidence.record import Gap, Group, confidence_key
from laurel.domain.metric import Floats

Rows = Mapping[str, pd.DataFrame]


def gaps(gauge: Gauge, column: str, groups: Rows) -> Iterator[Gap]:
    """Each metric's, and each rate's, largest difference between groups of a column.

    groups: the rows of each value. Only groups of enough rows count, and only where the metric is
    defined.
    """
    metrics = [*gauge.metrics, *gauge.rates]
    found = {
        name: {metric.name: gauge.value(metric, rows) for metric in metrics}
        for name, rows in groups.items()
    }
    enough = [n for n, rows in groups.items() if len(rows) >= gauge.policy.minimum_rows]
    drawn = {name: gauge.drawn(groups[name], f"{column}={name}") for name in enough}
    for metric in metrics:
        values = {name: found[name][metric.name] for name in enough}
        yield _gap(
            gauge,
            column,
            metric.name,
            groups=tuple(
                Group(value=name, rows=len(rows), found=found[name][metric.name])
                for name, rows in groups.items()
            ),
            values={name: value for name, value in values.items() if value is not None},
            drawn={name: each[metric.name][CHALLENGER] for name, each in drawn.items()},
        )


def _gap(
    gauge: Gauge,
    column: str,
    metric: str,
    *,
    groups: tuple[Group, ...],
    values: Mapping[str, float],
    drawn: Mapping[str, Floats],
) -> Gap:
    few = len(values) < 2
    low = None if few else min(values, key=lambda name: values[name])
    high = None if few else max(values, key=lambda name: values[name])
    gap = None if low is None or high is None else rounded(values[high] - values[low])
    resampled = np.empty(0)
    if gap is not None:
        table = np.array([drawn[name] for name in values])
        resampled = table.max(axis=0) - table.min(axis=0)
    return Gap(
        column=column,
        metric=metric,
        groups=groups,
        low=low,
        high=high,
        gap=gap,
        bounds={
            confidence_key(c): both_rounded(gap_bounds(gap, resampled, c))
            for c in gauge.confidences
        },
    )


def gap_bounds(
    gap: float | None, resampled: Floats, confidence: float
) -> tuple[float, float] | None:
    """The bounds of a gap that each hold with ``confidence``: the basic bootstrap's.

    Noise only ever makes the largest of several differences larger, in the rows as found and once
    more in each resample; mirrored at the gap, the resamples take back what noise added. Source:
    Davison and Hinkley, Bootstrap methods and their application, 1997, section 5.2.

    >>> gap_bounds(0.3, np.array([0.28, 0.30, 0.32, 0.34, 0.36]), 0.75)
    (0.26, 0.3)
    """
    if gap is None or (found := bounds(resampled, confidence)) is None:
        return None
    return max(0.0, round(2 * gap - found[1], 12)), max(0.0, round(2 * gap - found[0], 12))
