"""An entry of the ledger: one event, with who, when, why and on what evidence."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from laurel.domain.config import Frozen, ShadowGate, Silence
from laurel.domain.moment import Moment
from laurel.errors import IntegrityError

Event = Literal["registered", "promoted", "rejected", "approved", "declined", "rolled_back"]
CROWNING: frozenset[Event] = frozenset({"promoted", "approved"})
"""Events by which a model passes the gate and may reign."""
DECIDING: frozenset[Event] = CROWNING | {"rejected", "declined"}
"""Events that settle a training's as_of."""


TIME_OUT = "time-out"
"""Who has decided where nobody has."""


class Question(Frozen):
    """What a registered model waits for: whose answer, until when, and what silence means."""

    by: tuple[str, ...]
    until: Moment
    otherwise: Silence


class Probation(Frozen):
    """What a challenger that passed the gate waits for: so many partitions in shadow."""

    since: Moment
    """The first score cutoff of a partition that it scores in shadow."""
    first: str
    """That partition."""
    last: str
    until: Moment
    """When all that is asked is known, from when on it would reign."""
    policy: ShadowGate
    """What it has to show, as the use case said then."""


class Concluded(Frozen):
    """The run that compared a challenger on probation with the champion."""

    run: str
    bundle: str
    """The digest of its bundle."""


class LedgerEntry(Frozen):
    """One event of the ledger; before it is written its number is 0."""

    number: int = Field(default=0, ge=0)
    event: Event
    model_version: str | None = None
    """The model it is about; ``None`` when a person settles an as_of that has no model."""
    bundle: str | None = None
    """The digest of the run bundle that holds the model."""
    run: str | None = None
    """The id of that bundle."""
    as_of: Moment
    """The bound of knowledge of the training; of a rollback, that of its target."""
    effective_from: Moment
    decided_at: Moment
    decided_by: str = Field(min_length=1)
    """A person, ``gate``, or ``time-out``."""
    reasons: tuple[str, ...] = ()
    evidence: str | None = None
    """The digest of the evidence."""
    policy: str | None = None
    """The digest of the gate's policy."""
    verdict: str | None = None
    """What the gate said, whoever decided."""
    inputs: str | None = None
    """The digest of what the training read."""
    question: Question | None = None
    """Of a registered model: who was asked, as the use case said then."""
    probation: Probation | None = None
    """Of a registered model that first has to stand its time in shadow."""
    concluded: Concluded | None = None
    """Of what is decided after a probation: where evidence, policy and verdict come from."""
    heads: dict[str, tuple[int, str]] = Field(default_factory=dict)
    """Where other journals stood: number and digest, by their prefix."""

    @model_validator(mode="after")
    def _complete(self) -> LedgerEntry:
        needed = [] if self.event == "declined" else ["model_version", "bundle", "run"]
        if self.event in ("registered", "promoted", "rejected"):
            needed += ["inputs", "policy"]
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"{self.event} names no {', '.join(missing)}")
        if self.effective_from < self.as_of:
            raise ValueError(f"{self.event} would take effect before its as_of")
        return self

    def body(self) -> dict[str, Any]:
        """What the journal's entry says."""
        return self.model_dump(mode="json", exclude={"number"}, exclude_defaults=True)


def parse_ledger_entry(value: dict[str, Any]) -> LedgerEntry:
    """Read what :meth:`LedgerEntry.body` wrote; raises :class:`IntegrityError`."""
    try:
        return LedgerEntry.model_validate(value)
    except ValidationError as error:
        raise IntegrityError(
            "an entry of the ledger cannot be read",
            found=f"entry {value.get('number')}: {error.errors()[0]['msg']}",
            hint="it was written by another version of Laurel, or not by Laurel at all",
        ) from error
