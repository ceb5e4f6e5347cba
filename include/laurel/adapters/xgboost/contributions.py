"""What each feature adds to a model's margin, and what the trees gained by each feature."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.xgboost.model import Model
from laurel.errors import IntegrityError

TOLERANCE = 1e-4
"""By how much of its own size the sum of a row's contributions may miss the margin: XGBoost adds
thousands of float32 numbers (seen: 5e-6)."""
KINDS = ("weight", "gain", "total_gain", "cover", "total_cover")

Contributions = NDArray[np.float32]
"""Shape (rows, outputs, features + 1): one output, or one for each class; the base comes last."""


def contributions(model: Model, features: pd.DataFrame) -> Contributions:
    """What each feature adds to the margin of each row, against the mean over the training rows.

    These are SHAP values by the exact algorithm for trees, and the last of them is the base: a
    row's values add up to its margin, which is checked here. They are the same for any number of
    threads, and for a row alone or among others.

    Source: Lundberg, Erion and Lee, Consistent individualized feature attribution for tree
    ensembles, 2018. Raises :class:`DataError` for columns that are missing or of another kind,
    :class:`IntegrityError` where the contributions do not add up to the margin.
    """
    width = len(model.features) + 1
    if not len(features):
        return np.empty((0, 1, width), np.float32)
    matrix = model.matrix(features)
    found = np.asarray(model.booster.predict(matrix, pred_contribs=True), np.float32)
    shaped: Contributions = found.reshape(len(features), -1, width)
    margin = np.asarray(model.booster.predict(matrix, output_margin=True), np.float64)
    _expect_sum(shaped, margin.reshape(len(features), -1))
    return shaped


def importance(model: Model) -> dict[str, dict[str, float]]:
    """What the trees gained by each feature of the model; zeros for one they never ask.

    ``weight`` counts the splits, ``gain`` is their mean fall of the loss, ``cover`` the mean sum
    of second derivatives of the rows they part (for squared error the number of rows); totals are
    sums instead of means.
    """
    scores: dict[str, Any] = {kind: model.booster.get_score(importance_type=kind) for kind in KINDS}
    return {
        feature.name: {kind: float(scores[kind].get(feature.name, 0.0)) for kind in KINDS}
        for feature in model.features
    }


def tree_count(model: Model) -> int:
    """The number of trees: rounds, times classes where there are several."""
    boosting = json.loads(model.booster.save_config())["learner"]["gradient_booster"]
    return int(boosting["gbtree_model_param"]["num_trees"])


def _expect_sum(found: Contributions, margin: NDArray[np.float64]) -> None:
    wide = found.astype(np.float64)
    gap = np.abs(wide.sum(axis=2) - margin)
    allowed = TOLERANCE * np.maximum(1.0, np.abs(wide).sum(axis=2))
    if not (gap <= allowed).all():
        raise IntegrityError(
            "the contributions do not add up to the margin",
            found=f"a gap of {np.nanmax(gap):.3g} in {int((~(gap <= allowed)).sum())} rows",
            expected=f"at most {TOLERANCE:g} of their size",
        )
