"""The tables of a training's plots: ROC and precision over recall, reliability, importance.

Small and rounded, so that they are the same bytes wherever they are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laurel.domain.explanation import evenly
from laurel.domain.plotfiles import (
    CONFUSION,
    IMPORTANCE,
    PRECISION_RECALL,
    RELIABILITY,
    ROC,
    SCORES,
    Plot,
    plots_of,
)

POINTS = 200
"""Points of a curve, at most."""
CASES = 5_000
"""Rows of a confusion matrix, at most: DVC counts them itself."""

Floats = NDArray[np.float64]
Row = tuple[object, ...]


def plot_tables(
    objective: str,
    labels: NDArray[Any],
    scores: NDArray[Any],
    *,
    classes: Sequence[str] = (),
    curve: Mapping[str, Any],
    importance: Sequence[Mapping[str, Any]],
) -> dict[str, str]:
    """The text of each plot's CSV file, by its name.

    labels: 0 or 1, a number, or the place of the class. scores: shape (rows,) or (rows, classes).
    curve: of :func:`laurel.domain.scorecurve.describe_scores`, that of the only output.
    importance: of :func:`laurel.domain.explanation.rank_importance`.
    """
    rows: dict[Plot, Iterable[Row]] = {
        IMPORTANCE: [(each["gain_share"], each["name"]) for each in importance],
    }
    if scores.ndim == 1:
        rows[RELIABILITY] = [(each["score"], each["observed"]) for each in curve["points"]]
        rows[SCORES] = _histogram(curve["histogram"])
    else:
        rows[CONFUSION] = _cases(labels, scores, classes)
    if objective == "binary":
        rows[ROC] = roc_curve(labels, scores)
        rows[PRECISION_RECALL] = precision_recall(labels, scores)
    return {plot.file: _csv(plot, rows[plot]) for plot in plots_of(objective)}


def roc_curve(labels: NDArray[Any], scores: NDArray[Any]) -> list[tuple[float, float]]:
    """False and true positive rate at each threshold, equal scores together (Fawcett 2006).

    Empty where one of the two outcomes is missing.

    >>> roc_curve(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
    [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]
    """
    true, false = _passed(labels, scores)
    if not true[-1] or not false[-1]:
        return []
    return _pairs(false / false[-1], true / true[-1])


def precision_recall(labels: NDArray[Any], scores: NDArray[Any]) -> list[tuple[float, float]]:
    """Recall and precision at each threshold, equal scores together; empty without positives.

    >>> precision_recall(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
    [(0.5, 1.0), (1.0, 0.6666666666666666), (1.0, 0.5)]
    """
    true, false = (each[1:] for each in _passed(labels, scores))
    if not len(true) or not true[-1]:
        return []
    return _pairs(true / true[-1], true / (true + false))


def _passed(labels: NDArray[Any], scores: NDArray[Any]) -> tuple[Floats, Floats]:
    """Positives and negatives above each threshold, from the highest score down."""
    if not len(scores):
        return np.zeros(1), np.zeros(1)
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    ranked, positive = scores[order], np.asarray(labels)[order] > 0
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true, false = (np.append(0.0, np.cumsum(each)[last]) for each in (positive, ~positive))
    return true, false


def _pairs(x: Floats, y: Floats) -> list[tuple[float, float]]:
    """The points of a curve, thinned evenly, both ends kept."""
    taken = np.unique(np.append(evenly(len(x), POINTS), len(x) - 1))
    return [(float(x[place]), float(y[place])) for place in taken]


def _histogram(found: Mapping[str, Any]) -> Iterable[Row]:
    edges, counts = found["edges"], found["rows"]
    whole = max(1, sum(counts))
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        yield (low + high) / 2, count / whole


def _cases(
    labels: NDArray[Any], scores: NDArray[Any], classes: Sequence[str]
) -> Iterable[tuple[str, str]]:
    for place in evenly(len(labels), CASES):
        yield classes[int(labels[place])], classes[int(np.argmax(scores[place]))]


def _csv(plot: Plot, rows: Iterable[Row]) -> str:
    lines = [(plot.x, plot.y), *rows]
    return "".join(",".join(map(_cell, line)) + "\n" for line in lines)


def _cell(value: object) -> str:
    """A value in CSV: numbers to six digits, text in quotes where it needs them.

    >>> _cell(0.12345678), _cell('a "b", c'), _cell(None)
    ('0.123457', '"a ""b"", c"', '')
    """
    if value is None:
        return ""
    if isinstance(value, float | int):
        return f"{float(value):.6g}"
    text = str(value)
    quoted = '"' + text.replace('"', '""') + '"'
    return quoted if any(mark in text for mark in ',"\n\r') else text
