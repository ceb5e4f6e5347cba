"""What is promised of a partition against its past and against other datasets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from laurel.domain.config.base import Frozen, Name

Severity = Literal["critical", "warning", "info"]
Against = Literal["trailing", "champion"]


class Volume(Frozen):
    """Rows against the same weekday of the trailing weeks: median and robust spread."""

    kind: Literal["volume"]
    severity: Severity = "warning"
    weeks: int = Field(default=8, ge=2)
    minimum_weeks: int = Field(default=3, ge=2)
    """Fewer known ones are underpowered."""
    tolerance: float = Field(default=0.5, gt=0)
    """The share by which rows may differ from the median in any case."""
    spreads: float = Field(default=5.0, gt=0)
    """How many robust standard deviations they may differ besides."""


class Freshness(Frozen):
    """Times of the partition: its newest row, its gaps, and the partitions before it."""

    kind: Literal["freshness"]
    severity: Severity = "warning"
    max_lag_hours: float | None = Field(default=None, gt=0)
    """From the newest row to the partition's end."""
    max_gap_hours: float | None = Field(default=None, gt=0)
    """Between one row and the next, from the partition's start on."""
    previous: int = Field(default=1, ge=0)
    """Days before the partition that must have been published."""


class Distribution(Frozen):
    """Columns against the trailing days, or against what the champion learned from.

    Each bound is on an effect, so that large partitions do not fail for nothing, and each needs
    ``minimum_rows`` on both sides.
    """

    kind: Literal["distribution"]
    severity: Severity = "warning"
    against: Against = "trailing"
    columns: tuple[str, ...] = Field(min_length=1)
    days: int = Field(default=28, ge=2)
    minimum_days: int = Field(default=7, ge=1)
    minimum_rows: int = Field(default=200, ge=1)
    mean: float | None = Field(default=0.5, gt=0)
    """Distance of the means, in standard deviations of the past."""
    spread: float | None = Field(default=2.0, gt=1)
    """Ratio of the standard deviations, either way."""
    psi: float | None = Field(default=0.25, gt=0)
    """Population stability index over ten bins of the past, or over its categories."""
    usual: float = Field(default=4.0, ge=1)
    """Mean, spread and PSI must also be this many times what days of the past usually show."""
    missing: float | None = Field(default=0.1, gt=0, le=1)
    """Difference of the shares of nulls."""
    new: float | None = Field(default=0.01, ge=0, lt=1)
    """The share of rows in categories that the past never had."""
    vanished: float | None = Field(default=20.0, gt=0)
    """Rows that were to be expected of a category that is gone."""


class Reference(Frozen):
    """Every value of ``columns`` is there in another dataset's columns."""

    kind: Literal["reference"]
    severity: Severity = "warning"
    columns: tuple[str, ...] = Field(min_length=1)
    dataset: Name
    to: tuple[str, ...] = Field(min_length=1)
    """The other dataset's columns, as many as ``columns``."""
    before: int = Field(default=0, ge=0)
    """Days before the partition whose partitions of the other dataset are looked at too."""
    after: int = Field(default=0, ge=0)
    missing: float = Field(default=0.0, ge=0, lt=1)
    """The share of rows whose values may be missing there; nulls are left out."""

    @model_validator(mode="after")
    def _as_many(self) -> Reference:
        if len(self.columns) != len(self.to):
            raise ValueError(f"columns and to are not as many: {self.columns} and {self.to}")
        return self


class Schema(Frozen):
    """Columns, types and categories, as in what the champion learned from."""

    kind: Literal["schema"]
    severity: Severity = "warning"
    unseen: float = Field(default=0.01, ge=0, lt=1)
    """The share of rows that may be in categories the champion has not seen."""


Check = Annotated[
    Volume | Freshness | Distribution | Reference | Schema, Field(discriminator="kind")
]


class Split(Frozen):
    """Bad rows are taken out, so that the rest of their partition may be published."""

    max_share: float = Field(gt=0, le=0.5)
    """Above this share of bad rows the whole partition goes to quarantine."""


def unknown_columns(checks: tuple[Check, ...], columns: frozenset[str]) -> list[str]:
    """Columns that checks name and a dataset lacks, sorted.

    >>> check = Distribution(kind="distribution", columns=("seats", "wings"))
    >>> unknown_columns((check,), frozenset({"seats"}))
    ['wings']
    """
    named = {
        name
        for check in checks
        if isinstance(check, Distribution | Reference)
        for name in check.columns
    }
    return sorted(named - columns)
