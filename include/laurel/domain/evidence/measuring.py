"""Measure a challenger on the hold-out, beside the champion and two trivial models.

It is computed from one table of scores per row, so another policy can be replayed later without
training: :func:`measure` again, then judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd

from laurel.domain.config import Cost, Gate
from laurel.domain.evidence.gaps import gaps
from laurel.domain.evidence.gauge import CHALLENGER, DIGITS, Gauge, labels_of, rounded, with_days
from laurel.domain.evidence.record import Evidence, Gap, Reliability, Scope
from laurel.domain.metric import Metric, rates_of, resolve, with_cost
from laurel.domain.objective import Objective
from laurel.domain.reliability import CalibrationBin, calibration

UNCALIBRATED = "uncalibrated"
VERSION = 2


def measure(
    scores: pd.DataFrame,
    policy: Gate,
    *,
    objective: Objective,
    seed: int,
    method: str = "none",
    threshold: float | None = None,
    facts: Mapping[str, Any],
    groups: Callable[[], Groups] | None = None,
) -> Evidence:
    """Measure every metric, overall and on each slice, and gaps, with bootstrap bounds.

    scores: one row per hold-out row with ``label`` as a number, the scores of ``challenger``,
    ``champion`` (null without one), ``constant`` and ``simple`` by the objective's
    :meth:`~laurel.domain.objective.Objective.names`, ``compared`` (bool), the columns of the
    policy and, where whole days are drawn, ``partition``; where a ``method`` calibrated the scores,
    also those ``uncalibrated``. threshold: from which score on a row is decided positive. facts:
    the fields of :class:`Evidence` that are not measured. groups: what :func:`measure_groups` says
    of the same, where somebody is finding it out meanwhile. Raises
    :class:`laurel.errors.ConfigError` for a metric that the objective does not have.
    """
    given: dict[str, Any] = {
        "objective": objective,
        "seed": seed,
        "threshold": threshold,
        "facts": facts,
    }
    gauge, counted = _gauge(scores, policy, **given)
    for each in policy.thresholds:
        if each.kind != "gap_at_most" or each.metric not in _rates(objective, threshold):
            gauge.objective.metric(each.metric)
    overall, trivial = gauge.scope(counted, None), gauge.trivial(counted)
    found = groups() if groups else measure_groups(scores, policy, **given)
    return Evidence(
        **{"champion_as_of": None, "champion_fault": None, "same_model": False, **facts},
        version=VERSION,
        objective=objective.name,
        classes=objective.classes,
        resamples=policy.resamples,
        resample=policy.resample,
        seed=seed,
        threshold=threshold,
        cost=_whole(policy.cost, threshold),
        overall=overall,
        slices=found.slices,
        trivial=trivial,
        reliability=_reliability(scores, objective, method=method),
        gaps=found.gaps,
    )


class Groups(NamedTuple):
    """What is measured of parts of the rows, each by itself."""

    slices: tuple[Scope, ...]
    gaps: tuple[Gap, ...]


def measure_groups(
    scores: pd.DataFrame,
    policy: Gate,
    *,
    objective: Objective,
    seed: int,
    threshold: float | None,
    facts: Mapping[str, Any],
) -> Groups:
    """Measure each slice, and the gaps between the groups of protected columns; as :func:`measure`.

    It needs nothing of what is measured of all rows, so both can be done at a time.
    """
    gauge, counted = _gauge(
        scores, policy, objective=objective, seed=seed, threshold=threshold, facts=facts
    )
    return Groups(
        tuple(gauge.scope(rows, name) for name, rows in _slices(counted, policy)),
        tuple(_gaps(gauge, counted, policy)),
    )


def _gauge(
    scores: pd.DataFrame,
    policy: Gate,
    *,
    objective: Objective,
    seed: int,
    threshold: float | None,
    facts: Mapping[str, Any],
) -> tuple[Gauge, pd.DataFrame]:
    """What measures, and the rows with the numbers of their days where days are drawn."""
    cost = _whole(policy.cost, threshold)
    metrics = with_cost(objective.metrics, cost, classes=objective.classes)
    counted, days = with_days(scores) if policy.resample == "days" else (scores, 0)
    gauge = Gauge(
        policy,
        objective=replace(objective, metrics=metrics),
        rates=_rates(objective, threshold),
        seed=seed,
        versus=facts["champion"] is not None and facts.get("champion_fault") is None,
        days=days,
    )
    return gauge, counted


def _whole(cost: Cost | None, threshold: float | None) -> Cost | None:
    """A cost with its threshold as a number, and every word of it said."""
    if cost is None:
        return None
    found = resolve(cost, threshold)
    return type(found).model_validate(found.model_dump())


def _rates(objective: Objective, threshold: float | None) -> dict[str, Metric]:
    decides = threshold if objective.terms.threshold else None
    found = rates_of(classes=objective.classes, threshold=decides)
    return {
        name: Metric(name, bigger_is_better=True, prepare=prepare)
        for name, prepare in found.items()
    }


def _slices(scores: pd.DataFrame, policy: Gate) -> Iterator[tuple[str, pd.DataFrame]]:
    """The slices of single columns, those of protected ones among them, then of crossings."""
    single = dict.fromkeys((*policy.slices, *policy.protected))
    for columns in (*((name,) for name in single), *policy.crossings):
        for values, rows in _groups(scores, columns):
            named = zip(columns, values, strict=True)
            yield " & ".join(f"{column}={value}" for column, value in named), rows


def _groups(
    scores: pd.DataFrame, columns: tuple[str, ...]
) -> Iterable[tuple[tuple[str, ...], pd.DataFrame]]:
    """The rows of each combination of values that there is, in their order."""
    values = [
        scores[column].astype("string").fillna("missing").to_numpy(dtype=object)
        for column in columns
    ]
    for value, rows in scores.groupby(values, sort=True):
        yield tuple(map(str, value)), rows


def _gaps(gauge: Gauge, scores: pd.DataFrame, policy: Gate) -> Iterator[Gap]:
    for column in policy.protected:
        groups = {value: rows for (value,), rows in _groups(scores, (column,))}
        yield from gaps(gauge, column, groups)


def _reliability(scores: pd.DataFrame, objective: Objective, *, method: str) -> Reliability:
    def curve(model: str) -> tuple[CalibrationBin, ...]:
        said = objective.scores(scores, objective.names(model))
        return tuple(
            CalibrationBin(
                point.rows,
                *(
                    round(value, DIGITS)
                    for value in (point.mean_score, point.observed, point.low, point.high)
                ),
            )
            for point in calibration(labels_of(scores), said, objective=objective)
        )

    if method == "none":
        return Reliability(method=method, curve=curve(CHALLENGER), before=(), error_before=None)
    before = objective.scores(scores, objective.names(UNCALIBRATED))
    error = objective.metric("calibration_error")(labels_of(scores), before)
    return Reliability(
        method=method,
        curve=curve(CHALLENGER),
        before=curve(UNCALIBRATED),
        error_before=rounded(error),
    )
