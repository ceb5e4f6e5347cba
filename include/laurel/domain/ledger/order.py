"""The rules of order: what may be appended to a ledger, and what a scoring still waits for.

Every rule is a pure function of the state, called anew after each lost race. A second call with
the same words finds the first one's entry, so that a retry after a lost answer appends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from laurel.domain.canonical import instant
from laurel.domain.ledger.entry import LedgerEntry
from laurel.domain.ledger.state import LedgerState
from laurel.errors import Refused

Outcome = Literal["appended", "existing", "bundle alone"]


@dataclass(frozen=True)
class Ruling:
    """What the rules of order say to a proposal; true when an entry is appended.

    ``existing``: the same was decided before, by ``entry``. ``bundle alone``: for the same as_of
    ``entry`` was decided on other inputs, by another policy, or of a training by other code or
    parameters, and it stands.
    """

    outcome: Outcome
    entry: LedgerEntry

    def __bool__(self) -> bool:
        return self.outcome == "appended"

    def differs(self, proposal: LedgerEntry) -> str:
        """In what a decision that stands alone differs from the one proposed, in words."""
        if self.entry.event == "declined":
            return "by a person"
        if self.entry.inputs != proposal.inputs:
            return "on other inputs"
        other = self.entry.policy != proposal.policy
        return "by another policy" if other else "of a training by other code or parameters"


def decide(state: LedgerState, proposal: LedgerEntry, *, supersede: bool = False) -> Ruling:
    """Rule on an entry that registers, promotes or rejects a challenger.

    Alike are decisions about the same training: the id of its run is the digest of what it read,
    its code and its parameters. With ``supersede`` a decision for the same as_of about another one
    replaces the one that stands, which then no longer counts, whatever the new one says; it must
    be the newest.

    Raises :class:`Refused` when a decision for a later as_of exists.
    """
    standing = state.standing(proposal.as_of)
    if standing is not None and _alike(standing, proposal):
        return Ruling("existing", standing)
    if standing is not None and not supersede:
        before = [e for e in state.history if e.as_of == proposal.as_of and _alike(e, proposal)]
        return Ruling("existing", before[-1]) if before else Ruling("bundle alone", standing)
    what = proposal.model_version or "this decision"
    expect_newest(state, proposal.as_of, what=what, newest=state.newest_turn)
    return Ruling("appended", proposal)


def conclude(state: LedgerState, proposal: LedgerEntry) -> Ruling:
    """Rule on what is decided of a challenger at the end of its probation.

    Another challenger of a later as_of may be rejected or on probation itself by then: the
    proposal is appended wherever this one still waits. Else what stands, stands.
    """
    standing = state.standing(proposal.as_of)
    if standing is None or standing.probation is None or standing.run != proposal.run:
        return Ruling("existing", standing or proposal)
    return Ruling("appended", proposal)


def waiting_for(
    state: LedgerState, due: datetime | None, *, t: datetime | None = None
) -> tuple[datetime, ...]:
    """The as_ofs that must be settled before the champion at ``t`` is sure, ascending.

    ``due`` is the newest tick whose decision is effective at ``t``; a decision with a later as_of
    settles it, too, and so does a challenger of that as_of on probation. Models that wait for a
    person, or for the end of their probation, and would reign at ``t`` are waited for as well.
    """
    newest = state.newest_turn
    open_tick = due is not None and (newest is None or newest < due)
    waiting = {due} if due is not None and open_tick else set()
    if t is not None:
        undecided = (*state.pending, *state.on_probation)
        waiting |= {entry.as_of for entry in undecided if entry.effective_from <= t}
    return tuple(sorted(waiting))


def settled(state: LedgerState, due: datetime | None, *, t: datetime | None = None) -> bool:
    """Whether nothing is waited for; ``due`` is ``None`` before the first tick is due.

    >>> settled(LedgerState(), None)
    True
    """
    return not waiting_for(state, due, t=t)


def expect_newest(
    state: LedgerState, as_of: datetime, *, what: str, newest: datetime | None = None
) -> None:
    """Raise :class:`Refused` when a decision for a later as_of than ``as_of`` exists.

    newest: the latest as_of that counts; that of the decisions where it is not given.
    """
    newest = newest or state.newest_as_of
    if newest is not None and newest > as_of:
        found = state.decision(newest) or state.standing(newest)
        raise Refused(
            f"{what} comes too late: a later training is decided",
            found=f"as_of {instant(as_of)}, but decided is {name_of(found)}",
            expected=f"an as_of of {instant(newest)} or later",
            hint="decisions are made in the order of as_of: clear or backfill the trainings from "
            f"{instant(newest)} on; to change the champion run laurel rollback NAME VERSION",
        )


def name_of(entry: LedgerEntry | None) -> str:
    """An entry in a few words."""
    if entry is None:
        return "nothing"
    return f"{entry.model_version or 'no model'} ({entry.event}, as_of {instant(entry.as_of)})"


def _alike(entry: LedgerEntry, proposal: LedgerEntry) -> bool:
    if entry.event == "rolled_back" or entry.run != proposal.run:
        return False
    # at the end of a probation other evidence was judged, of the same training
    same = (entry.inputs, entry.policy) == (proposal.inputs, proposal.policy)
    return entry.concluded is not None or same
