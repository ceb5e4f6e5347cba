"""The journal of a use case's alarms in the store, and the calibrations that it names."""

from __future__ import annotations

import json
from collections.abc import Callable

from laurel.adapters.journal import Journal
from laurel.adapters.records.place import placed
from laurel.adapters.store.contract import Store
from laurel.domain.alarms.learned import Calibration, parse_calibration
from laurel.domain.alarms.record import AlarmEntry, AlarmLog, AlarmReducer
from laurel.domain.canonical import canonical_json, digest
from laurel.domain.journal import Head
from laurel.errors import IntegrityError

Say = Callable[[AlarmLog], AlarmEntry | None]
"""What to append after a log; nothing where it says so already."""


class AlarmJournal:
    """What was learned, acknowledged, changed, told and asked for in one use case."""

    def __init__(self, store: Store, usecase: str) -> None:
        self.usecase = usecase
        self.prefix = f"alarms/{usecase}"
        self._store = store
        self._journal = Journal(store, self.prefix, AlarmReducer())

    def read(self) -> AlarmLog:
        """All entries; raises :class:`StoreFault` when the store cannot be read."""
        with placed(self.usecase):
            return self._journal.read().state

    def head(self) -> Head[AlarmLog]:
        """All entries, with the number and digest of the last."""
        with placed(self.usecase):
            return self._journal.read()

    def append(self, say: Say) -> AlarmEntry | None:
        """Append what ``say`` says of the log; it is asked anew after each lost race.

        Returns the entry, or ``None`` where there was nothing to say.
        """
        with placed(self.usecase):
            head, entry = self._journal.append(
                lambda head: said.body() if (said := say(head.state)) else None
            )
        return None if entry is None else head.state.history[-1]

    def keep(self, calibration: Calibration) -> str:
        """Write a calibration under its digest, before the entry that names it; the digest."""
        document = calibration.document()
        name = digest(document)
        self._store.create(self._key(name), canonical_json(document))
        return name

    def calibration(self, name: str) -> Calibration:
        """The calibration with a digest; raises :class:`NotFound`, :class:`IntegrityError`."""
        with placed(self.usecase):
            document = json.loads(self._store.read(self._key(name)))
            if digest(document) != name:
                raise IntegrityError(
                    "a calibration of alarms was changed",
                    found=digest(document),
                    expected=name,
                    detail=self._key(name),
                    hint="restore it from a copy of the store; nobody may change it in place",
                )
            return parse_calibration(document)

    def audit(self, trusted: tuple[int, str] | None = None) -> Head[AlarmLog]:
        """Recompute the whole journal; raises :class:`IntegrityError` naming what was changed."""
        with placed(self.usecase):
            return self._journal.audit(trusted)

    def _key(self, name: str) -> str:
        return f"{self.prefix}/calibrations/{name}.json"
