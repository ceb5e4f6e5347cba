"""The policy of the gate: thresholds on metrics."""

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


Threshold = Annotated[AtLeast | AtMost | VersusChampion, Field(discriminator="kind")]


class Gate(Frozen):
    """The policy that decides about a challenger; no threshold means not promoted."""

    thresholds: tuple[Threshold, ...] = ()
    slices: tuple[str, ...] = ()
    """Columns of the raw rows by whose values every threshold is tested too."""
    minimum_rows: int = Field(default=500, ge=1)
    """Fewer rows than this in the hold-out, or in a slice, are underpowered."""
    resamples: int = Field(default=1000, ge=100)
