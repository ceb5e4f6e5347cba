"""Who is champion when: the fold over the ledger's entries, and what else they say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from laurel.domain.journal import Entry
from laurel.domain.ledger.entry import CROWNING, DECIDING, LedgerEntry, parse_ledger_entry


@dataclass(frozen=True)
class Reign:
    """A time in which one entry made the champion: ``[start, end)``, ``end`` ``None`` if open."""

    start: datetime
    end: datetime | None
    entry: LedgerEntry


@dataclass(frozen=True)
class LedgerState:
    """All entries of a ledger, in their order."""

    history: tuple[LedgerEntry, ...] = ()

    def champion_as_of(self, t: datetime) -> LedgerEntry | None:
        """The entry that makes the champion at ``t``, or ``None`` when there is none yet."""
        return _crowned(self.history, t)

    def champion_before(self, as_of: datetime, *, t: datetime | None = None) -> LedgerEntry | None:
        """The champion that a challenger of ``as_of`` meets, by the decisions for earlier as_ofs.

        It is who reigns at ``t``, by default at ``as_of``; give the moment from which the
        challenger would reign where the decision lag is longer than the time between trainings.
        What a probation shows after ``as_of`` is not known to the training.
        """
        earlier = (
            entry
            for entry in self.history
            if entry.event == "rolled_back"
            or (entry.as_of < as_of and (not entry.concluded or entry.effective_from <= as_of))
        )
        return _crowned(earlier, as_of if t is None else t)

    @property
    def champion(self) -> LedgerEntry | None:
        """The champion once every entry is effective: for pages, never for a run."""
        last = max((entry.effective_from for entry in self.history), default=None)
        return None if last is None else self.champion_as_of(last)

    def champion_as_known(self, t: datetime, *, at: datetime) -> LedgerEntry | None:
        """The champion at ``t`` by the entries that had been decided by ``at``."""
        return _crowned((entry for entry in self.history if entry.decided_at <= at), t)

    def reigns(self) -> tuple[Reign, ...]:
        """Who is champion from when to when, by all that is known now."""
        return tuple(self._reigns())

    def decision(self, as_of: datetime) -> LedgerEntry | None:
        """The decision that stands for a training's as_of."""
        return self._decisions.get(as_of)

    def standing(self, as_of: datetime) -> LedgerEntry | None:
        """The newest registration or decision for an as_of."""
        return self._standing.get(as_of)

    @cached_property
    def newest_as_of(self) -> datetime | None:
        """The latest as_of that is decided."""
        return max(self._decisions, default=None)

    @cached_property
    def newest_turn(self) -> datetime | None:
        """The latest as_of that is decided, or whose challenger is on probation: no earlier
        training is decided any more."""
        known = {self.newest_as_of, *(e.as_of for e in self._standing.values() if e.probation)}
        return max((as_of for as_of in known if as_of is not None), default=None)

    @cached_property
    def on_probation(self) -> tuple[LedgerEntry, ...]:
        """Registered models that still stand their time in shadow, the first to end first."""
        waiting = [entry for entry in self._standing.values() if entry.probation is not None]
        return tuple(sorted(waiting, key=lambda entry: (entry.effective_from, entry.as_of)))

    @cached_property
    def pending(self) -> tuple[LedgerEntry, ...]:
        """Registered models that a person still has to approve or decline, in order of as_of.

        Those with a decision for a later as_of are no longer among them.
        """
        newest = self.newest_as_of
        return tuple(
            entry
            for as_of, entry in sorted(self._standing.items())
            if entry.event == "registered"
            and entry.probation is None
            and (newest is None or as_of >= newest)
        )

    def version(self, model_version: str) -> LedgerEntry | None:
        """What was last registered or decided about a model; ``None`` when it is unknown."""
        return self._versions.get(model_version)

    def passed(self, model_version: str) -> bool:
        """Whether the model was ever promoted or approved: only such a model may score."""
        return any(
            entry.model_version == model_version and entry.event in CROWNING
            for entry in self.history
        )

    @property
    def versions(self) -> tuple[str, ...]:
        """All models ever named, sorted."""
        return tuple(sorted(self._versions))

    @cached_property
    def _decisions(self) -> dict[datetime, LedgerEntry]:
        return _newest(entry for entry in self.history if entry.event in DECIDING)

    @cached_property
    def _standing(self) -> dict[datetime, LedgerEntry]:
        return _newest(entry for entry in self.history if entry.event != "rolled_back")

    @cached_property
    def _versions(self) -> dict[str, LedgerEntry]:
        about = (entry for entry in self.history if entry.event != "rolled_back")
        return {entry.model_version: entry for entry in about if entry.model_version}

    def _reigns(self) -> Iterator[Reign]:
        changes: list[tuple[datetime, LedgerEntry | None]] = []
        for moment in sorted({entry.effective_from for entry in self.history}):
            champion = self.champion_as_of(moment)
            if not changes or changes[-1][1] != champion:
                changes.append((moment, champion))
        ends = [moment for moment, _ in changes[1:]]
        for (start, entry), end in zip(changes, [*ends, None], strict=False):
            if entry is not None:
                yield Reign(start, end, entry)


class LedgerReducer:
    """Folds the entries of a ledger's journal."""

    def initial(self) -> LedgerState:
        return LedgerState()

    def apply(self, state: LedgerState, entry: Entry) -> LedgerState:
        return LedgerState(
            (*state.history, parse_ledger_entry({"number": entry.number, **entry.body}))
        )

    def dump(self, state: LedgerState) -> list[Any]:
        return [[entry.number, entry.body()] for entry in state.history]

    def load(self, value: Any) -> LedgerState:
        return LedgerState(
            tuple(parse_ledger_entry({"number": number, **body}) for number, body in value)
        )


_SAME = ("as_of", "event", "model_version", "verdict", "bundle", "evidence", "policy", "inputs")


def sameness(state: LedgerState) -> list[list[Any]]:
    """What makes two ledgers the same: no wall clock, no person, no number, no chain digest.

    >>> sameness(LedgerState())
    []
    """
    return [[entry.body().get(name) for name in _SAME] for entry in state.history]


def _crowned(entries: Iterable[LedgerEntry], t: datetime) -> LedgerEntry | None:
    effective = [entry for entry in entries if entry.effective_from <= t]
    rollback = next((e for e in reversed(effective) if e.event == "rolled_back"), None)
    decisions = _newest(entry for entry in effective if entry.event in DECIDING).values()
    crowning = [e for e in decisions if e.event in CROWNING and _beats(e, rollback)]
    return max(crowning, key=lambda entry: entry.number, default=rollback)


def _beats(promotion: LedgerEntry, rollback: LedgerEntry | None) -> bool:
    return rollback is None or (
        promotion.number > rollback.number and promotion.effective_from >= rollback.effective_from
    )


def _newest(entries: Iterable[LedgerEntry]) -> dict[datetime, LedgerEntry]:
    return {entry.as_of: entry for entry in entries}
