"""Rivals: other models trained on a model's own rows, most of them simpler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from laurel.adapters.simple import simple_scores
from laurel.adapters.xgboost import Model, fit
from laurel.adapters.xgboost.shorter import first_rounds
from laurel.domain.config import Model as ModelConfig
from laurel.domain.featureset import EXPOSURE, Part
from laurel.domain.objective import Numbers, Objective

DEPTHS = {1: "stump", 2: "shallow"}
ROUNDS_KEPT = 4
"""A model of one in so many of its rounds."""
OWN_DEPTH = 6
"""XGBoost's depth where nothing is said."""


@dataclass(frozen=True)
class Learning:
    """A model with the rows it was made from, and how others are made from the same."""

    model: Model
    train: Part
    validation: Part
    holdout: Part
    config: ModelConfig
    calibration: str

    @property
    def objective(self) -> Objective:
        """What is learned."""
        return self.model.objective

    @property
    def names(self) -> tuple[str, ...]:
        """The features that the model reads."""
        return tuple(feature.name for feature in self.model.features)

    def fitted(self, names: Sequence[str], config: ModelConfig | None = None) -> Model:
        """A model of these features alone, made as the model was."""
        config = _narrowed(config or self.config, names)
        train, validation = (columns_of(part, names) for part in (self.train, self.validation))
        return self.finish(fit(train, validation, config, objective=self.objective))

    def finish(self, model: Model) -> Model:
        """The model with its scores made probabilities, where that is wanted."""
        columns = [feature.name for feature in model.features]
        return model.calibrated(self.calibration, columns_of(self.validation, columns))

    def constant(self) -> Numbers:
        """What the constant model says of the hold-out."""
        says = self.objective.constant(
            self.train.labels, self.train.exposures, self.objective.classes
        )
        return np.asarray(np.multiply.outer(self.holdout.exposures, says))


@dataclass(frozen=True)
class Made:
    """A rival: its scores on the hold-out, and how large it is."""

    name: str
    title: str
    scores: Numbers
    features: int
    rounds: int | None
    simpler: bool = True


def rivals(
    learning: Learning, *, ranked: Sequence[str], said: Callable[[str], None]
) -> Iterator[Made]:
    """Each rival in turn. ranked: the features, those that gain most first."""
    objective, count = learning.objective, len(learning.names)
    yield Made("constant", f"the {objective.constant_title}", learning.constant(), 0, None)
    linear = simple_scores(learning.train, learning.holdout, objective=objective)
    yield Made("linear", objective.simple_title, linear, count, None)
    rounds = learning.model.booster.num_boosted_rounds()
    if rounds > 1:
        short = learning.finish(first_rounds(learning.model, rounds // ROUNDS_KEPT))
        yield _made("short", "a quarter of its rounds", short, learning)
    for depth, name in DEPTHS.items():
        if depth < int(learning.config.params.get("max_depth", OWN_DEPTH) or depth + 1):
            said(f"fitting trees of depth {depth}")
            made = learning.fitted(learning.names, _with(learning.config, max_depth=depth))
            yield _made(name, f"trees of depth {depth}", made, learning)
    if count > 1:
        half = ranked[: (count + 1) // 2]
        said(f"fitting with {len(half)} of {count} features")
        kept = [name for name in learning.names if name in half]
        yield _made("half", "half the features, the best", learning.fitted(kept), learning)
    said("fitting with another seed")
    other = learning.config.model_copy(update={"seed": learning.config.seed + 1})
    again = learning.fitted(learning.names, other)
    yield _made("reseeded", "itself with another seed", again, learning, simpler=False)


def columns_of(part: Part, names: Sequence[str]) -> Part:
    """A part with some of its features, and its exposure where it has one."""
    kept = [name for name in part.features.columns if name in {*names, EXPOSURE}]
    return part._replace(features=part.features[kept])


def learned_by(about: Mapping[str, Any]) -> ModelConfig:
    """How a model says that it was made, with what tuning chose."""
    fields = {name: about[name] for name in ModelConfig.model_fields if name in about}
    return ModelConfig.model_validate(fields)


def _made(name: str, title: str, model: Model, learning: Learning, *, simpler: bool = True) -> Made:
    return Made(
        name=name,
        title=title,
        scores=model.predict(learning.holdout.features),
        features=len(model.features),
        rounds=model.booster.num_boosted_rounds(),
        simpler=simpler,
    )


def _with(config: ModelConfig, **params: Any) -> ModelConfig:
    return config.model_copy(update={"params": {**config.params, **params}})


def _narrowed(config: ModelConfig, names: Sequence[str]) -> ModelConfig:
    """The same without constraints on features that are left out."""
    groups = [tuple(name for name in group if name in names) for group in config.interactions]
    return config.model_copy(
        update={
            "monotone": {name: way for name, way in config.monotone.items() if name in names},
            "interactions": tuple(group for group in groups if group),
        }
    )
