"""Whether the calibrations that the journal of alarms names are there, as they were written."""

from __future__ import annotations

from collections.abc import Iterator

from laurel.adapters.records.alarms import AlarmJournal
from laurel.domain.alarms.record import AlarmLog
from laurel.domain.proof import Finding
from laurel.errors import IntegrityError, NotFound
from laurel.runs.site import Site


def prove_calibrations(site: Site, usecase: str, log: AlarmLog | None) -> Iterator[Finding]:
    """What is wrong with each calibration that an entry names by its digest."""
    journal = AlarmJournal(site.store, usecase)
    for entry in log.of("calibrated") if log else ():
        place = f"{journal.prefix}, entry {entry.number}"
        try:
            journal.calibration(entry.calibration or "")
        except NotFound:
            yield Finding(place, "the calibration that it names is missing", entry.calibration)
        except IntegrityError as error:
            yield Finding(place, error.fact, str(error.found), str(error.expected))
