"""What a search for parameters may say: the space, the folds, the sampler, the pruner.

There is no bound on time: what is found would then depend on how fast the machine was. The bound
is the number of trials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from laurel.domain.config.base import Frozen
from laurel.domain.config.model import RESERVED
from laurel.domain.config.space import ALIASES, DEFAULTS, Searched, Value
from laurel.domain.config.terms import unknown

if TYPE_CHECKING:
    from laurel.domain.config.usecase import UseCaseConfig

TIMES = ("timeout", "time_budget", "time_limit", "seconds", "minutes", "hours")


class Folds(Frozen):
    """How the train days are cut for trials: the past learns, the days after it validate."""

    count: int = Field(default=3, ge=1, le=50)
    kind: Literal["expanding", "sliding"] = "expanding"
    """Whether every fold learns from the first train day on, or all from equally many days."""
    validation_days: int | None = Field(default=None, ge=1)
    """As many as ``training.validation_days`` when left out."""


class Tpe(Frozen):
    """Draws where earlier trials were good (Bergstra et al. 2011)."""

    kind: Literal["tpe"] = "tpe"
    startup_trials: int = Field(default=10, ge=1)
    """Trials drawn at random before it learns from them."""


class RandomSampler(Frozen):
    """Draws every trial at random."""

    kind: Literal["random"]


class MedianPruner(Frozen):
    """Ends a trial that is worse than half of the earlier ones were after as many rounds."""

    kind: Literal["median"] = "median"
    startup_trials: int = Field(default=5, ge=1)
    """Whole trials before any is ended."""
    warmup_rounds: int = Field(default=50, ge=0)
    """Rounds before a trial is ended: with few, slow learners look worse than they will be."""


class Hyperband(Frozen):
    """Gives many trials few rounds and few trials many (Li et al. 2018)."""

    kind: Literal["hyperband"]
    minimum_rounds: int = Field(default=10, ge=1)
    reduction: int = Field(default=3, ge=2)
    """One of so many trials goes on."""


class NoPruner(Frozen):
    """Lets every trial come to its end."""

    kind: Literal["none"]


Sampler = Annotated[Tpe | RandomSampler, Field(discriminator="kind")]
Pruner = Annotated[MedianPruner | Hyperband | NoPruner, Field(discriminator="kind")]


class Tuning(Frozen):
    """A search for the values of XGBoost's parameters, by folds of the train days alone."""

    trials: int = Field(ge=1, le=10_000)
    space: dict[str, Searched] = Field(min_length=1)
    """Parameter → where it is searched; the first trial has the values of ``model.params``."""
    metric: str | None = None
    """What is optimised; what early stopping watches when left out."""
    folds: Folds = Folds()
    sampler: Sampler = Tpe()
    pruner: Pruner = MedianPruner()
    report_rounds: int = Field(default=10, ge=1)
    """After every so many rounds the pruner is asked."""
    seed: int | None = Field(default=None, ge=0)
    """Of the sampler; ``model.seed`` when left out."""

    @model_validator(mode="before")
    @classmethod
    def _has_no_bound_on_time(cls, said: Any) -> Any:
        timed = sorted(set(said) & set(TIMES)) if isinstance(said, dict) else []
        if timed:
            raise ValueError(
                f"{timed[0]}: there is no bound on time, since what is found would depend on how "
                "fast the machine was; bound the number of trials"
            )
        return said

    @model_validator(mode="after")
    def _searches_what_a_use_case_may_set(self) -> Tuning:
        for name in self.space:
            if name in RESERVED:
                instead = f"; say {RESERVED[name]}" if RESERVED[name] else ""
                raise ValueError(f"space.{name} is not the use case's to search{instead}")
            if ALIASES.get(name) in self.space:
                raise ValueError(f"space.{name} and space.{ALIASES[name]} are the same parameter")
        return self


def faults(config: UseCaseConfig) -> Iterator[str]:
    """Each thing in ``training.tuning`` that does not fit the rest, as a sentence."""
    training = config.training
    tuning = training.tuning
    if tuning is None:
        return
    known = config.label.terms.metrics
    if tuning.metric is not None and tuning.metric not in known:
        yield (
            f"training.tuning.metric is none that {config.label.objective} has: "
            f"{unknown(tuning.metric, known)}"
        )
    if training.engine.kind != "memory":
        yield (
            "training.tuning fits its folds in memory, so it is not for training.engine "
            f"{training.engine.kind}: search on fewer train days with the engine memory, and write "
            "what it finds into training.model.params"
        )
    yield from _first_trial(tuning, training.model.params)
    pruner, rounds = tuning.pruner, training.model.rounds
    if isinstance(pruner, Hyperband) and pruner.minimum_rounds >= rounds:
        yield (
            f"training.tuning.pruner.minimum_rounds must be below training.model.rounds, {rounds}, "
            f"found {pruner.minimum_rounds}"
        )
    days = tuning.folds.validation_days or training.validation_days
    embargo = config.label.delay_days + ceil(config.scoring.horizon_hours / 24)
    needed = tuning.folds.count * days + embargo + 1
    if training.train_days < needed:
        yield (
            f"training.tuning.folds need {needed} train days at least ({tuning.folds.count} times "
            f"{days} to validate, {embargo} of embargo, one to learn from), but "
            f"training.train_days is {training.train_days}"
        )


def first_values(tuning: Tuning, params: Mapping[str, Value]) -> dict[str, Value]:
    """The values of the first trial: those of ``model.params``, else XGBoost's own.

    What XGBoost has no default for that lies in the space is left out, and drawn.

    >>> space = {"eta": {"kind": "float", "low": 0.01, "high": 0.5},
    ...          "max_depth": {"kind": "int", "low": 7, "high": 9}}
    >>> first_values(Tuning(trials=1, space=space), {})
    {'eta': 0.3}
    """
    known = {name: params.get(name, DEFAULTS.get(ALIASES.get(name, name))) for name in tuning.space}
    return {
        name: value
        for name, value in sorted(known.items())
        if value is not None and tuning.space[name].holds(value)
    }


def _first_trial(tuning: Tuning, params: Mapping[str, object]) -> Iterator[str]:
    for name, searched in tuning.space.items():
        other = _other_name(name, params)
        if other is not None:
            yield f"training.tuning.space.{name} is training.model.params.{other} by another name"
        elif name in params and not searched.holds(params[name]):
            yield (
                f"training.model.params.{name} is {params[name]!r}, which training.tuning.space."
                f"{name} does not hold; the first trial has that value"
            )


def _other_name(name: str, params: Mapping[str, object]) -> str | None:
    own = ALIASES.get(name, name)
    return next((p for p in params if p != name and ALIASES.get(p, p) == own), None)
