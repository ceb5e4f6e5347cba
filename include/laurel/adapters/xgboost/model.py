"""A model version: its trees and what is needed to use them; saved as UBJ, loaded, predicting."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from laurel.adapters.documents import read_json
from laurel.adapters.xgboost.encoding import Feature, Scores, read_feature, to_matrix
from laurel.adapters.xgboost.threads import cores
from laurel.domain.featureset import Featurizer
from laurel.errors import IntegrityError, NotFound
from laurel.usecase import load_module

MODEL, ABOUT, FEATURES, PROFILE = "model.ubj", "model.json", "features.py", "profile.json"


@dataclass(frozen=True)
class Model:
    """A trained model: its trees, the columns it reads, and what ``model.json`` says of it."""

    booster: xgboost.Booster
    features: tuple[Feature, ...]
    about: Mapping[str, Any]

    def predict(self, features: pd.DataFrame) -> Scores:
        """The probability of a positive outcome for each row, in the order of the rows.

        Raises :class:`DataError` for columns that are missing or of another kind.
        """
        if not len(features):
            return np.empty(0, np.float32)
        scores: Scores = self.booster.predict(to_matrix(features, self.features))
        return scores


def model_bytes(model: Model) -> bytes:
    """The trees as UBJ."""
    return bytes(model.booster.save_raw(raw_format="ubj"))


def load_model(folder: Path) -> Model:
    """Load a model version's folder; raises :class:`NotFound` or :class:`IntegrityError`."""
    file = folder / MODEL
    if not file.is_file():
        raise NotFound("a model's file is missing", found=str(file))
    about = read_json(folder / ABOUT)
    booster = xgboost.Booster({"nthread": cores()})
    try:
        booster.load_model(bytearray(file.read_bytes()))
        features = tuple(read_feature(document) for document in about["features"])
    except (xgboost.core.XGBoostError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError(
            "this is not a whole model",
            found=f"{type(error).__name__}: {str(error).splitlines()[0][:200]}",
            detail=str(folder),
        ) from error
    return Model(booster=booster, features=features, about=about)


def load_features(folder: Path) -> Featurizer:
    """The feature code of a model's own version: ``featurize(rows, context)``."""
    usecase = str(read_json(folder / ABOUT)["usecase"])
    featurizer: Featurizer = load_module(folder / FEATURES, usecase=usecase).featurize
    return featurizer


def scores_digest(scores: Scores) -> str:
    """SHA-256 of scores as little-endian float32: equal where two models say exactly the same."""
    return hashlib.sha256(np.ascontiguousarray(scores, "<f4").tobytes()).hexdigest()
