"""XGBoost: fit on histograms on the CPU, save as UBJ, load, predict; equal rows give equal bytes.

A model version is a folder: ``model.ubj`` (the trees), ``model.json`` (what is needed to use them
and how they came about), ``features.py`` (the feature code they were trained with),
``profile.json``, ``sample.parquet`` (a few of the rows they learned from) and, where the objective
has losses that can be learned, ``loss.ubj``.

Categories are given to XGBoost as numbers of the levels in ``model.json``, seen in the train days
alone; a level that was not seen there is missing.
"""

from __future__ import annotations

from laurel.adapters.xgboost.encoding import Feature, Scores
from laurel.adapters.xgboost.fitting import FIXED, fit
from laurel.adapters.xgboost.losses import LOSS, expect_losses, fit_losses
from laurel.adapters.xgboost.model import (
    ABOUT,
    FEATURES,
    MODEL,
    PROFILE,
    SAMPLE,
    Block,
    Model,
    load_features,
    load_model,
    model_bytes,
    scores_digest,
)
from laurel.adapters.xgboost.threads import CELLS_PER_THREAD, cores

__all__ = [
    "ABOUT",
    "CELLS_PER_THREAD",
    "FEATURES",
    "FIXED",
    "LOSS",
    "MODEL",
    "PROFILE",
    "SAMPLE",
    "Block",
    "Feature",
    "Model",
    "Scores",
    "cores",
    "expect_losses",
    "fit",
    "fit_losses",
    "load_features",
    "load_model",
    "model_bytes",
    "scores_digest",
]
