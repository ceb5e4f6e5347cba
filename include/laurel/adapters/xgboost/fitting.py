"""Fit on histograms on the CPU; equal rows give equal bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import xgboost
from numpy.typing import NDArray

from laurel.adapters.xgboost.encoding import Feature, describe, to_matrix
from laurel.adapters.xgboost.model import Model
from laurel.adapters.xgboost.threads import threads_for
from laurel.domain.config import Model as ModelConfig
from laurel.domain.config.terms import unknown
from laurel.domain.featureset import Part
from laurel.domain.metric import Metric
from laurel.domain.objective import Objective
from laurel.domain.weights import balanced, class_weights
from laurel.errors import ConfigError

FIXED = {
    "tree_method": "hist",
    "device": "cpu",
    "disable_default_eval_metric": True,
    "verbosity": 0,
}
"""Parameters that a use case cannot set, besides those of its objective."""
SIGNS = {"increasing": 1, "decreasing": -1}


def fit(
    train: Part,
    validation: Part,
    config: ModelConfig,
    *,
    objective: Objective,
    threads: int | None = None,
) -> Model:
    """Fit on ``train`` until the objective's loss of ``validation`` has stopped falling.

    Both weigh their rows alike. The number of threads changes the time and nothing else; left
    out, it grows with the data up to all cores. Raises :class:`ConfigError` for constraints on
    features that there are not, or parameters that XGBoost refuses.
    """
    features = describe(train.features)
    params = parameters(config, objective, features, threads=threads or threads_for(train.features))
    about = {**objective.document(), "intercept": intercept_of(train, objective)}
    by_class = class_weights(train.labels, config.balance, classes=max(2, objective.width))
    matrices = [
        to_matrix(
            part.features,
            features,
            labels=part.labels,
            weights=balanced(part.labels, part.weights, by_class),
            intercept=about["intercept"],
        )
        for part in (train, validation)
    ]
    return finished(grow(matrices, params, config, objective=objective), features, about)


def grow(
    matrices: Sequence[xgboost.DMatrix],
    params: dict[str, Any],
    config: ModelConfig,
    *,
    objective: Objective,
) -> xgboost.Booster:
    """Trees on the first matrix, until the loss of the second has stopped falling.

    Raises :class:`ConfigError` for parameters that XGBoost refuses.
    """
    try:
        return xgboost.train(
            params,
            matrices[0],
            num_boost_round=config.rounds,
            evals=[(matrices[1], "validation")],
            custom_metric=watch(objective.stopping),
            callbacks=[stopping(config, objective)],
            verbose_eval=False,
        )
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise refused(error) from error


def parameters(
    config: ModelConfig, objective: Objective, features: Sequence[Feature], *, threads: int
) -> dict[str, Any]:
    """XGBoost's parameters of a use case; raises :class:`ConfigError` for a wrong constraint."""
    return {
        **config.params,
        **FIXED,
        **_constraints(config, features),
        "objective": objective.learner,
        **({"num_class": objective.width} if objective.classes else {}),
        "seed": config.seed,
        "nthread": threads,
    }


def intercept_of(train: Part, objective: Objective) -> float | None:
    """Where trees begin for an exposure of one; ``None`` for XGBoost's own beginning."""
    if objective.exposure is None:
        return None
    return math.log(objective.constant(train.labels, train.exposures, objective.classes))


def stopping(config: ModelConfig, objective: Objective) -> xgboost.callback.EarlyStopping:
    """Early stopping by the objective's loss on the matrix named ``validation``."""
    return xgboost.callback.EarlyStopping(
        rounds=config.early_stopping_rounds,
        metric_name=objective.stopping.name,
        data_name="validation",
        maximize=objective.stopping.bigger_is_better,
        save_best=True,
    )


def watch(metric: Metric) -> Callable[[NDArray[Any], xgboost.DMatrix], tuple[str, float]]:
    """A metric of ours as XGBoost calls it, over the rows as the matrix weighs them."""

    @lru_cache(maxsize=1)
    def said(matrix: xgboost.DMatrix) -> tuple[NDArray[Any], NDArray[Any]]:
        # each asking copies them, and after every round the matrix is the same
        return matrix.get_label(), matrix.get_weight()

    def compute(scores: NDArray[Any], matrix: xgboost.DMatrix) -> tuple[str, float]:
        labels, weights = said(matrix)
        if not len(weights):
            return metric.name, metric(labels, scores)
        return metric.name, metric.of_weighted(labels, scores, weights)

    return compute


def finished(
    booster: xgboost.Booster, features: tuple[Feature, ...], about: dict[str, Any]
) -> Model:
    """The fitted trees as a model, without what XGBoost notes of the way there."""
    best = booster.num_boosted_rounds() - 1
    booster.set_attr(best_iteration=None, best_score=None)
    return Model(booster=booster, features=features, about={**about, "best_iteration": best})


def refused(error: Exception) -> ConfigError:
    """What XGBoost says against training, as an error of the use case."""
    return ConfigError(
        "XGBoost refused to train",
        found=str(error).splitlines()[-1][:200],
        hint="look at training.model.params",
    )


def _constraints(config: ModelConfig, features: Sequence[Feature]) -> dict[str, Any]:
    known = {feature.name: feature for feature in features}
    grouped = [name for group in config.interactions for name in group]
    said = (("monotone", config.monotone), ("interactions", grouped))
    for key, names in said:
        for name in names:
            if name not in known:
                raise ConfigError(
                    f"training.model.{key} names a feature that there is not",
                    found=unknown(name, known),
                )
    kinds = [name for name in config.monotone if known[name].levels is not None]
    if kinds:
        raise ConfigError(
            "training.model.monotone names features that are categories, which have no order",
            found=", ".join(kinds),
        )
    found: dict[str, Any] = {}
    if config.monotone:
        signs = {name: SIGNS[direction] for name, direction in config.monotone.items()}
        found["monotone_constraints"] = tuple(signs.get(name, 0) for name in known)
    if config.interactions:
        # by place, as text: XGBoost would ask lists for names, and knows no way to write some
        places = {name: place for place, name in enumerate(known)}
        groups = [sorted(places[name] for name in group) for group in config.interactions]
        found["interaction_constraints"] = str(groups)
    return found


__all__ = [
    "FIXED",
    "finished",
    "fit",
    "grow",
    "intercept_of",
    "parameters",
    "refused",
    "stopping",
    "watch",
]
