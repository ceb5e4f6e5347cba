"""Fit the folds of a trial side by side, a round at a time, as ``xgboost.cv`` does.

After each round the mean over the folds says where the trial stands, so a trial can be ended early
by what all folds say, and the number of rounds is one for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from laurel.adapters.xgboost.encoding import Feature, describe, to_matrix
from laurel.adapters.xgboost.fitting import intercept_of, parameters, refused
from laurel.adapters.xgboost.threads import threads_for
from laurel.domain.config import Model as ModelConfig
from laurel.domain.featureset import Part
from laurel.domain.metric import Metric
from laurel.domain.objective import Objective
from laurel.domain.trial import Point
from laurel.domain.weights import balanced, class_weights
from laurel.errors import DataError


@dataclass(frozen=True)
class _Fold:
    """Both matrices of a fold, and what the metrics need of the one that validates."""

    features: tuple[Feature, ...]
    train: xgboost.DMatrix
    validation: xgboost.DMatrix
    labels: NDArray[Any]
    weights: NDArray[np.float64] | None


class FoldFits:
    """The matrices of all folds, made once, and the fits of any number of trials on them."""

    def __init__(
        self,
        folds: Sequence[tuple[Part, Part]],
        config: ModelConfig,
        *,
        objective: Objective,
        metric: Metric | None = None,
        threads: int | None = None,
    ) -> None:
        """Make the matrices.

        folds: rows to learn from and rows that validate. metric: what is optimised, of rows that
        all weigh the same as in the gate; when left out what early stopping watches, whose rows
        weigh as in learning.
        """
        self._config, self._objective, self._metric = config, objective, metric
        self._threads = threads or threads_for(folds[-1][0].features)
        self._folds = [self._fold(train, validation) for train, validation in folds]

    def points(self, params: Mapping[str, Any], *, every: int) -> Iterator[Point]:
        """Where a trial stands after every so many rounds, and at its end.

        It ends when the mean of what early stopping watches was not better for so many rounds as
        the final fit waits, or at the bound on rounds. Raises :class:`ConfigError` for parameters
        that XGBoost refuses.
        """
        config = self._config
        boosters = [self._booster(fold, params) for fold in self._folds]
        best, rounds, scores = np.nan, 0, list[NDArray[Any]]()
        for fitted in range(1, config.rounds + 1):
            found = [self._round(*pair, fitted) for pair in zip(boosters, self._folds, strict=True)]
            mean = sum(self._watched(*pair) for pair in zip(self._folds, found, strict=True))
            mean /= len(self._folds)
            if not rounds or self._is_better(mean, best):
                best, rounds, scores = mean, fitted, found
            ends = fitted == config.rounds or fitted - rounds >= config.early_stopping_rounds
            if ends or fitted % every == 0:
                yield Point(fitted, rounds, self._values(scores), ends=ends)
            if ends:
                return

    def _fold(self, train: Part, validation: Part) -> _Fold:
        features, objective = describe(train.features), self._objective
        intercept = intercept_of(train, objective)
        classes = max(2, objective.width)
        by_class = class_weights(train.labels, self._config.balance, classes=classes)
        weights = [balanced(part.labels, part.weights, by_class) for part in (train, validation)]
        learned, unseen = (
            to_matrix(
                part.features, features, labels=part.labels, weights=weighing, intercept=intercept
            )
            for part, weighing in zip((train, validation), weights, strict=True)
        )
        return _Fold(features, learned, unseen, validation.labels, weights[1])

    def _booster(self, fold: _Fold, params: Mapping[str, Any]) -> xgboost.Booster:
        wanted = self._config.model_copy(update={"params": {**self._config.params, **params}})
        given = parameters(wanted, self._objective, fold.features, threads=self._threads)
        # draws of a round follow from its number, and not from what other folds drew before
        given["seed_per_iteration"] = True
        try:
            return xgboost.Booster(given, cache=[fold.train, fold.validation])
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise refused(error) from error

    def _round(self, booster: xgboost.Booster, fold: _Fold, fitted: int) -> NDArray[Any]:
        try:
            booster.update(fold.train, fitted - 1)
            scores: NDArray[Any] = booster.predict(fold.validation)
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise refused(error) from error
        return scores

    def _watched(self, fold: _Fold, scores: NDArray[Any]) -> float:
        stopping = self._objective.stopping
        if fold.weights is None:
            return stopping(fold.labels, scores)
        return stopping.of_weighted(fold.labels, scores, fold.weights)

    def _is_better(self, value: float, best: float) -> bool:
        return value > best if self._objective.stopping.bigger_is_better else value < best

    def _values(self, scores: Sequence[NDArray[Any]]) -> tuple[float, ...]:
        pairs = zip(self._folds, scores, strict=True)
        metric = self._metric
        values = tuple(
            self._watched(fold, found) if metric is None else metric(fold.labels, found)
            for fold, found in pairs
        )
        undefined = [number for number, value in enumerate(values, 1) if not np.isfinite(value)]
        if undefined:
            raise DataError(
                "what is optimised is undefined in a fold",
                found=f"{(metric or self._objective.stopping).name} of fold {undefined[0]}",
                hint="let folds validate on more days, or optimise another metric",
            )
        return values
