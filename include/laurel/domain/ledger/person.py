"""What a person may append: an approval, a refusal, a rollback, each with a name and a reason.

Where the ledger says who was asked about a model, only they answer. Once their time is over, the
answer that silence means may be appended; until somebody does, a late answer still counts. Of
several answers the first one stands.
"""

from __future__ import annotations

import difflib
from datetime import datetime

from laurel.domain.canonical import instant
from laurel.domain.ledger.entry import CROWNING, TIME_OUT, Event, LedgerEntry
from laurel.domain.ledger.order import Ruling, expect_newest, name_of
from laurel.domain.ledger.state import LedgerState
from laurel.errors import Refused


def approve(
    state: LedgerState,
    model_version: str,
    *,
    by: str,
    reason: str,
    decided_at: datetime,
) -> Ruling:
    """Rule on a person's approval of a registered model.

    Raises :class:`Refused` when it is unknown, was rejected or declined, or was overtaken, and for
    a person who was not asked.
    """
    _expect_person(by, reason)
    entry = _known(state, model_version)
    if entry.event in CROWNING:
        return Ruling("existing", entry)
    _expect_waiting(state, entry, what="approved")
    _expect_asked(entry, by)
    said = _say(entry, "approved", by=by, reason=reason, decided_at=decided_at)
    return Ruling("appended", said)


def decline(
    state: LedgerState,
    as_of: datetime,
    *,
    by: str,
    reason: str,
    decided_at: datetime,
    model_version: str | None = None,
) -> Ruling:
    """Rule on a person's refusal: of the model that waits for approval, or of the as_of itself.

    An as_of whose training can never succeed is so settled, without a model. model_version: the
    model that is meant, where one is.
    Raises :class:`Refused` when it is decided already, or settled by a later decision; when another
    model than the one meant waits; and for a person who was not asked.
    """
    _expect_person(by, reason)
    standing = state.standing(as_of)
    if standing is not None and standing.event == "declined":
        return Ruling("existing", standing)
    if standing is not None and standing.event != "registered":
        raise Refused(
            "this as_of is decided already",
            found=f"{name_of(standing)}: {standing.event} by {standing.decided_by}",
            hint="a champion is dethroned by a rollback",
        )
    on_probation = standing is not None and standing.probation is not None
    if not on_probation:
        expect_newest(state, as_of, what=model_version or "this refusal")
    if model_version is not None and (standing is None or standing.model_version != model_version):
        raise Refused(
            f"{model_version} does not wait for approval",
            found=f"for its as_of: {name_of(standing)}",
        )
    if standing is not None:
        _expect_asked(standing, by)
        said = _say(
            standing,
            "declined",
            by=by,
            reason=reason,
            decided_at=decided_at,
            # partitions that it has answered as a canary by now are left as they are
            effective_from=max(decided_at, standing.as_of) if on_probation else None,
        )
        return Ruling("appended", said)
    entry = LedgerEntry(
        event="declined",
        as_of=as_of,
        effective_from=as_of,
        decided_at=decided_at,
        decided_by=by,
        reasons=(reason,),
    )
    return Ruling("appended", entry)


def decline_model(
    state: LedgerState, model_version: str, *, by: str, reason: str, decided_at: datetime
) -> Ruling:
    """Rule on a person's refusal of a model, as :func:`decline` does; it must be known."""
    entry = _known(state, model_version)
    return decline(
        state,
        entry.as_of,
        by=by,
        reason=reason,
        decided_at=decided_at,
        model_version=model_version,
    )


def time_out(state: LedgerState, model_version: str, *, decided_at: datetime) -> Ruling:
    """Rule on the answer that silence means; what was decided meanwhile stands.

    Raises :class:`Refused` while there is time, and where nobody was asked.
    """
    entry = _known(state, model_version)
    if entry not in state.pending:
        return Ruling("existing", entry)
    question = entry.question
    if question is None or decided_at < question.until:
        raise Refused(
            f"{model_version} still waits for an answer",
            found=f"it is {instant(decided_at)}",
            expected=f"{instant(question.until)} or later"
            if question
            else "that somebody is asked",
        )
    event: Event = "approved" if question.otherwise == "approve" else "declined"
    reason = f"nobody answered by {instant(question.until)}: that means {question.otherwise}"
    said = _say(entry, event, by=TIME_OUT, reason=reason, decided_at=decided_at)
    return Ruling("appended", said)


def roll_back(
    state: LedgerState,
    target: str,
    *,
    by: str,
    reason: str,
    effective_from: datetime,
    decided_at: datetime,
) -> Ruling:
    """Rule on a person's return to an earlier model.

    Raises :class:`Refused` when the target is unknown, never passed the gate, or would reign
    before its own first day: it would score a past whose future it has learned from.
    """
    _expect_person(by, reason)
    source = _passed(state, target)
    if effective_from < source.effective_from:
        raise Refused(
            f"{target} would reign before it was there",
            found=f"effective from {instant(effective_from)}",
            expected=f"{instant(source.effective_from)} or later: it knows data up to "
            f"{instant(source.as_of)}",
            hint="name a model that is older than the time to be scored again",
        )
    entry = _say(
        source,
        "rolled_back",
        by=by,
        reason=reason,
        decided_at=decided_at,
        effective_from=effective_from,
    )
    last = next(e for e in reversed(state.history) if e.event in {*CROWNING, "rolled_back"})
    written_before = entry.model_copy(update={"number": last.number, "decided_at": last.decided_at})
    return Ruling("existing", last) if last == written_before else Ruling("appended", entry)


def _say(
    about: LedgerEntry,
    event: Event,
    *,
    by: str,
    reason: str,
    decided_at: datetime,
    effective_from: datetime | None = None,
) -> LedgerEntry:
    """The entry of a person's decision about the model that ``about`` names."""
    return LedgerEntry.model_validate(
        {
            **about.model_dump(exclude={"number", "heads", "question", "probation"}),
            "event": event,
            "decided_by": by,
            "reasons": (reason,),
            "decided_at": decided_at,
            "effective_from": effective_from or about.effective_from,
        }
    )


def _expect_person(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise Refused(
            "a person's decision needs a name and a reason",
            found=f"by {by!r}, reason {reason!r}",
        )


def _expect_waiting(state: LedgerState, entry: LedgerEntry, *, what: str) -> None:
    """Raise :class:`Refused` unless the model that ``entry`` is about waits for an answer."""
    if entry.probation is not None:
        raise Refused(
            f"{entry.model_version} cannot be {what}: it is on probation in shadow",
            found=f"until {instant(entry.effective_from)}",
            expected="that it has shown what gate.shadow asks",
            hint="laurel shadow list says how far it is; laurel decline ends it",
        )
    if entry.event != "registered":
        raise Refused(
            f"{entry.model_version} cannot be {what}",
            found=f"{entry.event} by {entry.decided_by} at {instant(entry.decided_at)}",
            expected="a registered model that waits for approval",
            hint="train again, or roll back to a model that passed the gate",
        )
    expect_newest(state, entry.as_of, what=str(entry.model_version))
    if entry not in state.pending:
        raise Refused(
            f"{entry.model_version} was superseded before it was {what}",
            found=f"for the same as_of: {name_of(state.standing(entry.as_of))}",
        )


def _expect_asked(entry: LedgerEntry, by: str) -> None:
    question = entry.question
    if question is not None and by not in question.by:
        raise Refused(
            f"{by} was not asked about {entry.model_version}",
            found=by,
            expected=f"one of {', '.join(question.by)}",
            hint="gate.approval.by in usecase.yaml says who is asked about the next model",
        )


def _known(state: LedgerState, model_version: str) -> LedgerEntry:
    entry = state.version(model_version)
    if entry is None:
        near = difflib.get_close_matches(model_version, state.versions, n=1)
        raise Refused(
            "the ledger knows no such model version",
            found=model_version,
            expected=", ".join(state.versions[-3:]) or "none is registered yet",
            hint=f"did you mean {near[0]!r}?" if near else None,
        )
    return entry


def _passed(state: LedgerState, target: str) -> LedgerEntry:
    """The entry by which ``target`` passed the gate."""
    entry = _known(state, target)
    crowned = [e for e in state.history if e.model_version == target and e.event in CROWNING]
    if not crowned:
        passed = sorted({str(e.model_version) for e in state.history if e.event in CROWNING})
        raise Refused(
            f"{target} never passed the gate",
            found=f"{entry.event} by {entry.decided_by} at {instant(entry.decided_at)}",
            expected=", ".join(passed[-3:]) or "no model has passed it yet",
        )
    return crowned[-1]
