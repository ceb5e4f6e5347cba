"""Who has to approve a model that the gate lets through, and what silence means."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from laurel.domain.config.base import Frozen

Person = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]
Silence = Literal["decline", "approve"]


class Approval(Frozen):
    """A person decides after the gate, and only where the gate would promote.

    It is no part of the policy: who approves changes neither a training nor its verdict.
    """

    by: tuple[Person, ...] = Field(min_length=1)
    """Who may answer, by their ids in Airflow or their accounts on the machine of a command."""
    timeout_hours: float = Field(default=72.0, gt=0, le=24 * 365)
    """How long an answer is waited for."""
    on_timeout: Silence = "decline"
    """What is decided when nobody has answered by then."""

    @model_validator(mode="after")
    def _nobody_of_ours(self) -> Approval:
        taken = sorted({"gate", "time-out"} & {name.lower() for name in self.by})
        if taken:
            raise ValueError(f"these are no people, the ledger uses their names: {taken}")
        return self

    @property
    def timeout(self) -> timedelta:
        """How long an answer is waited for."""
        return timedelta(hours=self.timeout_hours)
