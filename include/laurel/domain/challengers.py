"""Who scores beside the champion, by the ledger alone: on probation, in shadow, as a canary.

Everything follows from a score cutoff and from entries that take effect by it, so a partition
that is scored live and one that is backfilled meet the same challengers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from laurel.domain.config import Canary, Shadow, ShadowGate, UseCaseConfig
from laurel.domain.ledger import LedgerEntry, LedgerState, Probation
from laurel.domain.partition import DAY, Partition
from laurel.domain.window import cutoff_of

OF_THE_GATE = frozenset({"registered", "promoted", "rejected"})


def probation_of(config: UseCaseConfig, as_of: datetime, policy: ShadowGate) -> Probation:
    """The time in shadow of a challenger: partitions from the moment it could have reigned on.

    It ends when all rows of the last of them are known, and their labels where those are asked for.
    """
    first = first_partition(config, as_of + config.decision_lag)
    last = first.shifted(policy.partitions - 1)
    labels = config.label_delay if policy.realised else timedelta(0)
    return Probation(
        since=cutoff_of(first, config),
        first=first.key,
        last=last.key,
        until=last.end + labels,
        policy=policy,
    )


def first_partition(config: UseCaseConfig, moment: datetime) -> Partition:
    """The first partition whose score cutoff is at or after a moment."""
    found = Partition.at(moment + config.horizon)
    return found if cutoff_of(found, config) >= moment else found.shifted(1)


def shadows_at(
    state: LedgerState, t: datetime, *, lag: timedelta, asked: Shadow | None
) -> tuple[LedgerEntry, ...]:
    """The challengers that score a partition with cutoff ``t`` in shadow, in order of as_of.

    Those on probation are always among them. lag: from as_of to the moment from which a decision
    is effective.
    """
    champion = state.champion_as_of(t)
    if champion is None:
        return ()
    known = list(_trained(state, t, lag=lag, champion=champion))
    found = [entry for entry in known if _on_probation(state, entry, t)]
    if asked is not None:
        there = [e for e in known if t < e.as_of + lag + asked.partitions * DAY]
        found += list(_asked(state, there, t, asked=asked, champion=champion))
    return tuple(sorted({e.as_of: e for e in found}.values(), key=lambda e: e.as_of))


def canary_at(
    state: LedgerState, t: datetime, *, lag: timedelta, asked: Canary | None
) -> LedgerEntry | None:
    """The challenger that answers a share of the keys of a partition with cutoff ``t``, if one.

    One that the gate did not let through never does; a rollback ends it for every challenger that
    was decided before it, and so does a person who declines it.
    """
    champion = state.champion_as_of(t) if asked is not None else None
    if asked is None or champion is None:
        return None
    known = [
        entry
        for entry in _trained(state, t, lag=lag, champion=champion)
        if t < entry.as_of + lag + asked.partitions * DAY
        and _let_through(state, entry, t)
        and not ended_by(state, entry, t)
        and _is_meant(entry, asked.challenger, champion)
    ]
    return known[-1] if known else None


def ended_by(state: LedgerState, entry: LedgerEntry, t: datetime) -> LedgerEntry | None:
    """What ended the time of a challenger by ``t``: a rollback, or a person who declined it."""
    return next(
        (
            each
            for each in state.history
            if each.number > entry.number
            and each.effective_from <= t
            and (
                each.event == "rolled_back"
                or (each.event == "declined" and each.model_version == entry.model_version)
            )
        ),
        None,
    )


def _trained(
    state: LedgerState, t: datetime, *, lag: timedelta, champion: LedgerEntry
) -> Iterator[LedgerEntry]:
    """What the gate said of the trainings that could reign at ``t`` and do not, by as_of."""
    said = {
        entry.as_of: entry
        for entry in state.history
        if entry.event in OF_THE_GATE and entry.concluded is None
    }
    for as_of, entry in sorted(said.items()):
        if as_of + lag <= t and entry.model_version != champion.model_version:
            yield entry


def _is_meant(entry: LedgerEntry, named: str, champion: LedgerEntry) -> bool:
    return entry.as_of > champion.as_of if named == "passed" else entry.model_version == named


def _on_probation(state: LedgerState, entry: LedgerEntry, t: datetime) -> bool:
    probation = entry.probation
    if probation is None or not probation.since <= t < _end(probation):
        return False
    return ended_by(state, entry, t) is None


def _end(probation: Probation) -> datetime:
    """The cutoff after the last partition's."""
    return probation.since + probation.policy.partitions * DAY


def _asked(
    state: LedgerState,
    known: list[LedgerEntry],
    t: datetime,
    *,
    asked: Shadow,
    champion: LedgerEntry,
) -> Iterator[LedgerEntry]:
    if not isinstance(asked.challengers, str):
        yield from (entry for entry in known if entry.model_version in asked.challengers)
        return
    newer = [entry for entry in known if entry.as_of > champion.as_of]
    if asked.challengers == "passed":
        newer = [entry for entry in newer if _let_through(state, entry, t)]
    yield from newer[-1:]


def _let_through(state: LedgerState, entry: LedgerEntry, t: datetime) -> bool:
    """Whether the gate let it through, and no end of a probation by ``t`` said otherwise."""
    ended = any(
        each.concluded and each.event == "rejected" and each.effective_from <= t
        for each in state.history
        if each.model_version == entry.model_version
    )
    return entry.verdict == "promote" and not ended
