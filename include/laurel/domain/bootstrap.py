"""Bootstrap resamples, shared by every model and metric, so differences are paired.

Efron, B. (1979), Bootstrap methods: another look at the jackknife; percentile intervals. Rows are
drawn one by one. Rows of one day resemble each other, so those intervals are somewhat too narrow;
whole days can be drawn instead, one fewer than there are, which makes up for how few they are (Rao
and Wu, 1988, Resampling inference with complex survey data).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laurel.domain.metric import Floats, Metric

CELLS = 200_000
"""Weights held at a time: what metrics make of them stays in a processor's cache."""
BLOCK = 256
"""Rows that a random byte tells apart."""
MINIMUM_DAYS = 5
"""Resamples of fewer days say nothing."""

Counts = NDArray[np.uint16]
Distribution = dict[str, dict[str, Floats]]
"""metric → model → one value per resample."""


@dataclass(frozen=True)
class Days:
    """The days of some rows, among the days of all rows that are resampled together."""

    of_row: NDArray[np.intp]
    """The number of each row's day, shape (rows,)."""
    count: int


def resamples(rows: int, *, count: int, seed: int, days: Days | None = None) -> Iterator[Counts]:
    """Yield ``count`` resamples as counts of shape (some, rows).

    Each sums to ``rows``; with ``days`` each counts a row as often as its day was drawn. The same
    seed draws the same days, whatever rows of them are looked at. Fewer than five days give none.

    >>> [w.sum(axis=1).tolist() for w in resamples(4, count=2, seed=1)]
    [[4, 4]]
    """
    generator = np.random.default_rng(seed)
    step = max(1, CELLS // max(rows, 1))
    if days is not None:
        drawn = _times(generator, days.count, draws=days.count - 1, size=count)
        for start in range(0, count if days.count >= MINIMUM_DAYS else 0, step):
            yield drawn[start : start + step, days.of_row]
        return
    for start in range(0, count, step):
        yield _times(generator, rows, draws=rows, size=min(step, count - start))


def _times(generator: np.random.Generator, things: int, *, draws: int, size: int) -> Counts:
    """How often each thing is drawn: shape (size, things), each row multinomial.

    First how many fall into each block of 256 things, then where in it: counting so goes through
    memory in its order, several times as fast as counting things drawn from all over it.
    """
    blocks, rest = divmod(things, BLOCK)
    shares = np.array([*[BLOCK / things] * blocks, rest / things])
    fell = generator.multinomial(draws, shares, size=size)
    starts = np.arange(size)[:, None] * things + np.arange(blocks) * BLOCK
    drawn = np.repeat(starts, fell[:, :-1].ravel())
    drawn += generator.integers(0, BLOCK, size=len(drawn), dtype=np.uint8)
    counts = np.bincount(drawn, minlength=size * things).reshape(size, things)
    if rest:
        last = np.repeat(np.arange(size) * rest, fell[:, -1])
        last += generator.integers(0, rest, size=len(last))
        counts[:, -rest:] += np.bincount(last, minlength=size * rest).reshape(size, rest)
    return counts.astype(np.uint16)


def distribution(
    labels: NDArray[Any],
    scores: Mapping[str, NDArray[Any]],
    metrics: Sequence[Metric],
    *,
    count: int,
    seed: int,
    days: Days | None = None,
) -> Distribution:
    """Every metric of every model on the same ``count`` resamples of the rows, or of their days.

    labels: shape (rows,); each of the scores: shape (rows,) or (rows, classes). With the same
    seed the resamples are the same.

    >>> from laurel.domain.metric import BINARY
    >>> y, s = np.array([0, 1, 0, 1]), np.array([0.2, 0.6, 0.7, 0.9])
    >>> found = distribution(y, {"a": s, "b": s}, [BINARY["brier"]], count=5, seed=1)
    >>> bool((found["brier"]["a"] == found["brier"]["b"]).all())
    True
    """
    prepared = {
        (metric.name, model): metric.weighted(labels, values)
        for metric in metrics
        for model, values in scores.items()
    }
    parts: dict[tuple[str, str], list[Floats]] = {key: [] for key in prepared}
    drawn = resamples(len(labels), count=count, seed=seed, days=days) if len(labels) else ()
    for weights in drawn:
        for key, compute in prepared.items():
            parts[key].append(compute(weights))
    found: Distribution = {metric.name: {} for metric in metrics}
    for (name, model), values in parts.items():
        found[name][model] = np.concatenate(values) if values else np.empty(0)
    return found


def bounds(values: Floats, confidence: float) -> tuple[float, float] | None:
    """The lower and the upper bound that each hold with ``confidence``; None where undefined.

    Each is one-sided: at 0.95 both together enclose 90 % of the resamples. Resamples in which the
    metric is undefined are left out; when they are more than one in ten there are no bounds.

    >>> bounds(np.arange(101.0), 0.75)
    (25.0, 75.0)
    """
    defined = values[~np.isnan(values)]
    if len(defined) == 0 or len(defined) < 0.9 * len(values):
        return None
    low, high = np.quantile(defined, [1 - confidence, confidence])
    return float(low), float(high)
