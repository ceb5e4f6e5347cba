"""A model cut short: what it would be had it stopped after fewer rounds."""

from __future__ import annotations

from dataclasses import replace

from laurel.adapters.xgboost.model import Model


def first_rounds(model: Model, rounds: int) -> Model:
    """The model of its first rounds alone, without calibration; at least one round is kept."""
    kept = max(1, min(rounds, model.booster.num_boosted_rounds()))
    return replace(model, booster=model.booster[:kept], calibration=None)
