"""Where a model version stands in the ledger: decided by whom, reigning from when to when."""

from __future__ import annotations

from typing import Any

from laurel.domain.canonical import instant
from laurel.domain.ledger import LedgerState

NOT_DECIDED = "not decided"
WORDS = {
    "registered": "waits for a person's approval",
    "promoted": "promoted by the gate",
    "approved": "approved",
    "rejected": "rejected",
    "declined": "declined",
}


def standing(ledger: LedgerState, version: str) -> dict[str, Any]:
    """What the ledger says of a model version, as plain JSON values.

    ``reigns`` are the times in which it is champion by all entries there are; the last may be
    open. ``event`` is ``None`` where nothing was decided.

    >>> standing(LedgerState(), "flights-20130805-1a2b3c4d")["sentence"]
    'nothing is decided about this version yet'
    """
    entry = ledger.version(version)
    reigns = [
        [instant(reign.start), instant(reign.end) if reign.end else None]
        for reign in ledger.reigns()
        if reign.entry.model_version == version
    ]
    newest = max((each.number for each in ledger.history), default=0)
    found: dict[str, Any] = {"version": version, "reigns": reigns, "entries": newest}
    if entry is None:
        sentence = "nothing is decided about this version yet"
        return {**found, "event": None, "sentence": sentence}
    return {
        **found,
        "event": entry.event,
        "number": entry.number,
        "decided_by": entry.decided_by,
        "decided_at": instant(entry.decided_at),
        "effective_from": instant(entry.effective_from),
        "reasons": list(entry.reasons),
        "bundle": entry.bundle,
        "sentence": _sentence(entry.event, entry.decided_by, reigns)
        if entry.probation is None
        else f"on probation in shadow until {instant(entry.effective_from)}",
    }


def _sentence(event: str, by: str, reigns: list[list[str | None]]) -> str:
    said = WORDS.get(event, event)
    if event in ("approved", "declined") or (event == "rejected" and by != "gate"):
        said = f"{said} by {by}"
    if not reigns:
        return f"{said}; it never reigned" if event in ("promoted", "approved") else said
    start, end = reigns[-1]
    times = f" (and {len(reigns) - 1} time(s) before)" if len(reigns) > 1 else ""
    day = str(start).removesuffix("T00:00:00Z")
    if end is None:
        return f"{said}; the champion from {day} on{times}"
    return f"{said}; the champion from {day} to {end.removesuffix('T00:00:00Z')}{times}"
