"""What scoring loses by a change of its input or its model, with an interval over the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.bootstrap import bounds, distribution
from laurel.domain.metric import Metric


@dataclass(frozen=True)
class Effect:
    """By how much the model itself is better: above zero is a loss by the change."""

    value: float | None
    """``None`` where the metric is undefined."""
    low: float | None = None
    high: float | None = None
    """One-sided bounds, each at the confidence asked for; ``None`` where undefined."""

    @property
    def nothing(self) -> bool:
        """Whether no score was changed at all."""
        return (self.value, self.low, self.high) == (0.0, 0.0, 0.0)

    def above(self, level: float) -> bool:
        """Whether it is above a level, its lower bound included."""
        return self.low is not None and self.low > level

    def below(self, level: float) -> bool:
        """Whether it is below a level, its upper bound included."""
        return self.high is not None and self.high < level


def measure_effect(
    labels: NDArray[Any],
    own: NDArray[Any],
    others: Sequence[NDArray[Any]],
    metric: Metric,
    *,
    count: int,
    seed: int,
    confidence: float,
) -> Effect:
    """How much better ``own`` scores than ``others`` on average, over the same rows.

    labels: shape (rows,). own and each of the others: shape (rows,) or (rows, classes). The
    bounds are of a paired bootstrap over rows with ``count`` resamples.

    >>> from laurel.domain.metric import BINARY
    >>> y, good, bad = np.array([0, 1] * 8), np.array([0.2, 0.8] * 8), np.full(16, 0.5)
    >>> found = measure_effect(y, good, [bad], BINARY["brier"], count=9, seed=1, confidence=0.9)
    >>> round(found.value, 4), found.above(0)
    (0.21, True)
    """
    if all(np.array_equal(own, other) for other in others):
        return Effect(0.0, 0.0, 0.0)
    base = np.full(len(others), metric(labels, own))
    value = float(metric.gain(base, np.array([metric(labels, each) for each in others])).mean())
    if np.isnan(value):
        return Effect(None)
    scores = {"own": own, **{str(place): other for place, other in enumerate(others)}}
    drawn = distribution(labels, scores, [metric], count=count, seed=seed)[metric.name]
    gains = [metric.gain(drawn["own"], drawn[str(place)]) for place in range(len(others))]
    inside = bounds(np.mean(gains, axis=0), confidence)
    return Effect(value, *inside) if inside else Effect(value)


def shuffled(
    features: pd.DataFrame, names: Sequence[str], *, seed: int, repeat: int
) -> pd.DataFrame:
    """The features with the rows of some of them shuffled, all of those alike.

    Breiman, L. (2001), Random forests, section 10; Fisher, A., Rudin, C., Dominici, F. (2019).

    >>> both = shuffled(pd.DataFrame({"a": range(9), "b": range(9)}), ["a"], seed=1, repeat=0)
    >>> sorted(both["a"]) == list(both["b"]), list(both["a"]) == list(both["b"])
    (True, False)
    """
    order = np.random.default_rng([seed, repeat]).permutation(len(features))
    changed = features.copy(deep=False)
    for name in names:
        changed[name] = features[name].take(order).set_axis(features.index)
    return changed
