"""The gauge: measures metrics of some hold-out rows, with bounds by the policy's bootstrap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from laurel.domain.bootstrap import Days, Distribution, bounds, distribution
from laurel.domain.canonical import digest
from laurel.domain.config import Gate
from laurel.domain.config.names import PARTITION
from laurel.domain.evidence.record import (
    Bounds,
    Comparison,
    Measure,
    Scope,
    Trivial,
    confidence_key,
)
from laurel.domain.metric import Floats, Metric
from laurel.domain.objective import Objective

CONFIDENCE = 0.95
"""Confidence of every bound that no threshold asks otherwise for."""
DIGITS = 9
"""Decimals kept: below them, processors of one architecture may differ."""
CHALLENGER = "challenger"
DAY = "number of the day"
"""The column of a table of scores that counts its days."""


class Gauge:
    """The policy's confidences and number of resamples, applied to one scope after the other.

    objective: with every metric that is measured. rates: what besides is looked at between groups.
    versus: whether there is a champion's score. days: how many days the hold-out has, where days
    are drawn.
    """

    def __init__(
        self,
        policy: Gate,
        *,
        objective: Objective,
        rates: Mapping[str, Metric],
        seed: int,
        versus: bool,
        days: int,
    ) -> None:
        self.rates = list(rates.values()) if policy.protected else []
        self._drawn: dict[str | None, Distribution] = {}
        self.confidences = sorted({CONFIDENCE, *policy.confidences})
        self.policy, self.seed, self.versus, self.days = policy, seed, versus, days
        self.objective, self.metrics = objective, list(objective.metrics.values())

    def scope(self, rows: pd.DataFrame, name: str | None) -> Scope:
        """Every metric of the challenger, and of the champion on the rows that compare."""
        compared = rows[rows["compared"]] if self.versus else rows.iloc[:0]
        return Scope(
            slice=name,
            rows=len(rows),
            labels=self.objective.labels.summary(labels_of(rows), self.objective.classes),
            metrics=self._measures(rows, name),
            compared_rows=len(compared),
            champion=self._compare(compared, "champion", self.metrics, name=name)
            if self.versus
            else {},
        )

    def trivial(self, rows: pd.DataFrame) -> Trivial:
        """The challenger beside the constant and the simple model."""
        constant, simple = self.objective.against_constant, self.objective.against_simple
        return Trivial(
            metrics={
                model: {metric.name: self.value(metric, rows, model) for metric in self.metrics}
                for model in ("constant", "simple")
            },
            constant=self._compare(rows, "constant", [constant], name=None)[constant.name],
            simple=self._compare(rows, "simple", [simple], name=None)[simple.name],
        )

    def value(self, metric: Metric, rows: pd.DataFrame, model: str = CHALLENGER) -> float | None:
        """A metric of a model, to the decimals kept; ``None`` where undefined."""
        return rounded(metric(labels_of(rows), self._scores(rows, model)))

    def drawn(self, rows: pd.DataFrame, name: str | None) -> Distribution:
        """The challenger's metrics and rates on resamples of a scope, drawn once."""
        if name not in self._drawn:
            metrics = (*self.metrics, *self.rates)
            self._drawn[name] = self._draw(rows, metrics, name=name, models=(CHALLENGER,))
        return self._drawn[name]

    def _draw(
        self,
        rows: pd.DataFrame,
        metrics: Sequence[Metric],
        *,
        name: str | None,
        models: Sequence[str],
    ) -> Distribution:
        # a scope too small to be judged is not worth its resamples
        enough = len(rows) >= self.policy.minimum_rows
        return distribution(
            labels_of(rows),
            {model: self._scores(rows, model) for model in models},
            metrics,
            count=self.policy.resamples if enough else 0,
            seed=self._seed(name),
            days=self._days(rows),
        )

    def bounds(self, values: Floats) -> Bounds:
        """The bounds of resampled values at every confidence."""
        return {confidence_key(c): both_rounded(bounds(values, c)) for c in self.confidences}

    def _measures(self, rows: pd.DataFrame, name: str | None) -> dict[str, Measure]:
        drawn = self.drawn(rows, name)
        return {
            metric.name: Measure(
                value=self.value(metric, rows), bounds=self.bounds(drawn[metric.name][CHALLENGER])
            )
            for metric in self.metrics
        }

    def _compare(
        self, rows: pd.DataFrame, reference: str, metrics: Iterable[Metric], *, name: str | None
    ) -> dict[str, Comparison]:
        chosen = list(metrics)
        drawn = self._draw(rows, chosen, name=name, models=(CHALLENGER, reference))
        found = {}
        for metric in chosen:
            ours, theirs = (self.value(metric, rows, model) for model in (CHALLENGER, reference))
            values = drawn[metric.name]
            found[metric.name] = Comparison(
                challenger=ours,
                reference=theirs,
                gain=_gain(metric, ours, theirs),
                bounds=self.bounds(metric.gain(values[CHALLENGER], values[reference])),
            )
        return found

    def _scores(self, rows: pd.DataFrame, model: str) -> Floats:
        return self.objective.scores(rows, self.objective.names(model))

    def _seed(self, name: str | None) -> int:
        # each slice its own seed, so that one more slice changes nothing of the others; days are
        # those of all rows, and drawn alike for each slice
        if name is None or self.policy.resample == "days":
            return self.seed
        return int(digest([self.seed, name])[:8], 16)

    def _days(self, rows: pd.DataFrame) -> Days | None:
        if self.policy.resample == "rows":
            return None
        return Days(rows[DAY].to_numpy(dtype=np.intp), self.days)


def with_days(scores: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Scores with the number of each row's day, and how many days there are."""
    days, names = pd.factorize(scores[PARTITION].astype(str), sort=True)
    return scores.assign(**{DAY: days}), len(names)


def labels_of(rows: pd.DataFrame) -> Floats:
    """The labels as numbers."""
    return rows["label"].to_numpy(dtype="float64")


def rounded(value: float) -> float | None:
    """A value to the decimals kept; ``None`` where undefined."""
    return None if np.isnan(value) else round(value, DIGITS)


def both_rounded(pair: tuple[float, float] | None) -> tuple[float, float] | None:
    """Bounds to the decimals kept."""
    return None if pair is None else (round(pair[0], DIGITS), round(pair[1], DIGITS))


def _gain(metric: Metric, ours: float | None, theirs: float | None) -> float | None:
    if ours is None or theirs is None:
        return None
    return round(float(metric.gain(np.array(ours), np.array(theirs))), DIGITS)
