"""Publish: push the tables of partitions, verify, then name them in the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from laurel.adapters.dvc import DataPlane
from laurel.adapters.records import Catalog, PartitionFile, Published
from laurel.adapters.tables import TableFacts
from laurel.domain.partition import Partition


@dataclass(frozen=True)
class Checked:
    """A partition that may be published: its table, and what its suite said of it."""

    path: Path
    facts: TableFacts
    suite: str
    outcome: str
    fingerprint: str
    """The state of what the rows were made from."""
    corrected_at: datetime | None = None
    """When the source itself corrected the rows, where it says so."""


def push_files(plane: DataPlane, parts: Mapping[Partition, Checked]) -> tuple[PartitionFile, ...]:
    """Push the tables of partitions; nothing names them yet."""
    refs = plane.put({partition.key: part.path for partition, part in parts.items()})
    return tuple(
        PartitionFile(
            partition=partition.key,
            md5=refs[partition.key].md5,
            size=refs[partition.key].size,
            content_hash=part.facts.content_hash,
            rows=part.facts.rows,
            fingerprint=part.fingerprint,
            suite=part.suite,
            outcome=part.outcome,
            known_at=partition.end,
            corrected_at=part.corrected_at,
        )
        for partition, part in sorted(parts.items(), key=lambda item: item[0])
    )


def publish(
    catalog: Catalog,
    plane: DataPlane,
    files: Sequence[PartitionFile],
    *,
    run: str,
    heads: Mapping[str, tuple[int, str]] | None = None,
) -> Published:
    """Name pushed files in one entry of the catalog; equal content adds nothing.

    Inside the catalog's loop only the directory object is merged and pushed, since another writer
    may win the number. heads: where other journals stand, which the entry witnesses.
    """
    return catalog.publish(
        files, merge=plane.merge, run=run, published_at=datetime.now(UTC), heads=heads
    )
