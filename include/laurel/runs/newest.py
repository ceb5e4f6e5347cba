"""The newest training by a bound of knowledge, as the ledger has it."""

from __future__ import annotations

from datetime import datetime, timedelta

from laurel.domain.canonical import instant
from laurel.domain.ledger import LedgerEntry, due_as_of
from laurel.errors import Pending, Refused
from laurel.runs.site import Site
from laurel.usecase import UseCase


def newest_training(site: Site, usecase: UseCase, *, as_of: datetime) -> LedgerEntry:
    """The ledger's word on the training with the newest as_of that is not after ``as_of``.

    A backfill meets the training that the live run met. Raises :class:`Pending` while the one due
    by then is not decided, :class:`Refused` where there is none.
    """
    training = usecase.config.training
    due = due_as_of(training.schedule, start=training.start, lag=timedelta(0), t=as_of)
    history = site.ledger(usecase).read().history
    standing = {e.as_of: e for e in history if e.event != "rolled_back" and e.as_of <= as_of}
    if due is not None and max(standing, default=None) != due and due not in standing:
        raise Pending(
            "a training is not decided yet",
            usecase=usecase.name,
            found=f"newest: {instant(max(standing)) if standing else 'none'}",
            expected=f"one with as_of {instant(due)}",
            hint=f"run {usecase.name}_train for it, or settle it: laurel decline {usecase.name}",
        )
    made = [entry for _, entry in sorted(standing.items()) if entry.run]
    if not made:
        raise Refused(
            "there is no training to examine",
            usecase=usecase.name,
            found=f"none with an as_of by {instant(as_of)}",
            hint="name a later moment",
        )
    return made[-1]
