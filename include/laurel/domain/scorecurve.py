"""How scores and labels lie: histograms, and what was observed where the model said what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laurel.domain.canonical import rounded

BINS = 20
"""Bars of a histogram of scores."""
POINTS = 10
"""Points of a curve, of about equally many rows each."""
FEW = 12
"""Different labels that are counted one by one."""
Z_95 = 1.959963984540054

Floats = NDArray[np.float64]


def describe_labels(labels: NDArray[Any]) -> dict[str, Any]:
    """Rows of each label where there are few different ones, else quantiles; and the mean.

    >>> describe_labels(np.array([0, 1, 1]))
    {'rows': 3, 'counts': {'0': 1, '1': 2}, 'mean': 0.666667}
    """
    if labels.dtype.kind not in "biuf":
        names, counts = np.unique(labels.astype(str), return_counts=True)
        counted = {str(name): int(n) for name, n in zip(names, counts, strict=True)}
        return {"rows": len(labels), "counts": counted}
    values = np.asarray(labels, np.float64)
    found: dict[str, Any] = {"rows": len(values)}
    different, counts = np.unique(values, return_counts=True)
    if len(different) <= FEW:
        pairs = zip(different, counts, strict=True)
        found["counts"] = {f"{value:g}": int(count) for value, count in pairs}
    else:
        shares = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
        quantiles = np.quantile(values, shares, method="inverted_cdf")
        pairs = zip(shares, quantiles, strict=True)
        found["quantiles"] = {f"{share:g}": rounded(value) for share, value in pairs}
    return {**found, "mean": rounded(float(values.mean())) if len(values) else None}


def describe_scores(
    labels: NDArray[Any], scores: NDArray[Any], *, classes: Sequence[str] = ()
) -> dict[str, Any]:
    """A histogram of the scores and a curve of what was observed over what was said.

    scores: shape (rows,), or (rows, classes) of probabilities, of which each class has a curve of
    its own. labels: 0 or 1, a number, or the place of the class.

    >>> found = describe_scores(np.array([0, 1, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]))
    >>> found["curves"][0]["histogram"]["rows"][2], len(found["curves"][0]["points"])
    (1, 4)
    """
    if scores.ndim == 1:
        return {"rows": len(labels), "curves": [_curve(labels, scores, name=None)]}
    named = classes or [str(place) for place in range(scores.shape[1])]
    return {
        "rows": len(labels),
        "curves": [
            _curve((labels == place).astype(np.float64), scores[:, place], name=name)
            for place, name in enumerate(named)
        ],
    }


def _curve(labels: NDArray[Any], scores: NDArray[Any], *, name: str | None) -> dict[str, Any]:
    observed, said = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    order = np.argsort(said, kind="stable")
    parts = [part for part in np.array_split(order, POINTS) if len(part)]
    binary = bool(np.isin(observed, (0.0, 1.0)).all())
    return {
        "class": name,
        "binary": binary,
        "histogram": _histogram(observed, said, binary=binary),
        "points": [_point(observed[part], said[part], binary=binary) for part in parts],
        "cuts": _cuts(observed, np.asarray(scores, np.float32)) if binary else None,
    }


def _histogram(labels: Floats, scores: Floats, *, binary: bool) -> dict[str, Any]:
    """Rows by score, and of these the positives where labels are 0 or 1."""
    low, high = (0.0, 1.0) if binary else (float(scores.min()), float(scores.max()))
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    places = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, BINS - 1)
    found: dict[str, Any] = {
        "edges": [rounded(float(edge)) for edge in edges],
        "rows": np.bincount(places, minlength=BINS).tolist(),
    }
    if binary:
        found["positive"] = np.bincount(places[labels > 0], minlength=BINS).tolist()
    return found


def _cuts(labels: Floats, scores: NDArray[np.float32]) -> dict[str, list[int]]:
    """Rows at or above each hundredth from 0 to 1, and the positives among them."""
    edges = np.array([place / 100 for place in range(101)], np.float32)
    found = {}
    for name, chosen in (("rows", scores), ("positive", scores[labels > 0])):
        ordered = np.sort(chosen)
        below = np.searchsorted(ordered, edges, side="left")
        found[name] = (len(ordered) - below).tolist()
    return found


def _point(labels: Floats, scores: Floats, *, binary: bool) -> dict[str, Any]:
    mean = float(labels.mean())
    low, high = _wilson(mean, len(labels)) if binary else _normal(labels, mean)
    return {
        "rows": len(labels),
        "score": rounded(float(scores.mean())),
        "observed": rounded(mean),
        "low": rounded(low),
        "high": rounded(high),
    }


def _wilson(rate: float, rows: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate (Journal of the American Statistical Association, 1927)."""
    square = Z_95**2
    centre = (rate + square / (2 * rows)) / (1 + square / rows)
    spread = np.sqrt(rate * (1 - rate) / rows + square / (4 * rows**2))
    half = float(Z_95 / (1 + square / rows) * spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def _normal(labels: Floats, mean: float) -> tuple[float, float]:
    """The 95 % interval of a mean by the normal approximation; a point for a single row."""
    half = Z_95 * float(labels.std(ddof=1)) / np.sqrt(len(labels)) if len(labels) > 1 else 0.0
    return mean - half, mean + half


def at_threshold(curve: Mapping[str, Any], threshold: float | None) -> dict[str, int] | None:
    """What deciding from a threshold on means on the hold-out: rows, positives, and both together.

    ``None`` without a threshold, or for one that is no hundredth.

    >>> found = describe_scores(np.array([0, 1, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]))
    >>> at_threshold(found["curves"][0], 0.5)
    {'rows': 4, 'positive': 3, 'decided': 2, 'rightly': 2}
    """
    cuts = curve["cuts"]
    place = None if threshold is None else round(threshold * 100)
    if cuts is None or place is None or place / 100 != threshold:
        return None
    return {
        "rows": cuts["rows"][0],
        "positive": cuts["positive"][0],
        "decided": cuts["rows"][place],
        "rightly": cuts["positive"][place],
    }
