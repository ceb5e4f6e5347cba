"""Challengers beside the champion: in shadow, as a canary, and what the gate asks of a shadow."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from laurel.domain.config.base import Frozen
from laurel.domain.config.thresholds import VersusChampion

Version = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*-\d{8}-[0-9a-f]{8}$")]
Chosen = Literal["newest", "passed"]


class Shadow(Frozen):
    """Which challengers score the champion's partitions in shadow; consumers see none of it."""

    challengers: Chosen | tuple[Version, ...] = "newest"
    """``newest``: the newest decided training that is newer than the champion, whatever the gate
    said of it; ``passed``: the newest of those that the gate lets through; or model versions."""
    partitions: int = Field(default=28, ge=1)
    """How many partitions each of them scores, from its first one on."""


class Canary(Frozen):
    """Which share of the keys gets the challenger's answer."""

    share: float = Field(gt=0, le=0.5)
    challenger: Literal["passed"] | Version = "passed"
    """It must have passed the gate's thresholds: ``passed`` is the newest such one that does not
    reign."""
    partitions: int = Field(default=28, ge=1)
    """For how many partitions, from its first one on."""
    by: tuple[str, ...] = ()
    """Columns of the rows whose values are hashed, such as the customer; the key when left out."""
    salt: str = ""
    """Another one deals the keys anew."""


class ShadowGate(Frozen):
    """What a challenger has to show in shadow before it reigns, besides what the gate asks.

    It is no part of the gate's policy: the ledger keeps it with the challenger that it is asked of.
    """

    partitions: int = Field(ge=1, le=366)
    """How many partitions it scores in shadow, each without a fault."""
    changed_at_most: float | None = Field(default=None, ge=0, le=1)
    """Share of the rows that it may decide otherwise than the champion did."""
    distance_at_most: float | None = Field(default=None, ge=0, le=1)
    """Kolmogorov-Smirnov distance of its scores from the champion's; of several the largest."""
    rank_correlation_at_least: float | None = Field(default=None, ge=-1, le=1)
    """Spearman's rank correlation with the champion's scores; of several the least."""
    realised: tuple[VersusChampion, ...] = ()
    """Against the champion on the labels of these rows; decided once they are due."""
    minimum_rows: int = Field(default=500, ge=1)
    """Fewer rows, or fewer labels for what is realised, do not let it through."""
    resamples: int = Field(default=1000, ge=100)

    @model_validator(mode="after")
    def _each_once(self) -> ShadowGate:
        asked = [(each.kind, each.metric) for each in self.realised]
        if len({*asked}) < len(asked):
            raise ValueError("gate.shadow.realised asks the same of a metric twice")
        return self
