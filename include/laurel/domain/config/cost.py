"""What a decision costs: by outcome, by class, or by unit of error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from laurel.domain.config.base import Frozen

COST = "cost"
"""The name of the metric that a cost gives."""
At = Literal["decision", "optimal"]


class OutcomeCost(Frozen):
    """Of ``binary``: what a row costs, by its outcome and by what was decided about it."""

    kind: Literal["outcomes"] = "outcomes"
    true_positive: float = 0.0
    false_positive: float
    true_negative: float = 0.0
    false_negative: float
    at: At | Annotated[float, Field(ge=0, le=1)] = "decision"
    """From which score on a row is decided positive: ``decision`` is ``scoring.threshold``,
    ``optimal`` the threshold at which both decisions are expected to cost the same, if scores are
    probabilities; or a number."""
    unit: str = ""
    """Of the costs, for pages: ``EUR``."""

    @model_validator(mode="after")
    def _punishes_errors(self) -> OutcomeCost:
        wrong = self.false_positive - self.true_negative, self.false_negative - self.true_positive
        if min(wrong) <= 0:
            raise ValueError(
                "an error must cost more than the right decision: false_positive more than "
                "true_negative, false_negative more than true_positive"
            )
        return self


def _by_text(value: object) -> object:
    return {str(key): each for key, each in value.items()} if isinstance(value, Mapping) else value


Row = Annotated[dict[str, float], BeforeValidator(_by_text)]


class MatrixCost(Frozen):
    """Of ``multiclass``: what a row costs, by its own class and by the one that was decided."""

    kind: Literal["matrix"] = "matrix"
    costs: Annotated[dict[str, Row], BeforeValidator(_by_text)]
    """Own class → decided class → cost. A right decision costs nothing unless it is named."""
    at: At = "decision"
    """``decision`` decides the most probable class, ``optimal`` that of the least expected cost."""
    unit: str = ""

    def rows(self, classes: tuple[Any, ...]) -> list[list[float]]:
        """The costs by place of the own class, then of the decided one.

        Raises :class:`ValueError` where the matrix and the classes are not of each other.

        >>> MatrixCost(costs={"a": {"b": 2}, "b": {"a": 1}}).rows(("a", "b"))
        [[0.0, 2.0], [1.0, 0.0]]
        """
        names = [str(each) for each in classes]
        strange = sorted({*self.costs, *(n for row in self.costs.values() for n in row)} - {*names})
        if strange:
            raise ValueError(
                f"gate.cost.costs names no class of label.classes: {', '.join(strange)}"
            )
        missing = [
            f"{own} decided {said}"
            for own in names
            for said in names
            if own != said and said not in self.costs.get(own, {})
        ]
        if missing:
            raise ValueError(f"gate.cost.costs does not say what it costs: {', '.join(missing)}")
        return [[self.costs.get(own, {}).get(said, 0.0) for said in names] for own in names]


class UnitCost(Frozen):
    """Of ``regression`` and ``count``: what a unit costs by which a row was predicted too low, or
    too high."""

    kind: Literal["units"] = "units"
    under: float = Field(ge=0)
    over: float = Field(ge=0)
    unit: str = ""

    @model_validator(mode="after")
    def _punishes_errors(self) -> UnitCost:
        if self.under == self.over == 0:
            raise ValueError("one of under and over must cost something")
        return self


Cost = Annotated[OutcomeCost | MatrixCost | UnitCost, Field(discriminator="kind")]
