"""Prove what people decided: answers that were asked for, rollbacks to models that passed."""

from __future__ import annotations

from collections.abc import Iterator

from laurel.domain.canonical import instant
from laurel.domain.ledger import CROWNING, TIME_OUT, LedgerEntry, LedgerState
from laurel.domain.proof import Finding

COPIED = ("bundle", "run", "as_of", "evidence", "policy", "verdict", "inputs")
"""What an entry of a person takes over from the one that it is about."""


def prove_person(place: str, entry: LedgerEntry, before: LedgerState) -> Iterator[Finding]:
    """What contradicts an approval, a refusal or a rollback; nothing for entries of the gate."""
    if entry.event == "rolled_back":
        crowned = [
            each
            for each in before.history
            if each.model_version == entry.model_version and each.event in CROWNING
        ]
        if not crowned:
            fault = "the rollback is to a model that had not passed the gate"
            yield Finding(place, fault, entry.model_version)
        else:
            yield from _copied(place, entry, crowned[-1])
    elif entry.event in ("approved", "declined") and entry.model_version is not None:
        yield from _answered(place, entry, before.standing(entry.as_of))


def _answered(place: str, entry: LedgerEntry, about: LedgerEntry | None) -> Iterator[Finding]:
    if about is None or about.event != "registered" or about.model_version != entry.model_version:
        found = f"{about.event} {about.model_version}" if about else "nothing"
        yield Finding(place, "the answer is about a model that did not wait", found)
        return
    yield from _copied(place, entry, about)
    if about.probation is not None and entry.event == "declined":
        return  # which ends a probation at once
    if entry.effective_from != about.effective_from:
        fault = "the answer takes effect at another moment than the registration said"
        found, expected = instant(entry.effective_from), instant(about.effective_from)
        yield Finding(place, fault, found, expected)
    question = about.question
    if question is None:
        return
    if entry.decided_by == TIME_OUT:
        early = entry.decided_at < question.until
        meant = "approved" if question.otherwise == "approve" else "declined"
        if early or entry.event != meant:
            fault = "silence was taken for an answer that it was not"
            expected = f"{meant} at {instant(question.until)} or later"
            yield Finding(place, fault, f"{entry.event} at {instant(entry.decided_at)}", expected)
    elif entry.decided_by not in question.by:
        fault = "somebody answered who was not asked"
        yield Finding(place, fault, entry.decided_by, ", ".join(question.by))


def _copied(place: str, entry: LedgerEntry, about: LedgerEntry) -> Iterator[Finding]:
    for name in COPIED:
        found, expected = (getattr(each, name) for each in (entry, about))
        if found != expected:
            fault = f"the {name} is not that of entry {about.number}, which it is about"
            yield Finding(place, fault, str(found), str(expected))
