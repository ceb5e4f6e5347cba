"""Snapshot: choose, from the records alone, the exact revisions that a training run reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.adapters.records import Catalog
from laurel.domain.canonical import digest, instant
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.data import FileRef
from laurel.domain.partition import Partition
from laurel.domain.window import TrainingWindow, plan
from laurel.errors import Pending
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Snapshot:
    """The window of a training run and the revision of each partition in it."""

    window: TrainingWindow
    revisions: Mapping[str, tuple[Revision, ...]]

    def document(self) -> dict[str, Any]:
        """``window.json``: as_of, days, and each (partition, revision) with its hashes."""
        return {
            **self.window.document(),
            "datasets": {
                name: [_line(revision) for revision in revisions]
                for name, revisions in sorted(self.revisions.items())
            },
        }

    def files(self, dataset: str) -> dict[str, FileRef]:
        """The files of a dataset, by the name they have in the window directory."""
        return {
            f"{revision.partition}.parquet": FileRef(revision.md5, revision.size)
            for revision in self.revisions[dataset]
        }

    @property
    def digest(self) -> str:
        """The digest of what the run reads."""
        return digest(self.document())


def snapshot(usecase: UseCase, catalogs: Mapping[str, Catalog], *, as_of: datetime) -> Snapshot:
    """Choose the newest revision known at ``as_of`` of every partition of the window.

    Raises :class:`Pending` naming the first partition that is not there.
    """
    window = plan(usecase.config, as_of)
    chosen = {
        name: known_revisions(
            usecase,
            name,
            state=catalogs[name].read(),
            partitions=window.partitions(spec.role),
            as_of=as_of,
        )
        for name, spec in sorted(usecase.config.datasets.items())
    }
    return Snapshot(window=window, revisions=chosen)


def known_revisions(
    usecase: UseCase,
    dataset: str,
    *,
    state: CatalogState,
    partitions: tuple[Partition, ...],
    as_of: datetime,
) -> tuple[Revision, ...]:
    """The revision of each partition that was known at ``as_of``.

    Raises :class:`Pending` when one is missing.
    """
    found = {p: state.revision(p.key, as_of) for p in partitions}
    missing = [p.key for p, revision in found.items() if revision is None]
    if missing:
        raise Pending(
            "partitions are not published yet",
            usecase=usecase.name,
            dataset=dataset,
            partition=missing[0],
            found=f"{len(found) - len(missing)} of {len(found)} known at {instant(as_of)}",
            expected=f"{partitions[0].key} to {partitions[-1].key}",
            hint=f"backfill {usecase.name}_ingest; see also: laurel quarantine list {usecase.name}",
        )
    return tuple(revision for revision in found.values() if revision is not None)


def _line(revision: Revision) -> dict[str, Any]:
    return {
        "partition": revision.partition,
        "revision": revision.revision,
        "known_at": instant(revision.known_at),
        "md5": revision.md5,
        "content_hash": revision.content_hash,
        "rows": revision.rows,
    }
