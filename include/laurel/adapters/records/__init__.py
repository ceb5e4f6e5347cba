"""The records in the store: catalogs, ledgers, the bundles of runs and their journal."""

from __future__ import annotations

from laurel.adapters.records.bundle import (
    find_bundle,
    find_bundles,
    observe,
    read_bundle,
    read_environment,
    write_bundle,
    write_environment,
)
from laurel.adapters.records.catalog import Catalog, Merge, Published
from laurel.adapters.records.ledger import Ledger
from laurel.adapters.records.runs import RunRecords
from laurel.domain.catalog import PartitionFile

__all__ = [
    "Catalog",
    "Ledger",
    "Merge",
    "PartitionFile",
    "Published",
    "RunRecords",
    "find_bundle",
    "find_bundles",
    "observe",
    "read_bundle",
    "read_environment",
    "write_bundle",
    "write_environment",
]
