"""What a search for parameters may say: the space, the folds, the sampler, the pruner.

There is no bound on time: what is found would then depend on how fast the machine was. The bound
is the number of trials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from laurel.domain.config.base import Frozen
from laurel.domain.config.model import RESERVED
from laurel.domain.config.terms import unknown

if TYPE_CHECKING:
    from laurel.domain.config.usecase import UseCaseConfig

Value = StrictBool | StrictInt | StrictFloat | StrictStr
"""A value of one of XGBoost's parameters."""

TIMES = ("timeout", "time_budget", "time_limit", "seconds", "minutes", "hours")
ALIASES = {
    "learning_rate": "eta",
    "min_split_loss": "gamma",
    "reg_alpha": "alpha",
    "reg_lambda": "lambda",
}
"""Other names of XGBoost's for the same parameter."""
DEFAULTS: Mapping[str, Value] = {
    "eta": 0.3,
    "gamma": 0.0,
    "max_depth": 6,
    "min_child_weight": 1.0,
    "max_delta_step": 0.0,
    "subsample": 1.0,
    "sampling_method": "uniform",
    "colsample_bytree": 1.0,
    "colsample_bylevel": 1.0,
    "colsample_bynode": 1.0,
    "lambda": 1.0,
    "alpha": 0.0,
    "grow_policy": "depthwise",
    "max_leaves": 0,
    "max_bin": 256,
    "max_cat_to_onehot": 4,
    "max_cat_threshold": 64,
    "num_parallel_tree": 1,
}
"""What XGBoost 3.2 takes for a parameter that is left out (XGBoost Parameters, its manual)."""


class FloatRange(Frozen):
    """A number between two bounds, both included."""

    kind: Literal["float"]
    low: float
    high: float
    log: bool = False
    """Whether ratios matter and not differences: 0.01 to 0.1 is as far as 0.1 to 1."""
    step: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _is_a_range(self) -> FloatRange:
        _check_bounds(self.low, self.high, log=self.log, stepped=self.step is not None)
        if self.step is not None and not self.holds(self.high):
            raise ValueError(f"high must lie a number of steps of {self.step} above low")
        return self

    def holds(self, value: object) -> bool:
        """Whether a value may be drawn.

        >>> FloatRange(kind="float", low=0.1, high=0.5, step=0.2).holds(0.3)
        True
        """
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        if not self.low <= value <= self.high:
            return False
        # decimals as they are written: in binary, 0.3 is no multiple of 0.1
        return self.step is None or not (_exact(value) - _exact(self.low)) % _exact(self.step)


class IntRange(Frozen):
    """A whole number between two bounds, both included."""

    kind: Literal["int"]
    low: int
    high: int
    log: bool = False
    step: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _is_a_range(self) -> IntRange:
        _check_bounds(self.low, self.high, log=self.log, stepped=self.step != 1)
        if not self.holds(self.high):
            raise ValueError(f"high must lie a number of steps of {self.step} above low")
        return self

    def holds(self, value: object) -> bool:
        """Whether a value may be drawn."""
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0


class Choice(Frozen):
    """One of some values that have no order."""

    kind: Literal["choice"]
    of: tuple[Value, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _are_different(self) -> Choice:
        if len({(type(value), value) for value in self.of}) < len(self.of):
            raise ValueError(f"a choice is given twice: {list(self.of)}")
        return self

    def holds(self, value: object) -> bool:
        """Whether a value may be drawn."""
        return any(type(value) is type(each) and value == each for each in self.of)


Searched = Annotated[FloatRange | IntRange | Choice, Field(discriminator="kind")]


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
    warmup_rounds: int = Field(default=20, ge=0)
    """Rounds before a trial is ended."""


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
    yield from _first_trial(tuning, training.model.params)
    days = tuning.folds.validation_days or training.validation_days
    embargo = config.label.delay_days + ceil(config.scoring.horizon_hours / 24)
    needed = tuning.folds.count * days + embargo + 1
    if training.train_days < needed:
        yield (
            f"training.tuning.folds need {needed} train days at least ({tuning.folds.count} times "
            f"{days} to validate, {embargo} of embargo, one to learn from), but "
            f"training.train_days is {training.train_days}"
        )


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


def _check_bounds(low: float, high: float, *, log: bool, stepped: bool) -> None:
    if not low < high:
        raise ValueError(f"low must be below high, found {low} and {high}")
    if log and low <= 0:
        raise ValueError(f"with log, low must be above zero, found {low}")
    if log and stepped:
        raise ValueError("log and step exclude each other")


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))
