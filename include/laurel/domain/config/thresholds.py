"""Thresholds: what a policy asks of a metric."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from laurel.domain.config.base import Frozen


class AtLeast(Frozen):
    """The metric must reach a value."""

    kind: Literal["at_least"] = "at_least"
    metric: str
    value: float


class AtMost(Frozen):
    """The metric must not exceed a value."""

    kind: Literal["at_most"] = "at_most"
    metric: str
    value: float


class VersusChampion(Frozen):
    """Against the champion on the same rows, with a paired bootstrap interval.

    ``not_worse`` passes when the challenger is, with ``confidence``, worse by no more than
    ``margin``; ``better`` when it is, with ``confidence``, better by at least ``margin``.
    """

    kind: Literal["not_worse", "better"]
    metric: str
    margin: float = Field(default=0.0, ge=0)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


class GapAtMost(Frozen):
    """Between the groups of a protected column the metric must not differ by more than a value.

    It fails where the interval shows with ``confidence`` that the gap is larger; where only the
    gap itself is, it is underpowered.
    """

    kind: Literal["gap_at_most"] = "gap_at_most"
    metric: str
    """A metric, or a rate of what is predicted: ``positive_rate``, ``mean_score`` …"""
    column: str
    value: float = Field(ge=0)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


Threshold = Annotated[AtLeast | AtMost | VersusChampion | GapAtMost, Field(discriminator="kind")]
