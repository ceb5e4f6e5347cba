"""The journal of a use case's alarms: what was learned, acknowledged, changed, told, asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from laurel.domain.alarms.state import Acknowledgement
from laurel.domain.config import Frozen
from laurel.domain.journal import Entry
from laurel.domain.moment import Moment
from laurel.errors import IntegrityError

Event = Literal["calibrated", "acknowledged", "changed", "told", "asked"]
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "calibrated": ("calibration", "first", "by", "reason"),
    "acknowledged": ("check", "first", "by", "reason"),
    "changed": ("partition", "changes"),
    "told": ("partition", "check", "state", "channel"),
    "asked": ("partition", "run", "reason", "since"),
}


class AlarmEntry(Frozen):
    """One event; before it is written its number is 0."""

    number: int = Field(default=0, ge=0)
    event: Event
    at: Moment
    """Wall clock: recorded, and never used to choose anything."""
    first: str | None = None
    """The first night that a calibration or an acknowledgement holds for."""
    until: str | None = None
    """The last night of an acknowledgement; none: until the alarm clears."""
    calibration: str | None = None
    """The digest of a calibration's document, which is its key, too."""
    check: str | None = None
    by: str | None = None
    """The person."""
    reason: str | None = None
    partition: str | None = None
    run: str | None = None
    """The run of monitoring; of what was asked for, the id of the training's run."""
    backfilled: bool = False
    changes: tuple[str, ...] = ()
    """``drift/hour confirmed critical`` and the like."""
    state: str | None = None
    """The state that was told: ``confirmed critical``, ``cleared`` …"""
    channel: str | None = None
    """Whom it was told: ``mail:smtp_default``."""
    since: str | None = None
    """The first night of the alarm for which retraining was asked."""

    @model_validator(mode="after")
    def _complete(self) -> AlarmEntry:
        missing = [name for name in _NEEDED[self.event] if not getattr(self, name)]
        if missing:
            raise ValueError(f"{self.event} names no {', '.join(missing)}")
        return self

    def body(self) -> dict[str, Any]:
        """What the journal's entry says."""
        return self.model_dump(mode="json", exclude={"number"}, exclude_defaults=True)


@dataclass(frozen=True)
class AlarmLog:
    """All entries, in their order."""

    history: tuple[AlarmEntry, ...] = ()

    def of(self, event: Event) -> tuple[AlarmEntry, ...]:
        """The entries of one kind."""
        return tuple(entry for entry in self.history if entry.event == event)

    def calibration(self, night: str) -> AlarmEntry | None:
        """The calibration that a night knows: the newest that holds by then, as written last."""
        known = [e for e in self.of("calibrated") if e.first is not None and e.first <= night]
        return max(known, key=lambda e: (e.first or "", e.number), default=None)

    def acknowledgements(self, night: str) -> tuple[Acknowledgement, ...]:
        """What people had acknowledged for a night, in the order in which it was written."""
        return tuple(
            Acknowledgement(
                check=entry.check or "",
                by=entry.by or "",
                reason=entry.reason or "",
                first=entry.first or "",
                until=entry.until,
            )
            for entry in self.of("acknowledged")
            if (entry.first or "") <= night
        )


def parse_alarm_entry(value: dict[str, Any]) -> AlarmEntry:
    """Read what :meth:`AlarmEntry.body` wrote; raises :class:`IntegrityError`."""
    try:
        return AlarmEntry.model_validate(value)
    except ValidationError as error:
        raise IntegrityError(
            "an entry of the journal of alarms cannot be read",
            found=f"entry {value.get('number')}: {error.errors()[0]['msg']}",
            hint="it was written by another version of Laurel, or not by Laurel at all",
        ) from error


class AlarmReducer:
    """Folds the journal to its entries."""

    def initial(self) -> AlarmLog:
        """No entry."""
        return AlarmLog()

    def apply(self, state: AlarmLog, entry: Entry) -> AlarmLog:
        """The log with one more entry."""
        said = parse_alarm_entry({**entry.body, "number": entry.number})
        return replace(state, history=(*state.history, said))

    def dump(self, state: AlarmLog) -> Any:
        """The entries as JSON."""
        return [{"number": entry.number, **entry.body()} for entry in state.history]

    def load(self, value: Any) -> AlarmLog:
        """What was dumped."""
        return AlarmLog(tuple(parse_alarm_entry(item) for item in value))
