"""What a catalog holds: partition files, their revisions, and which was known when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from laurel.domain.catalog.release import Release
from laurel.domain.data import FileRef
from laurel.domain.partition import partitions


@dataclass(frozen=True, slots=True)
class PartitionFile:
    """A partition's file that may become a revision: pushed, with what its suite said of it."""

    partition: str
    md5: str
    size: int
    content_hash: str
    """The digest of the rows, independent of the Parquet writer."""
    rows: int
    fingerprint: str
    """The state of the source that the rows came from."""
    suite: str
    """The digest of the expectation suite."""
    outcome: str
    known_at: datetime
    """The partition's end; kept for revision 1 only."""
    corrected_at: datetime | None = None
    """When the source itself corrected the rows, where it says so."""
    release: Release | None = None
    """Who let it through, where its suite did not."""

    @property
    def name(self) -> str:
        """The file's name in the dataset's directory."""
        return f"{self.partition}.parquet"

    @property
    def file(self) -> FileRef:
        return FileRef(self.md5, self.size)


@dataclass(frozen=True, slots=True)
class Revision:
    """A published state of one partition; it never changes and never goes away."""

    partition: str
    revision: int
    md5: str
    content_hash: str
    size: int
    rows: int
    fingerprint: str
    suite: str
    outcome: str
    known_at: datetime
    published_at: datetime
    tree: str
    """The md5 of the dataset's directory object that first held it."""
    run: str
    release: Release | None = None
    """Who let it through, where its suite did not."""

    @property
    def name(self) -> str:
        """The file's name in the dataset's directory."""
        return f"{self.partition}.parquet"

    @property
    def file(self) -> FileRef:
        return FileRef(self.md5, self.size)


@dataclass(frozen=True)
class CatalogState:
    """All revisions of a dataset's partitions, and the newest directory object."""

    revisions: Mapping[str, tuple[Revision, ...]] = field(default_factory=dict)
    tree: str | None = None
    nfiles: int = 0

    def revision(self, partition: str, as_of: datetime) -> Revision | None:
        """The newest revision of a partition whose ``known_at`` is not after ``as_of``."""
        known = [r for r in self.revisions.get(partition, ()) if r.known_at <= as_of]
        return known[-1] if known else None

    def corrected(self, partition: str) -> Revision | None:
        """The newest revision of all; only a restatement run may ask for it."""
        return self.revisions.get(partition, (None,))[-1]

    def newest(self) -> tuple[Revision, ...]:
        """The newest revision of every partition, in their order: for lists, never for a run."""
        return tuple(revisions[-1] for _, revisions in sorted(self.revisions.items()))

    def known(self, as_of: datetime) -> tuple[Revision, ...]:
        """The revision of every partition that was known at ``as_of``, in their order."""
        found = (self.revision(partition, as_of) for partition in sorted(self.revisions))
        return tuple(revision for revision in found if revision is not None)

    def window(self, start: datetime, end: datetime, as_of: datetime) -> tuple[Revision, ...]:
        """The revisions known at ``as_of`` of the partitions of ``[start, end)``, in their order.

        Partitions that were not known are left out: :meth:`missing` names them.
        """
        found = (self.revision(p.key, as_of) for p in partitions(start, end))
        return tuple(revision for revision in found if revision is not None)

    def missing(self, start: datetime, end: datetime, as_of: datetime) -> tuple[str, ...]:
        """The partitions of ``[start, end)`` of which nothing was known at ``as_of``."""
        return tuple(p.key for p in partitions(start, end) if self.revision(p.key, as_of) is None)


def sameness(state: CatalogState) -> dict[str, list[str]]:
    """What makes two catalogs the same: the content of each partition's revisions, in order.

    >>> sameness(CatalogState())
    {}
    """
    return {
        partition: [revision.content_hash for revision in revisions]
        for partition, revisions in sorted(state.revisions.items())
    }
