"""Slices week by week, and how far apart they are: whether a model stays fair to each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from laurel.domain.drift import WEEK
from laurel.domain.objective import Objective
from laurel.domain.partition import Partition
from laurel.domain.performance import Gap, Performance, SlicePeriod, matured

LEAST = 50
"""Labelled rows of a slice in a week with fewer of which nothing is said."""
MEANS = ("mean_label", "mean_score")


def by_week(
    frame: pd.DataFrame, columns: Sequence[str], *, last: Partition, objective: Objective
) -> tuple[SlicePeriod, ...]:
    """Measure slices over each whole week that ends with ``last``, in order of time.

    frame: scored rows with ``label`` and ``partition``. Only the metrics that pages draw.
    """
    days = frame["partition"].astype(str)
    found: list[SlicePeriod] = []
    end = last
    while len(days) and end.shifted(1 - WEEK).key >= days.min():
        first = end.shifted(1 - WEEK)
        week = frame[(days >= first.key) & (days <= end.key)]
        found = [*_slices(week, columns, first.key, end.key, objective), *found]
        end = first.shifted(-1)
    return tuple(found)


def gaps(periods: Sequence[SlicePeriod], *, protected: frozenset[str]) -> tuple[Gap, ...]:
    """The widest distance between the slices of a column in each week, by metric."""
    found = []
    for key in dict.fromkeys((p.column, p.first, p.last) for p in periods):
        column, first, last = key
        parts = [p for p in periods if (p.column, p.first, p.last) == key]
        for metric in _names(parts):
            values = {p.value: _value(p.performance, metric) for p in parts}
            known = {value: number for value, number in values.items() if not math.isnan(number)}
            if len(known) > 1:
                highest, lowest = (
                    max(known, key=known.__getitem__),
                    min(known, key=known.__getitem__),
                )
                gap = known[highest] - known[lowest]
                found.append(
                    Gap(column, column in protected, first, last, metric, gap, highest, lowest)
                )
    return tuple(found)


def _slices(
    week: pd.DataFrame, columns: Sequence[str], first: str, last: str, objective: Objective
) -> Iterator[SlicePeriod]:
    for column in columns:
        if column not in week.columns:
            continue
        for value, rows in week.groupby(week[column].astype(str), sort=True):
            performance = _measure(rows, objective)
            if performance.labelled >= LEAST:
                yield SlicePeriod(column, str(value), first, last, performance)


def _measure(rows: pd.DataFrame, objective: Objective) -> Performance:
    labels, scores = matured(rows, objective=objective)
    one = bool(len(labels)) and not objective.classes
    return Performance(
        rows=len(rows),
        labelled=len(labels),
        mean_label=float(labels.mean()) if one else math.nan,
        mean_score=float(scores.mean()) if one else math.nan,
        metrics={name: objective.metrics[name](labels, scores) for name in objective.charted},
        outstanding=1 - len(labels) / len(rows),
    )


def _names(parts: Sequence[SlicePeriod]) -> tuple[str, ...]:
    metrics: Mapping[str, float] = parts[0].performance.metrics
    return (*metrics, *MEANS)


def _value(performance: Performance, metric: str) -> float:
    if metric in MEANS:
        return float(getattr(performance, metric))
    return performance.metrics[metric]
