"""A dataset: its columns, its key, what is promised of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from laurel.domain.config.base import Frozen
from laurel.domain.config.check import Check, Split, unknown_columns
from laurel.domain.config.column import Column
from laurel.domain.config.source import Source

Role = Literal["rows", "labels", "context"]

_NAMES_A_PERSON = ("direct", "sensitive")


class Dataset(Frozen):
    """A dataset: one row per ``key`` and revision, partitioned by the day of ``time``.

    ``rows`` are what is scored, ``labels`` what became known of them (keyed by the interval in
    which they arrive), ``context`` anything else that features read.
    """

    role: Role
    time: str
    key: tuple[str, ...] = Field(min_length=1)
    suite: str
    columns: dict[str, Column] = Field(min_length=1)
    split: Split | None = None
    """Bad rows refuse their whole partition when left out."""
    description: str = ""
    checks: tuple[Check, ...] = Field(default=(), exclude=True)
    """What is promised against the past and against other datasets.

    Left out of the document of a use case: a training does not depend on it.
    """
    source: Source | None = Field(default=None, exclude_if=lambda source: source is None)
    """The use case's when left out."""

    @model_validator(mode="after")
    def _columns_exist(self) -> Dataset:
        missing = [name for name in (self.time, *self.key) if name not in self.columns]
        if missing:
            raise ValueError(f"time and key must be columns, but these are not: {missing}")
        if self.columns[self.time].type != "timestamp":
            raise ValueError(f"the time column {self.time!r} must have type timestamp")
        if unknown := unknown_columns(self.checks, frozenset(self.columns)):
            raise ValueError(f"checks name columns that are not there: {unknown}")
        shapeless = self._shapeless()
        if shapeless:
            raise ValueError(f"times and a key alone have no distribution to check: {shapeless}")
        return self

    @property
    def hidden(self) -> frozenset[str]:
        """Columns of which no value may be shown or kept outside the data: they name a person."""
        said = self.columns.items()
        return frozenset(name for name, column in said if column.personal in _NAMES_A_PERSON)

    def _shapeless(self) -> list[str]:
        """Columns of distribution checks that differ from day to day by their nature."""
        alone = set(self.key) if len(self.key) == 1 else set()
        named = {c for check in self.checks if check.kind == "distribution" for c in check.columns}
        return sorted(n for n in named if n in alone or self.columns[n].type == "timestamp")
