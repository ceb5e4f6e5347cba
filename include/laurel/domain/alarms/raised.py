"""One alarm, as a report holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SUSPECTED = "suspected: "
"""How the reason of an alarm begins that more nights must confirm."""


@dataclass(frozen=True)
class Alarm:
    """One thing that a person should look at."""

    check: str
    """``drift/<feature>``, ``score_drift``, ``performance/<metric>``, ``freshness/<dataset>``, …"""
    severity: Literal["warning", "critical"]
    found: str
    bound: str
    reason: str
    state: Literal["learning", "suspected", "confirmed"] = "confirmed"
    """``learning``: beyond a bound that nobody has calibrated, which disturbs nobody."""
    since: str | None = None
    """The night on which the bound was exceeded first; none where only this night is judged."""
    tally: str = ""
    """On how many of the last nights the bound was exceeded, in words."""
    change: Literal["suspected", "confirmed", "worsened"] | None = None
    """What this night changed."""
    silenced: str | None = None
    """Who acknowledged it, why and until when, in words; none: nobody."""
    belief: str = ""
    """How often quiet nights exceed the bound, and how soon shifts are found, in words."""

    @property
    def loud(self) -> bool:
        """Whether it should disturb anybody: confirmed, and acknowledged by nobody."""
        return self.state == "confirmed" and self.silenced is None


def without_state(reason: str) -> str:
    """A reason for a place that says besides whether the alarm is suspected.

    >>> without_state("suspected: hour has drifted")
    'hour has drifted'
    """
    return reason.removeprefix(SUSPECTED)
