"""A model version: its trees and what is needed to use them; saved as UBJ, loaded, predicting."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import xgboost

from laurel.adapters.documents import read_json
from laurel.adapters.xgboost.encoding import (
    Feature,
    Scores,
    base_margins,
    encode_block,
    expect_columns,
    read_feature,
    to_matrix,
)
from laurel.adapters.xgboost.threads import cores
from laurel.domain.calibration import Calibration, fit_calibration, read_calibration
from laurel.domain.featureset import Featurizer, Part
from laurel.domain.objective import OBJECTIVES, Objective
from laurel.errors import IntegrityError, NotFound
from laurel.usecase import load_module

if TYPE_CHECKING:
    from laurel.adapters.xgboost.forest import Forest

_log = logging.getLogger(__name__)
MODEL, ABOUT, FEATURES = "model.ubj", "model.json", "features.py"
PROFILE, SAMPLE = "profile.json", "sample.parquet"
MANY_ROWS, MANY_TREES = 500_000, 50
"""From where on trees are compiled: a second and a half of CPU time, and 130 MB.

Both, not their product: partitions of a million rows and of thirty take the same memory then.
"""


class Block(NamedTuple):
    """Rows as trees read them."""

    values: Scores
    """Shape (rows, features): numbers, and numbers of categories; nan where missing."""
    margins: Scores | None = None
    """Where the trees of each row begin; ``None`` where they all begin as XGBoost has it."""


@dataclass(frozen=True)
class Model:
    """A trained model: its trees, the columns it reads, and what ``model.json`` says of it.

    From a row to its score: the trees add up to a margin, the objective's link makes a raw score
    of it (log odds → probability), and a calibration, where there is one, takes the place of the
    link. What features contribute is told of the margin.
    """

    booster: xgboost.Booster
    features: tuple[Feature, ...]
    about: Mapping[str, Any]
    calibration: Calibration | None = None
    forest: Forest | None = None
    """The same trees as machine code, if they were compiled."""

    def for_rows(self, rows: int) -> Model:
        """The model as it scores so many rows the fastest: the same bits for every row.

        Compiled trees are compared with XGBoost's own first, on rows made of the values that the
        trees ask for, and not used where one bit differs.
        """
        if rows < MANY_ROWS or self.booster.num_boosted_rounds() < MANY_TREES:
            return self
        from laurel.adapters.xgboost.forest import flatten

        forest = flatten(self.booster)
        if forest is None:
            return self
        if not forest.agrees_with(self.booster):
            _log.warning("compiled trees are not used: they differ from XGBoost's own scores")
            return self
        return replace(self, forest=forest)

    @property
    def objective(self) -> Objective:
        """What it learned."""
        return replace(
            OBJECTIVES[self.about["objective"]],
            classes=tuple(self.about["classes"]),
            exposure=self.about["exposure"],
        )

    def matrix(self, features: pd.DataFrame) -> xgboost.DMatrix:
        """Rows as XGBoost reads them, each with where its trees begin.

        Raises :class:`DataError` for columns that are missing or of another kind.
        """
        return to_matrix(features, self.features, intercept=self.about.get("intercept"))

    def block(self, features: pd.DataFrame) -> Block:
        """Rows as the trees read them when they are asked for scores.

        Raises :class:`DataError` for columns that are missing or of another kind.
        """
        intercept = self.about.get("intercept")
        expect_columns(features, self.features, intercept=intercept)
        return Block(
            encode_block(features, self.features),
            None if intercept is None else base_margins(features, intercept),
        )

    def scores(self, block: Block) -> Scores:
        """What :meth:`predict` says of rows that are encoded already."""
        if self.calibration is None:
            return self._ask(block, margin=False)
        margins = self._ask(block, margin=True).astype(np.float64)
        return self.calibration.apply(margins).astype(np.float32)

    def margin(self, features: pd.DataFrame) -> Scores:
        """What the trees add up to: shape (rows,), or (rows, classes)."""
        return self._ask(self.block(features), margin=True)

    def raw(self, features: pd.DataFrame) -> Scores:
        """Scores before calibration: shape (rows,), or (rows, classes)."""
        return self._ask(self.block(features), margin=False)

    def predict(self, features: pd.DataFrame) -> Scores:
        """Scores in the order of the rows: shape (rows,), or (rows, classes).

        Probabilities, numbers in the unit of the label, or expected counts. Raises
        :class:`DataError` for columns that are missing or of another kind.
        """
        return self.scores(self.block(features))

    def importance(self) -> dict[str, float]:
        """Feature → its share of what the trees gained; 0 of one that no tree asks."""
        gains: dict[str, Any] = self.booster.get_score(importance_type="total_gain")
        total = sum(gains[name] for name in sorted(gains))
        return {
            name: float(gains.get(name, 0.0) / total) if total else 0.0
            for name in sorted(self.booster.feature_names or ())
        }

    def calibrated(self, method: str, part: Part) -> Model:
        """The same trees with scores made probabilities by the labels of a part."""
        if method == "none":
            return self
        margins = self.margin(part.features)
        fitted = fit_calibration(method, margins, part.labels, part.weights)
        return replace(self, calibration=fitted)

    def _ask(self, block: Block, *, margin: bool) -> Scores:
        """What the trees say, bit for bit what they say of a matrix of XGBoost's own.

        No matrix is made: it would hold a copy of the rows, and remember what was said of them.
        """
        if not len(block.values):
            shape = (0, self.objective.width) if self.objective.classes else (0,)
            return np.empty(shape, np.float32)
        if self.forest is not None:
            margins = self.forest.margins(block.values, block.margins, threads=cores())
            return margins if margin else self.forest.scores(margins)
        found = self.booster.inplace_predict(
            block.values,
            predict_type="margin" if margin else "value",
            base_margin=block.margins,
            # columns are in the order of the model's features: that is what a block is
            validate_features=False,
        )
        return np.asarray(found, np.float32)


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
        model = Model(
            booster=booster,
            features=tuple(read_feature(document) for document in about["features"]),
            about=about,
            calibration=read_calibration(about["calibration"]) if about["calibration"] else None,
        )
        model.objective  # noqa: B018 - whether there is one of that name
    except (xgboost.core.XGBoostError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError(
            "this is not a whole model",
            found=f"{type(error).__name__}: {str(error).splitlines()[0][:200]}",
            detail=str(folder),
        ) from error
    return model


def load_features(folder: Path) -> Featurizer:
    """The feature code of a model's own version: ``featurize(rows, context)``."""
    usecase = str(read_json(folder / ABOUT)["usecase"])
    featurizer: Featurizer = load_module(folder / FEATURES, usecase=usecase).featurize
    return featurizer


def scores_digest(scores: Scores) -> str:
    """SHA-256 of scores as little-endian float32: equal where two models say exactly the same."""
    return hashlib.sha256(np.ascontiguousarray(scores, "<f4").tobytes()).hexdigest()
