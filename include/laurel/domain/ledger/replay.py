"""Replay: the ledger that another policy would have written, entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from laurel.domain.canonical import instant
from laurel.domain.ledger.entry import CROWNING, LedgerEntry
from laurel.domain.ledger.person import approve, roll_back
from laurel.domain.ledger.state import LedgerState
from laurel.errors import Refused

GATE_EVENTS = frozenset({"registered", "promoted", "rejected"})
Judge = Callable[[LedgerEntry, str | None], LedgerEntry]
"""An entry of the gate, and the champion that its challenger meets now → the entry it becomes."""


@dataclass(frozen=True)
class Step:
    """One decision, as it was and as it would have been."""

    was: LedgerEntry
    now: LedgerEntry
    champion_was: str | None
    champion_now: str | None

    @property
    def flipped(self) -> bool:
        """Whether the gate would have said something else."""
        return (self.was.event == "rejected") != (self.now.event == "rejected")


@dataclass(frozen=True)
class Replayed:
    """A ledger decided anew."""

    state: LedgerState
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    """What a person did that would not have been possible."""


def replay(
    history: tuple[LedgerEntry, ...],
    judge: Judge,
    *,
    met: Callable[[LedgerEntry], str | None],
    lag: Callable[[LedgerEntry], datetime],
    first: datetime,
    last: datetime,
) -> Replayed:
    """Decide the entries of the gate with as_of in [first, last] anew, in the order they came.

    Earlier entries stay as they are, later ones are left out. What a person did is done again where
    the rules still allow it. met: the champion that a challenger met then; lag: the moment from
    which its decision is effective.
    """
    state, steps, notes = LedgerState(), [], []
    for entry in history:
        if entry.as_of > last and entry.event in GATE_EVENTS:
            break
        if entry.event not in GATE_EVENTS:
            said = entry if entry.decided_at < first else _by_person(state, entry)
            if isinstance(said, str):
                notes.append(said)
                continue
            state = _after(state, said)
        elif entry.as_of < first:
            state = _after(state, entry)
        elif entry.concluded is not None and not _on_probation(state, entry):
            notes.append(
                f"{entry.model_version} would not have been on probation, so what that showed at "
                f"{instant(entry.effective_from)} is left out"
            )
        else:
            champion = state.champion_before(entry.as_of, t=lag(entry))
            now = judge(entry, champion.model_version if champion else None)
            steps.append(Step(entry, now, met(entry), champion.model_version if champion else None))
            state = _after(state, now)
    return Replayed(state, tuple(steps), tuple(notes))


def _after(state: LedgerState, entry: LedgerEntry) -> LedgerState:
    number = len(state.history) + 1
    return LedgerState((*state.history, entry.model_copy(update={"number": number})))


def _on_probation(state: LedgerState, entry: LedgerEntry) -> bool:
    standing = state.standing(entry.as_of)
    return standing is not None and standing.probation is not None and standing.run == entry.run


def _by_person(state: LedgerState, entry: LedgerEntry) -> LedgerEntry | str:
    """What a person did, if it would have been possible; else a sentence that says why not."""
    name, reason = entry.model_version or "", " ".join(entry.reasons) or "as then"
    try:
        if entry.event == "rolled_back":
            roll_back(
                state,
                name,
                by=entry.decided_by,
                reason=reason,
                effective_from=entry.effective_from,
                decided_at=entry.decided_at,
            )
        elif entry.event in CROWNING:
            approve(state, name, by=entry.decided_by, reason=reason, decided_at=entry.decided_at)
        return entry
    except Refused as refused:
        what = f"{entry.event} of {name} by {entry.decided_by} at {instant(entry.decided_at)}"
        return f"{what} would not have been possible: {refused.fact}"
