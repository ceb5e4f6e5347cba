"""The policy of the gate: thresholds on metrics, and what follows where they settle nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from laurel.domain.config.approval import Approval
from laurel.domain.config.base import Frozen
from laurel.domain.config.cost import Cost

Mode = Literal["enforce", "shadow", "off"]
WhenUnderpowered = Literal["reject", "report"]
Scale = Literal["overall", "slices", "gaps"]


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


class Underpowered(Frozen):
    """What follows where rows are too few, or do not settle a threshold."""

    overall: WhenUnderpowered = "reject"
    """On all hold-out rows."""
    slices: WhenUnderpowered = "report"
    gaps: WhenUnderpowered = "reject"
    """Between protected groups."""


class Gate(Frozen):
    """The policy that decides about a challenger; no threshold means not promoted."""

    mode: Mode = "enforce"
    """``shadow`` decides and records, and promotes nothing; ``off`` promotes whatever was
    trained, and is refused in production."""
    thresholds: tuple[Threshold, ...] = ()
    slices: tuple[str, ...] = ()
    """Columns of the raw rows by whose values every threshold is tested too."""
    crossings: tuple[Annotated[tuple[str, ...], Field(min_length=2)], ...] = ()
    """Columns whose combined values are slices, too."""
    protected: tuple[str, ...] = ()
    """Columns between whose groups gaps are measured."""
    cost: Cost | None = None
    """What decisions cost; gives the metric ``cost``, the mean cost of a row."""
    minimum_rows: int = Field(default=500, ge=1)
    """Fewer rows than this in the hold-out, in a slice or in a group are underpowered."""
    underpowered: Underpowered = Underpowered()
    refresh_after_days: int | None = Field(default=None, ge=0)
    """Days after which a reigning champion is old: a challenger that is not worse, by some
    ``not_worse``, may then take over without being better. Left out: never."""
    unscorable_champion: Literal["reject", "replace"] = "reject"
    """Where the champion cannot score the rows any more: the gate stays closed, or the absolute
    thresholds decide alone."""
    resamples: int = Field(default=1000, ge=100)
    resample: Literal["rows", "days"] = "rows"
    """What the bootstrap draws: rows, or whole days of the hold-out, whose rows resemble each
    other."""
    approval: Approval | None = Field(default=None, exclude=True)
    """A person who decides after the gate; no part of the policy, nor of a training."""

    @model_validator(mode="after")
    def _says_what_can_be(self) -> Gate:
        unknown = sorted({t.column for t in self.gap_thresholds} - {*self.protected})
        if unknown:
            raise ValueError(
                f"gap_at_most needs its column in gate.protected: {', '.join(unknown)} is not"
            )
        twice = [" x ".join(each) for each in self.crossings if len({*each}) < len(each)]
        if twice:
            raise ValueError(f"a crossing needs different columns: {', '.join(twice)}")
        return self

    @property
    def sliced(self) -> dict[str, tuple[str, ...]]:
        """The columns of the rows that it looks at, by the word that names them."""
        crossed = tuple(name for crossing in self.crossings for name in crossing)
        return {"slices": self.slices, "crossings": crossed, "protected": self.protected}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the rows that it looks at, each once."""
        return tuple(dict.fromkeys(name for names in self.sliced.values() for name in names))

    @property
    def gap_thresholds(self) -> tuple[GapAtMost, ...]:
        """The thresholds on gaps."""
        return tuple(t for t in self.thresholds if isinstance(t, GapAtMost))

    @property
    def confidences(self) -> tuple[float, ...]:
        """The confidences that its thresholds ask for, ascending."""
        kinds = (VersusChampion, GapAtMost)
        return tuple(sorted({t.confidence for t in self.thresholds if isinstance(t, kinds)}))
