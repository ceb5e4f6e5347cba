"""Where the values of a parameter are searched: between two bounds, or among some."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from laurel.domain.config.base import Frozen

Value = StrictBool | StrictInt | StrictFloat | StrictStr
"""A value of one of XGBoost's parameters."""

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


def _check_bounds(low: float, high: float, *, log: bool, stepped: bool) -> None:
    if not low < high:
        raise ValueError(f"low must be below high, found {low} and {high}")
    if log and low <= 0:
        raise ValueError(f"with log, low must be above zero, found {low}")
    if log and stepped:
        raise ValueError("log and step exclude each other")


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))
