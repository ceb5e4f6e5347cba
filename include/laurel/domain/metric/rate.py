"""Rates of what is predicted, whose gaps between groups are looked at: none is better or worse.

Sources: positive rates are those of demographic parity (Dwork et al., Fairness through awareness,
2012); true and false positive rates those of equalized odds (Hardt, Price and Srebro, Equality of
opportunity in supervised learning, 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from laurel.domain.config.terms import CLASS_RATE, MEAN_SCORE, POSITIVE_RATES
from laurel.domain.metric.base import Floats, Weighted, mean, ratio, total

Prepare = Callable[[Floats, Floats], Weighted]


def rates_of(*, classes: Sequence[int | str], threshold: float | None) -> Mapping[str, Prepare]:
    """The rates of an objective by name: of each class, or of scores and what is decided by them.

    threshold: from which score on a row is decided positive; without one nothing is decided.

    >>> list(rates_of(classes=(), threshold=0.5))
    ['mean_score', 'positive_rate', 'true_positive_rate', 'false_positive_rate']
    >>> list(rates_of(classes=("a", "b"), threshold=None))
    ['rate_a', 'rate_b']
    """
    if classes:
        return {f"{CLASS_RATE}{each}": _decided_as(place) for place, each in enumerate(classes)}
    found: dict[str, Prepare] = {MEAN_SCORE: lambda _labels, scores: mean(scores)}
    if threshold is not None:
        # as the scores that are published are compared
        bound = float(np.float32(threshold))
        found |= {
            name: _decided_positive(bound, of) for name, of in zip(POSITIVE_RATES, _OF, strict=True)
        }
    return found


_OF: tuple[bool | None, ...] = (None, True, False)
"""Of which rows the rate is: all, those with a positive label, the others."""


def _decided_positive(threshold: float, of: bool | None) -> Prepare:
    def prepare(labels: Floats, scores: Floats) -> Weighted:
        there = np.ones(len(labels)) if of is None else ((labels > 0) == of).astype(np.float64)
        decided = there * (scores >= threshold)
        return lambda weights: ratio(total(weights, decided), total(weights, there))

    return prepare


def _decided_as(place: int) -> Prepare:
    def prepare(_labels: Floats, scores: Floats) -> Weighted:
        decided = scores.argmax(axis=1) if len(scores) else np.empty(0, int)
        return mean((decided == place).astype(np.float64))

    return prepare
