"""Records for tests: partition files, decisions, a merge that remembers, a store that fails."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from laurel.domain.catalog import PartitionFile
from laurel.domain.data import FileRef, TreeRef
from laurel.domain.ledger import Event, LedgerEntry
from laurel.domain.partition import Partition
from laurel.errors import StoreFault

DAY = timedelta(days=1)
FIRST = datetime(2013, 7, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    """Midnight ``number`` days after the first of July 2013."""
    return FIRST + number * DAY


def partition_file(
    key: str, content: str = "a", *, corrected_at: datetime | None = None
) -> PartitionFile:
    """A file of a partition whose bytes are its content."""
    md5 = hashlib.md5(f"{key}/{content}".encode(), usedforsecurity=False).hexdigest()
    return PartitionFile(
        partition=key,
        md5=md5,
        size=len(content),
        content_hash=f"hash of {content}",
        rows=1,
        fingerprint="source 1",
        suite="suite 1",
        outcome="passed",
        known_at=Partition.of(key).end,
        corrected_at=corrected_at,
    )


class Trees:
    """Directory objects in memory: merges as the data plane does, and counts the calls."""

    def __init__(self) -> None:
        self.trees: dict[str, dict[str, FileRef]] = {}
        self.calls = 0

    def merge(self, base: str | None, files: Mapping[str, FileRef]) -> TreeRef:
        self.calls += 1
        tree = {**(self.trees[base] if base else {}), **files}
        text = repr(sorted(tree.items())).encode()
        md5 = f"{hashlib.md5(text, usedforsecurity=False).hexdigest()}.dir"
        self.trees[md5] = tree
        return TreeRef(md5, sum(file.size for file in tree.values()), len(tree))


def decision(
    as_of: int,
    event: Event = "promoted",
    *,
    name: str | None = None,
    inputs: str = "inputs",
    policy: str = "policy",
    lag: int = 1,
    decided_at: datetime | None = None,
) -> LedgerEntry:
    """What the gate proposes for a training as of a day."""
    version = name or f"flights-{day(as_of):%Y%m%d}-{inputs}"
    return LedgerEntry(
        event=event,
        model_version=version,
        bundle=f"bundle of {version}",
        run=f"run of {version}",
        as_of=day(as_of),
        effective_from=day(as_of + lag),
        decided_at=decided_at or day(as_of + lag),
        decided_by="gate",
        reasons=("all thresholds hold",),
        evidence=f"evidence of {version}",
        policy=policy,
        verdict="passed",
        inputs=inputs,
    )


class FaultyStore:
    """A store that does not answer."""

    url = "memory:///gone"

    def create(self, key: str, data: bytes) -> bool:
        raise StoreFault("the store did not answer", found=f"{key}, {len(data)} bytes")

    def read(self, key: str) -> bytes:
        raise StoreFault("the store did not answer", found=key)

    def exists(self, key: str) -> bool:
        raise StoreFault("the store did not answer", found=key)

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        raise StoreFault("the store did not answer", found=f"{prefix} after {after!r}")
