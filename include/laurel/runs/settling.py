"""A night's report, measured and with its alarms settled by what the journal says of the night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from laurel.adapters.records.alarms import AlarmJournal
from laurel.domain.alarms.settled import Known, settle
from laurel.domain.alarms.state import Acknowledgement
from laurel.domain.config import Alarms
from laurel.domain.objective import find_objective
from laurel.domain.partition import Partition
from laurel.domain.report import Report
from laurel.runs.site import Site
from laurel.stages.monitor import MonitorInput
from laurel.stages.monitor import monitor as measure
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Said:
    """What a night knows of alarms: the rules, the calibration, what people acknowledged."""

    rules: Alarms
    calibration: str | None = None
    """Its digest."""
    acknowledgements: tuple[Acknowledgement, ...] = ()

    def document(self) -> dict[str, Any]:
        """Plain JSON values, for the run's id and bundle."""
        return {
            "rules": self.rules.rules(),
            "calibration": self.calibration,
            "acknowledgements": [each.document() for each in self.acknowledgements],
        }


def said_of_night(site: Site, usecase: UseCase, partition: Partition) -> Said:
    """What the journal says for a night: the same whenever the night is run."""
    log = AlarmJournal(site.store, usecase.name).read()
    entry = log.calibration(partition.key)
    return Said(
        rules=usecase.config.alarms,
        calibration=entry.calibration if entry else None,
        acknowledgements=log.acknowledgements(partition.key),
    )


def said_then(document: Mapping[str, Any] | None, usecase: UseCase) -> Said:
    """What :meth:`Said.document` wrote into the bundle of a report; the rules of now without."""
    if document is None:
        return Said(usecase.config.alarms)
    rules = document["rules"]
    return Said(
        rules=usecase.config.alarms.model_copy(
            # reports of before this rule confirmed all
            update={"uncalibrated": "confirm", **rules}
        ),
        calibration=document["calibration"],
        acknowledgements=tuple(Acknowledgement(**each) for each in document["acknowledgements"]),
    )


def measure_night(site: Site, usecase: UseCase, *, given: MonitorInput, said: Said) -> Report:
    """The report of a night, its alarms settled."""
    journal = AlarmJournal(site.store, usecase.name)
    return settle(
        measure(usecase, given),
        Known(
            counts=given.trailing_counts,
            trailing=given.trailing,
            calibration=journal.calibration(said.calibration) if said.calibration else None,
            acknowledgements=said.acknowledgements,
        ),
        monitoring=usecase.config.monitoring,
        alarms=said.rules,
        objective=find_objective(usecase.config.label),
    )
