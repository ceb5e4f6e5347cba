"""The ledger of a use case in the store: a journal of decisions about models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from laurel.adapters.journal import Journal
from laurel.adapters.records.place import placed
from laurel.adapters.store.contract import Store
from laurel.domain import ledger as rules
from laurel.domain.journal import Head
from laurel.domain.ledger import LedgerEntry, LedgerReducer, LedgerState, Ruling


class Ledger:
    """The ledger of one use case.

    ``decided_at`` is the wall clock unless given; it is recorded, never used to choose.
    """

    def __init__(self, store: Store, usecase: str) -> None:
        self.usecase = usecase
        self.prefix = f"ledger/{usecase}"
        self._journal = Journal(store, self.prefix, LedgerReducer())

    def read(self) -> LedgerState:
        """What is decided; raises :class:`StoreFault` when the store cannot be read.

        A store that cannot be read is never taken for one without a champion.
        """
        return self.head().state

    def head(self) -> Head[LedgerState]:
        """What is decided, with the number and digest of the last entry."""
        with placed(self.usecase):
            return self._journal.read()

    def decide(self, proposal: LedgerEntry, *, supersede: bool = False) -> Ruling:
        """Register, promote or reject a challenger, by :func:`laurel.domain.ledger.decide`."""
        return self._append(lambda state: rules.decide(state, proposal, supersede=supersede))

    def conclude(self, proposal: LedgerEntry) -> Ruling:
        """End a probation, by :func:`laurel.domain.ledger.conclude`."""
        return self._append(lambda state: rules.conclude(state, proposal))

    def approve(
        self, model_version: str, *, by: str, reason: str, decided_at: datetime | None = None
    ) -> Ruling:
        """Approve a registered model, by :func:`laurel.domain.ledger.approve`."""
        now = decided_at or datetime.now(UTC)
        return self._append(
            lambda state: rules.approve(state, model_version, by=by, reason=reason, decided_at=now)
        )

    def decline(
        self, as_of: datetime, *, by: str, reason: str, decided_at: datetime | None = None
    ) -> Ruling:
        """Decline a registered model or a whole as_of, by :func:`laurel.domain.ledger.decline`."""
        now = decided_at or datetime.now(UTC)
        return self._append(
            lambda state: rules.decline(state, as_of, by=by, reason=reason, decided_at=now)
        )

    def decline_model(
        self, model_version: str, *, by: str, reason: str, decided_at: datetime | None = None
    ) -> Ruling:
        """Decline a registered model, by :func:`laurel.domain.ledger.decline_model`."""
        now = decided_at or datetime.now(UTC)
        words = {"by": by, "reason": reason}
        return self._append(
            lambda state: rules.decline_model(state, model_version, decided_at=now, **words)
        )

    def time_out(self, model_version: str, *, decided_at: datetime | None = None) -> Ruling:
        """Take silence for an answer, by :func:`laurel.domain.ledger.time_out`."""
        now = decided_at or datetime.now(UTC)
        return self._append(lambda state: rules.time_out(state, model_version, decided_at=now))

    def roll_back(
        self,
        target: str,
        *,
        by: str,
        reason: str,
        effective_from: datetime | None = None,
        decided_at: datetime | None = None,
    ) -> Ruling:
        """Make an earlier model champion again, by :func:`laurel.domain.ledger.roll_back`.

        ``effective_from`` is ``decided_at`` unless given; give it where the call may be repeated.
        """
        now = decided_at or datetime.now(UTC)
        return self._append(
            lambda state: rules.roll_back(
                state,
                target,
                by=by,
                reason=reason,
                effective_from=effective_from or now,
                decided_at=now,
            )
        )

    def audit(self, trusted: tuple[int, str] | None = None) -> Head[LedgerState]:
        """Recompute the whole journal; raises :class:`IntegrityError` naming what was changed."""
        with placed(self.usecase):
            return self._journal.audit(trusted)

    def _append(self, rule: Callable[[LedgerState], Ruling]) -> Ruling:
        """Append what ``rule`` says of the state; it is asked anew after each lost race."""
        said: list[Ruling] = []

        def decide(head: Head[LedgerState]) -> dict[str, Any] | None:
            said.append(rule(head.state))
            return said[-1].entry.body() if said[-1] else None

        with placed(self.usecase):
            head, entry = self._journal.append(decide)
        return said[-1] if entry is None else replace(said[-1], entry=head.state.history[-1])
