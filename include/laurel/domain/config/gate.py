"""The policy of the gate: thresholds on metrics, and what follows where they settle nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from laurel.domain.config.approval import Approval
from laurel.domain.config.base import Frozen
from laurel.domain.config.cost import Cost
from laurel.domain.config.shadow import ShadowGate
from laurel.domain.config.thresholds import GapAtMost, Threshold, VersusChampion

Mode = Literal["enforce", "shadow", "off"]
WhenUnderpowered = Literal["reject", "report"]
Scale = Literal["overall", "slices", "gaps"]


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
    shadow: ShadowGate | None = Field(default=None, exclude=True)
    """What a challenger that passed has to show in shadow before it reigns; no part of the policy,
    nor of a training."""

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
