"""The journal of a use case's runs in the store: which bytes each of them left."""

from __future__ import annotations

import hashlib
from typing import Any

from laurel.adapters.journal import Journal
from laurel.adapters.records.place import placed
from laurel.adapters.store.contract import Store
from laurel.domain.bundle import bundle_prefix
from laurel.domain.journal import Head
from laurel.domain.run_record import RunRecord, RunsReducer, RunsState

OBSERVED = "observed/"
"""Below a run's prefix, outside every promise about bytes."""


class RunRecords:
    """The journal of the runs of one use case."""

    def __init__(self, store: Store, usecase: str) -> None:
        self.usecase = usecase
        self.prefix = f"run_records/{usecase}"
        self._store = store
        self._journal = Journal(store, self.prefix, RunsReducer())

    def head(self) -> Head[RunsState]:
        """Which runs are entered, with the number and digest of the last entry."""
        with placed(self.usecase):
            return self._journal.read()

    def enter(self, kind: str, run: str, *, grown: bool = False) -> bool:
        """Enter a run with the files that it has left; ``False`` when it is entered already.

        grown: files that came since then make another entry. Raises
        :class:`laurel.errors.Contention`, :class:`laurel.errors.StoreFault`.
        """
        if not grown and f"{kind}/{run}" in self.head().state.digests:
            return False
        record = RunRecord(kind, run, files_of(self._store, self.usecase, kind, run))
        if not record.files:
            return False

        def decide(head: Head[RunsState]) -> dict[str, Any] | None:
            return None if head.state.knows(record) else record.body()

        with placed(self.usecase):
            return self._journal.append(decide)[1] is not None


def files_of(store: Store, usecase: str, kind: str, run: str) -> dict[str, str]:
    """The files of a run by name, but for observations, each with the SHA-256 of its bytes."""
    prefix = f"{bundle_prefix(usecase, kind, run)}/"
    names = [key.removeprefix(prefix) for key in store.keys(prefix)]
    return {
        name: hashlib.sha256(store.read(f"{prefix}{name}")).hexdigest()
        for name in names
        if not name.startswith(OBSERVED)
    }
