"""Rollback: one entry in the ledger, then the partitions it changes are scored again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from laurel.domain.canonical import instant
from laurel.domain.config import PREDICTIONS
from laurel.domain.history import cutoff_of
from laurel.domain.ledger import LedgerEntry, LedgerState
from laurel.domain.partition import Partition
from laurel.runs.score import score
from laurel.runs.signed import signed
from laurel.runs.site import Site
from laurel.usecase import UseCase


@dataclass(frozen=True)
class RolledBack:
    """What the ledger says after a rollback."""

    entry: LedgerEntry
    repeated: bool

    def sentence(self) -> str:
        """What happened, in a sentence."""
        how = "already reigned again" if self.repeated else "reigns again"
        return (
            f"{self.entry.model_version} {how} from {instant(self.entry.effective_from)}, "
            f"by {self.entry.decided_by}: {self.entry.reasons[0]}"
        )

    def reference(self) -> dict[str, Any]:
        """References for XCom and the asset event."""
        return {
            "event": self.entry.event,
            "model_version": self.entry.model_version,
            "effective_from": instant(self.entry.effective_from),
            "decided_by": self.entry.decided_by,
            "repeated": self.repeated,
        }


@dataclass(frozen=True)
class Rescored:
    """The partitions that were scored again."""

    partitions: tuple[str, ...]
    seconds: float | None = None
    """From the decision of the newest rollback to the last corrected prediction."""

    def sentence(self) -> str:
        """What happened, in a sentence."""
        if not self.partitions:
            return "no published partition has another champion now: nothing was scored again"
        first, last = self.partitions[0], self.partitions[-1]
        said = f"scored {len(self.partitions)} partition(s) again, {first} to {last}"
        took = f"; the last was right {self.seconds:.1f} s after the decision"
        return said if self.seconds is None else f"{said}{took}"

    def reference(self) -> dict[str, Any]:
        """References for XCom and the asset event."""
        return {
            "rescored": len(self.partitions),
            "first": self.partitions[0] if self.partitions else None,
            "last": self.partitions[-1] if self.partitions else None,
        }


def roll_back(
    site: Site,
    usecase: UseCase,
    *,
    target: str,
    reason: str,
    by: str,
    effective_from: datetime | None,
) -> RolledBack:
    """Make an earlier champion reign again, by the ledger's rules.

    Raises :class:`laurel.errors.Refused` for a target that never passed the gate.
    """
    with signed(site, usecase.name):
        ruling = site.ledger(usecase).roll_back(
            target, by=by, reason=reason, effective_from=effective_from
        )
    return RolledBack(entry=ruling.entry, repeated=not ruling)


def rescore(site: Site, usecase: UseCase) -> Rescored:
    """Score again each published partition whose champion is another one by now."""
    changed = []
    ledger = site.ledger(usecase).read()
    for revision in site.catalog(usecase, PREDICTIONS).read().newest():
        partition = Partition.of(revision.partition)
        if ledger.champion_as_of(cutoff_of(partition, usecase.config)) is None:
            continue
        if score(site, usecase, partition=partition, complete=False).changed:
            changed.append(partition.key)
    return Rescored(tuple(changed), _since_decision(ledger) if changed else None)


def _since_decision(ledger: LedgerState) -> float | None:
    """Seconds since the newest rollback was decided; for reading, never for a choice."""
    decided = [entry.decided_at for entry in ledger.history if entry.event == "rolled_back"]
    return (datetime.now(UTC) - decided[-1]).total_seconds() if decided else None
