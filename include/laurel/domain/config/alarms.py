"""What ``usecase.yaml`` may say of alarms: when one is believed, and whom it is told to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from laurel.domain.config.base import Frozen

ConnectionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,200}$")]
"""The id of a connection that Airflow keeps: no address, no secret."""


class _Channel(Frozen):
    connection: ConnectionId
    severity: Literal["warning", "critical"] = "warning"
    """The floor: calmer alarms are not told here."""
    suspected: bool = False
    """Whether it is told of suspicions, too."""


class Mail(_Channel):
    """A mail, through Airflow's own SMTP provider."""

    kind: Literal["mail"]
    to: tuple[str, ...] = Field(min_length=1)


class Slack(_Channel):
    """A message, through Airflow's own Slack provider: a connection of an incoming webhook."""

    kind: Literal["slack"]


class Webhook(_Channel):
    """A POST of JSON to the address that a connection of kind HTTP names."""

    kind: Literal["webhook"]


Channel = Annotated[Mail | Slack | Webhook, Field(discriminator="kind")]


class Alarms(Frozen):
    """When an alarm is believed, and what it does.

    A training does not depend on it.

    >>> Alarms().confirm, Alarms().nights
    (2, 3)
    """

    confirm: int = Field(default=2, ge=1)
    """Nights, of the last ``nights``, on which a check has to exceed its bound to be confirmed."""
    nights: int = Field(default=3, ge=1, le=14)
    uncalibrated: Literal["learning", "confirm"] = "learning"
    """What becomes of a check of drift whose bound was not learned yet: it is shown and disturbs
    nobody, or it is confirmed as any other."""
    cooldown_nights: int = Field(default=7, ge=0)
    """Nights in which the same state of the same check is not told again."""
    false_alarms: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance that any check exceeds its bound on a quiet night, which ``calibrate`` aims at."""
    shifts: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.1, 0.25, 0.5)
    """Shares of the rows that ``calibrate`` moves to see how soon that is found."""
    notify: tuple[Channel, ...] = ()
    notify_backfilled: bool = False
    """Whether nights of a backfill are told, too; what is told then says so."""
    retrain_cooldown_days: int = Field(default=14, ge=1)
    """Days after a request for retraining in which there is no other."""

    @model_validator(mode="after")
    def _attainable(self) -> Alarms:
        if self.confirm > self.nights:
            raise ValueError(f"{self.confirm} of the last {self.nights} nights cannot be")
        return self

    def rules(self) -> dict[str, object]:
        """What the states of a night depend on, as plain JSON values."""
        return {
            "confirm": self.confirm,
            "nights": self.nights,
            "uncalibrated": self.uncalibrated,
        }
