"""The state of each check after a night: a pure fold over nights, whatever order they ran in.

What a night depends on is fixed by the records: the findings of the nights up to it, each
recomputed from that night's counts and never read from its report, and the acknowledgements in
force. So a night that is backfilled, run again, or run before the one before it says the same.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from laurel.domain.alarms.judged import Level
from laurel.domain.config import Alarms

Standing = Literal["quiet", "suspected", "confirmed"]
Change = Literal["suspected", "confirmed", "worsened", "cleared"]


@dataclass(frozen=True)
class Acknowledgement:
    """A person's word that an alarm is known: it is shown, and disturbs nobody."""

    check: str
    by: str
    reason: str
    first: str
    """The first night that it holds for."""
    until: str | None
    """The last one; ``None``: until the alarm clears."""

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "check": self.check,
            "by": self.by,
            "reason": self.reason,
            "first": self.first,
            "until": self.until,
        }


@dataclass(frozen=True)
class Night:
    """What the checks found on one night: the level of each that could be judged."""

    partition: str
    levels: Mapping[str, Level]


@dataclass(frozen=True)
class State:
    """Where one check stands after a night."""

    check: str
    standing: Standing = "quiet"
    severity: Level = "none"
    """The gravest since it began."""
    since: str | None = None
    """The night on which the bound was exceeded first."""
    confirmed: str | None = None
    """The night on which it was confirmed."""
    began: bool = False
    """Whether the night before ``since`` is known to have been quiet."""
    recent: tuple[bool, ...] = ()
    """Whether the bound was exceeded on the last nights that could be judged, in their order."""
    change: Change | None = None
    """What this night changed."""
    acknowledged: Acknowledgement | None = None

    @property
    def open(self) -> bool:
        """Whether it is suspected or confirmed."""
        return self.standing != "quiet"

    @property
    def tally(self) -> str:
        """On how many of the last nights the bound was exceeded, in words."""
        return f"{sum(self.recent)} of the last {len(self.recent)} nights"


def fold_nights(
    nights: Sequence[Night],
    *,
    rules: Alarms,
    acknowledgements: Sequence[Acknowledgement] = (),
    learning: Container[str] = (),
) -> dict[str, State]:
    """The state of every check after the last of some nights, which come in their order.

    learning: checks that are not confirmed, however often they exceed their bound.

    A night on which a check could not be judged neither confirms nor clears it.

    >>> nights = [Night(f"2024-02-0{day}", {"drift/x": level})
    ...           for day, level in ((1, "none"), (2, "warning"), (3, "critical"))]
    >>> found = fold_nights(nights, rules=Alarms())["drift/x"]
    >>> found.standing, found.severity, found.since, found.confirmed, found.change
    ('confirmed', 'critical', '2024-02-02', '2024-02-03', 'confirmed')
    """
    states: dict[str, State] = {}
    for night in nights:
        states = {name: replace(state, change=None) for name, state in states.items()}
        for name, level in sorted(night.levels.items()):
            before = states.get(name, State(name))
            sure = name not in learning
            states[name] = _step(before, level, night=night.partition, rules=rules, sure=sure)
    if not nights:
        return {}
    last = nights[-1].partition
    return {
        name: replace(state, acknowledged=_in_force(state, acknowledgements, night=last))
        for name, state in sorted(states.items())
    }


def _step(state: State, level: Level, *, night: str, rules: Alarms, sure: bool) -> State:
    """sure: whether nights enough confirm it."""
    exceeded = level != "none"
    recent = (*state.recent, exceeded)[-rules.nights :]
    began = state.began if state.open else bool(state.recent)
    since = state.since or (night if exceeded else None)
    worse = level == "critical" and state.severity != "critical"
    severity: Level = level if worse or state.severity == "none" else state.severity
    if not any(recent):
        change: Change | None = "cleared" if state.standing == "confirmed" else None
        return State(state.check, recent=recent, change=change)
    # once confirmed it stays so until it clears: a bound that is met now and then is no new alarm
    sure = sure and (state.standing == "confirmed" or sum(recent) >= rules.confirm)
    change = None
    if sure and state.standing != "confirmed":
        change = "confirmed"
    elif sure and worse:
        change = "worsened"
    elif not state.open:
        change = "suspected"
    return State(
        check=state.check,
        standing="confirmed" if sure else "suspected",
        severity=severity,
        since=since,
        confirmed=state.confirmed or (night if sure else None),
        began=began,
        recent=recent,
        change=change,
    )


def _in_force(
    state: State, acknowledgements: Sequence[Acknowledgement], *, night: str
) -> Acknowledgement | None:
    """The newest acknowledgement that silences a state on a night."""
    if not state.open:
        return None
    for said in reversed(acknowledgements):
        if said.check != state.check or said.first > night:
            continue
        if said.until is not None:
            if night <= said.until:
                return said
            continue
        # of an alarm whose beginning is too long ago to be seen, every word still holds
        if not state.began or state.since is None or state.since < said.first:
            return said
    return None


def nights_between(first: str, last: str) -> int:
    """How many nights lie between two partitions.

    >>> nights_between("2024-02-27", "2024-03-01")
    3
    """
    return abs((date.fromisoformat(last) - date.fromisoformat(first)).days)
