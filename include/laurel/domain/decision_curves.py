"""The curves of both models on the same hold-out rows, for the page of a decision.

What is drawn depends on the objective: of probabilities of one event ROC and precision over recall;
of classes how many of each are found and how many of the found are right; of numbers the share of
rows that are predicted within an error (Bi and Bennett, Regression error characteristic curves,
2003). Of all: what was observed over what was said.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.config.cost import OutcomeCost
from laurel.domain.evidence import Evidence
from laurel.domain.explanation import evenly
from laurel.domain.metric.cost import cost_metric
from laurel.domain.objective import Objective
from laurel.domain.plots import precision_recall, roc_curve
from laurel.domain.reliability import calibration

POINTS = 80
"""Points of a curve, at most."""
THRESHOLDS = 50
"""Steps between the thresholds of a cost curve."""
DIGITS = 6

Floats = NDArray[np.float64]
Curve = list[list[float]]


def decision_curves(scores: pd.DataFrame, evidence: Evidence) -> dict[str, Any]:
    """The curves of the challenger and, where it could be compared, of the champion.

    scores: as :func:`laurel.domain.evidence.measure` takes it. Both models are drawn on the rows
    that compare them; without a champion on all rows.
    """
    versus = evidence.champion is not None and evidence.champion_fault is None
    rows = scores[scores["compared"]] if versus else scores
    objective, labels = evidence.learned, rows["label"].to_numpy(dtype="float64")
    models = ("challenger", "champion") if versus else ("challenger",)
    said = {model: objective.scores(rows, objective.names(model)) for model in models}
    return {
        "rows": len(rows),
        "models": {
            model: _curves(labels, found, objective, evidence) for model, found in said.items()
        }
        if len(rows)
        else {},
    }


def _curves(
    labels: Floats, scores: NDArray[Any], objective: Objective, evidence: Evidence
) -> dict[str, Any]:
    found: dict[str, Any] = {"reliability": _reliability(labels, scores, objective)}
    if objective.classes:
        return {**found, "classes": _classes(labels, scores, objective)}
    if not objective.probabilities:
        return {**found, "errors": _errors(labels, scores)}
    found["roc"] = _thinned(roc_curve(labels, scores))
    found["precision_recall"] = _thinned(precision_recall(labels, scores))
    if isinstance(evidence.cost, OutcomeCost):
        found["cost"] = _costs(labels, scores, evidence.cost)
    return found


def _reliability(labels: Floats, scores: NDArray[Any], objective: Objective) -> list[list[float]]:
    """Said, observed, its lower and upper bound, rows."""
    return [
        [*(_round(v) for v in (p.mean_score, p.observed, p.low, p.high)), p.rows]
        for p in calibration(labels, scores, objective=objective)
    ]


def _classes(labels: Floats, scores: NDArray[Any], objective: Objective) -> list[dict[str, Any]]:
    """Of each class the share that is found, and the share of the found that is right."""
    decided = scores.argmax(axis=1)
    lines = []
    for place, name in enumerate(objective.classes):
        own, said = labels == place, decided == place
        right = int((own & said).sum())
        lines.append(
            {
                "class": str(name),
                "rows": int(own.sum()),
                "recall": _round(right / own.sum()) if own.any() else None,
                "precision": _round(right / said.sum()) if said.any() else None,
            }
        )
    return lines


def _errors(labels: Floats, scores: NDArray[Any]) -> Curve:
    """Absolute error, and the share of rows with no more than that; up to the 99th percentile."""
    errors = np.sort(np.abs(labels - scores))
    kept = errors[: max(1, int(np.ceil(len(errors) * 0.99)))]
    points = [(float(kept[i]), (i + 1) / len(errors)) for i in evenly(len(kept), POINTS)]
    return _listed([(0.0, 0.0), *points])


def _costs(labels: Floats, scores: NDArray[Any], cost: OutcomeCost) -> Curve:
    """Threshold, and the mean cost of a row that is decided by it."""
    points = []
    for step in range(THRESHOLDS + 1):
        threshold = step / THRESHOLDS
        metric = cost_metric(cost.model_copy(update={"at": threshold}))
        points.append((threshold, float(metric(labels, scores))))
    return _listed(points)


def _thinned(points: list[tuple[float, float]]) -> Curve:
    if not points:
        return []
    taken = np.unique(np.append(evenly(len(points), POINTS), len(points) - 1))
    return _listed([points[place] for place in taken])


def _listed(points: list[tuple[float, float]]) -> Curve:
    return [[_round(x), _round(y)] for x, y in points]


def _round(value: float) -> float:
    return round(float(value), DIGITS)
