"""Evidence: what the hold-out says of a challenger, beside the champion and two trivial models.

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
from laurel.domain.config import Frozen, Gate, VersusChampion
from laurel.domain.metric import METRICS, Floats, Metric, get_metric

CONFIDENCE = 0.95
"""Confidence of every bound that no threshold asks otherwise for."""
DIGITS = 9
"""Decimals kept: below them, processors of one architecture may differ."""
AGAINST_CONSTANT = "log_loss"
AGAINST_LOGISTIC = "auc"

Bounds = dict[str, tuple[float, float] | None]
"""confidence as text → one-sided lower and upper bound; None where undefined."""


class Measure(Frozen):
    """A metric of the challenger."""

    value: float | None
    """``None`` where undefined."""
    bounds: Bounds


class Comparison(Frozen):
    """A metric of the challenger and of a reference on the same rows.

    ``gain`` and its bounds are above zero where the challenger is better, for every metric.
    """

    challenger: float | None
    reference: float | None
    gain: float | None
    bounds: Bounds


class Scope(Frozen):
    """All hold-out rows, or a slice of them."""

    slice: str | None
    """``column=value``, or ``None`` for all rows."""
    rows: int
    positives: int
    metrics: dict[str, Measure]
    compared_rows: int
    """Rows on which challenger and champion are compared: none of them learned from them."""
    champion: dict[str, Comparison]
    """Empty without a champion."""


class Trivial(Frozen):
    """Models that any challenger should beat: the training days' rate, a logistic regression."""

    metrics: dict[str, dict[str, float | None]]
    constant: Comparison
    """By log loss."""
    logistic: Comparison
    """By area under the ROC curve."""


class Evidence(Frozen):
    """Everything the gate reads."""

    usecase: str
    as_of: str
    holdout: tuple[str, str]
    champion: str | None
    """The champion's model version; ``None`` when there is none."""
    trimmed: int
    """Hold-out rows left out of the comparison: the champion may have learned from them."""
    reload_identical: bool
    """Whether the saved model, loaded again, gave the scores that it gave when it was trained."""
    resamples: int
    seed: int
    overall: Scope
    slices: tuple[Scope, ...]
    trivial: Trivial

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return digest(self.document())


def measure(
    scores: pd.DataFrame,
    policy: Gate,
    *,
    seed: int,
    facts: Mapping[str, Any],
) -> Evidence:
    """Measure every metric, overall and on each slice, with bootstrap bounds.

    scores: one row per hold-out row with ``label`` (0 or 1), ``challenger``, ``champion`` (null
    without one), ``compared`` (bool), ``constant``, ``logistic`` and the slice columns. facts: the
    fields of :class:`Evidence` that are not measured. Raises :class:`laurel.errors.ConfigError`
    for a metric that does not exist.
    """
    for threshold in policy.thresholds:
        get_metric(threshold.metric)
    gauge = _Gauge(policy, seed=seed, versus=facts["champion"] is not None)
    return Evidence(
        **facts,
        resamples=policy.resamples,
        seed=seed,
        overall=gauge.scope(scores, None),
        slices=tuple(gauge.scope(rows, name) for name, rows in _slices(scores, policy.slices)),
        trivial=gauge.trivial(scores),
    )


def confidence_key(confidence: float) -> str:
    """A confidence as a key of :data:`Bounds`.

    >>> confidence_key(0.95), confidence_key(0.9)
    ('0.95', '0.9')
    """
    return f"{confidence:g}"


class _Gauge:
    """The policy's confidences and number of resamples, applied to one scope after the other."""

    def __init__(self, policy: Gate, *, seed: int, versus: bool) -> None:
        asked = {t.confidence for t in policy.thresholds if isinstance(t, VersusChampion)}
        self.confidences = sorted({CONFIDENCE, *asked})
        self.policy, self.seed, self.versus = policy, seed, versus

    def scope(self, rows: pd.DataFrame, name: str | None) -> Scope:
        compared = rows[rows["compared"]] if self.versus else rows.iloc[:0]
        return Scope(
            slice=name,
            rows=len(rows),
            positives=int(rows["label"].sum()),
            metrics=self.measures(rows, name),
            compared_rows=len(compared),
            champion=self.compare(compared, "champion", METRICS.values(), name=name)
            if self.versus
            else {},
        )

    def measures(self, rows: pd.DataFrame, name: str | None) -> dict[str, Measure]:
        metrics = list(METRICS.values())
        drawn = self._draw(rows, ["challenger"], metrics, name=name)
        return {
            metric.name: Measure(
                value=_value(metric, rows, "challenger"),
                bounds=self._bounds(drawn[metric.name]["challenger"]),
            )
            for metric in metrics
        }

    def compare(
        self, rows: pd.DataFrame, reference: str, metrics: Iterable[Metric], *, name: str | None
    ) -> dict[str, Comparison]:
        chosen = list(metrics)
        drawn = self._draw(rows, ["challenger", reference], chosen, name=name)
        found = {}
        for metric in chosen:
            ours, theirs = _value(metric, rows, "challenger"), _value(metric, rows, reference)
            values = drawn[metric.name]
            found[metric.name] = Comparison(
                challenger=ours,
                reference=theirs,
                gain=_gain(metric, ours, theirs),
                bounds=self._bounds(metric.gain(values["challenger"], values[reference])),
            )
        return found

    def trivial(self, rows: pd.DataFrame) -> Trivial:
        constant, logistic = METRICS[AGAINST_CONSTANT], METRICS[AGAINST_LOGISTIC]
        return Trivial(
            metrics={
                model: {metric.name: _value(metric, rows, model) for metric in METRICS.values()}
                for model in ("constant", "logistic")
            },
            constant=self.compare(rows, "constant", [constant], name=None)[constant.name],
            logistic=self.compare(rows, "logistic", [logistic], name=None)[logistic.name],
        )

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
            rows["label"].to_numpy(),
            {model: _floats(rows, model) for model in models},
            metrics,
            count=self.policy.resamples if enough else 0,
            # each slice its own seed, so that one more slice changes nothing of the others
            seed=self.seed if name is None else int(digest([self.seed, name])[:8], 16),
        )

    def _bounds(self, values: Floats) -> Bounds:
        return {confidence_key(c): _rounded(bounds(values, c)) for c in self.confidences}


def _slices(scores: pd.DataFrame, columns: Sequence[str]) -> Iterable[tuple[str, pd.DataFrame]]:
    for column in columns:
        values = scores[column].astype("string").fillna("missing")
        for value, rows in scores.groupby(values.to_numpy(dtype=object), sort=True):
            yield f"{column}={value}", rows


def _value(metric: Metric, rows: pd.DataFrame, model: str) -> float | None:
    value = metric(rows["label"].to_numpy(), _floats(rows, model))
    return None if np.isnan(value) else round(value, DIGITS)


def _gain(metric: Metric, ours: float | None, theirs: float | None) -> float | None:
    if ours is None or theirs is None:
        return None
    return round(float(metric.gain(np.array(ours), np.array(theirs))), DIGITS)


def _rounded(pair: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if pair is None else (round(pair[0], DIGITS), round(pair[1], DIGITS))


def _floats(rows: pd.DataFrame, model: str) -> Floats:
    return np.asarray(rows[model].to_numpy(dtype=np.float64, na_value=np.nan), np.float64)
