"""Measure a challenger on the hold-out, beside the champion and two trivial models.

It is computed from one table of scores per row, so another policy can be replayed later without
training: :func:`measure` again, then judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from laurel.domain.bootstrap import bounds, distribution
from laurel.domain.canonical import digest
from laurel.domain.config import Gate, VersusChampion
from laurel.domain.evidence.record import (
    Bounds,
    Comparison,
    Evidence,
    Measure,
    Reliability,
    Scope,
    Trivial,
    confidence_key,
)
from laurel.domain.metric import Floats, Metric
from laurel.domain.objective import Objective
from laurel.domain.reliability import CalibrationBin, calibration

CONFIDENCE = 0.95
"""Confidence of every bound that no threshold asks otherwise for."""
DIGITS = 9
"""Decimals kept: below them, processors of one architecture may differ."""
CHALLENGER, UNCALIBRATED = "challenger", "uncalibrated"


def measure(
    scores: pd.DataFrame,
    policy: Gate,
    *,
    objective: Objective,
    seed: int,
    method: str = "none",
    facts: Mapping[str, Any],
) -> Evidence:
    """Measure every metric, overall and on each slice, with bootstrap bounds.

    scores: one row per hold-out row with ``label`` as a number, the scores of ``challenger``,
    ``champion`` (null without one), ``constant`` and ``simple`` by the objective's
    :meth:`~laurel.domain.objective.Objective.names`, ``compared`` (bool) and the slice columns;
    where a ``method`` calibrated the scores, also those ``uncalibrated``. facts: the fields of
    :class:`Evidence` that are not measured. Raises :class:`laurel.errors.ConfigError` for a metric
    that the objective does not have.
    """
    for threshold in policy.thresholds:
        objective.metric(threshold.metric)
    gauge = _Gauge(policy, objective=objective, seed=seed, versus=facts["champion"] is not None)
    return Evidence(
        **facts,
        objective=objective.name,
        classes=objective.classes,
        resamples=policy.resamples,
        seed=seed,
        overall=gauge.scope(scores, None),
        slices=tuple(gauge.scope(rows, name) for name, rows in _slices(scores, policy.slices)),
        trivial=gauge.trivial(scores),
        reliability=_reliability(scores, objective, method=method),
    )


class _Gauge:
    """The policy's confidences and number of resamples, applied to one scope after the other."""

    def __init__(self, policy: Gate, *, objective: Objective, seed: int, versus: bool) -> None:
        asked = {t.confidence for t in policy.thresholds if isinstance(t, VersusChampion)}
        self.confidences = sorted({CONFIDENCE, *asked})
        self.policy, self.seed, self.versus = policy, seed, versus
        self.objective, self.metrics = objective, list(objective.metrics.values())

    def scope(self, rows: pd.DataFrame, name: str | None) -> Scope:
        compared = rows[rows["compared"]] if self.versus else rows.iloc[:0]
        return Scope(
            slice=name,
            rows=len(rows),
            labels=self.objective.labels.summary(_labels(rows), self.objective.classes),
            metrics=self.measures(rows, name),
            compared_rows=len(compared),
            champion=self.compare(compared, "champion", self.metrics, name=name)
            if self.versus
            else {},
        )

    def measures(self, rows: pd.DataFrame, name: str | None) -> dict[str, Measure]:
        drawn = self._draw(rows, [CHALLENGER], self.metrics, name=name)
        return {
            metric.name: Measure(
                value=self.value(metric, rows, CHALLENGER),
                bounds=self._bounds(drawn[metric.name][CHALLENGER]),
            )
            for metric in self.metrics
        }

    def compare(
        self, rows: pd.DataFrame, reference: str, metrics: Iterable[Metric], *, name: str | None
    ) -> dict[str, Comparison]:
        chosen = list(metrics)
        drawn = self._draw(rows, [CHALLENGER, reference], chosen, name=name)
        found = {}
        for metric in chosen:
            ours, theirs = (self.value(metric, rows, model) for model in (CHALLENGER, reference))
            values = drawn[metric.name]
            found[metric.name] = Comparison(
                challenger=ours,
                reference=theirs,
                gain=_gain(metric, ours, theirs),
                bounds=self._bounds(metric.gain(values[CHALLENGER], values[reference])),
            )
        return found

    def trivial(self, rows: pd.DataFrame) -> Trivial:
        constant, simple = self.objective.against_constant, self.objective.against_simple
        return Trivial(
            metrics={
                model: {metric.name: self.value(metric, rows, model) for metric in self.metrics}
                for model in ("constant", "simple")
            },
            constant=self.compare(rows, "constant", [constant], name=None)[constant.name],
            simple=self.compare(rows, "simple", [simple], name=None)[simple.name],
        )

    def value(self, metric: Metric, rows: pd.DataFrame, model: str) -> float | None:
        """A metric of a model, to the decimals kept; ``None`` where undefined."""
        return _rounded(metric(_labels(rows), self._scores(rows, model)))

    def _scores(self, rows: pd.DataFrame, model: str) -> Floats:
        return self.objective.scores(rows, self.objective.names(model))

    def _draw(
        self,
        rows: pd.DataFrame,
        models: Sequence[str],
        metrics: Sequence[Metric],
        *,
        name: str | None,
    ) -> dict[str, dict[str, Floats]]:
        # a scope too small to be judged is not worth its resamples
        enough = len(rows) >= self.policy.minimum_rows
        return distribution(
            _labels(rows),
            {model: self._scores(rows, model) for model in models},
            metrics,
            count=self.policy.resamples if enough else 0,
            # each slice its own seed, so that one more slice changes nothing of the others
            seed=self.seed if name is None else int(digest([self.seed, name])[:8], 16),
        )

    def _bounds(self, values: Floats) -> Bounds:
        return {confidence_key(c): _both_rounded(bounds(values, c)) for c in self.confidences}


def _slices(scores: pd.DataFrame, columns: Sequence[str]) -> Iterable[tuple[str, pd.DataFrame]]:
    for column in columns:
        values = scores[column].astype("string").fillna("missing")
        for value, rows in scores.groupby(values.to_numpy(dtype=object), sort=True):
            yield f"{column}={value}", rows


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
            for point in calibration(_labels(scores), said, objective=objective)
        )

    if method == "none":
        return Reliability(method=method, curve=curve(CHALLENGER), before=(), error_before=None)
    before = objective.scores(scores, objective.names(UNCALIBRATED))
    error = objective.metric("calibration_error")(_labels(scores), before)
    return Reliability(
        method=method,
        curve=curve(CHALLENGER),
        before=curve(UNCALIBRATED),
        error_before=_rounded(error),
    )


def _labels(rows: pd.DataFrame) -> Floats:
    return rows["label"].to_numpy(dtype="float64")


def _gain(metric: Metric, ours: float | None, theirs: float | None) -> float | None:
    if ours is None or theirs is None:
        return None
    return round(float(metric.gain(np.array(ours), np.array(theirs))), DIGITS)


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, DIGITS)


def _both_rounded(pair: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if pair is None else (round(pair[0], DIGITS), round(pair[1], DIGITS))
