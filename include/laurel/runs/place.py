"""The stable place of predictions: the newest revision of each partition, for all who read files.

Derived from the catalog, and made again from it whenever it is wanted. DVC's history and the
catalog behind it keep every revision; here is the one that stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from laurel.adapters.sinks.contract import Delivery, Held, Place
from laurel.adapters.tables.noted import write_noted
from laurel.domain.canonical import canonical_json
from laurel.domain.catalog import Revision
from laurel.domain.config import PREDICTIONS
from laurel.domain.config.names import PARTITION
from laurel.runs.site import Site
from laurel.usecase import UseCase

CURRENT = "_current.json"
"""Beside the partitions: which revision of each belongs to which state of the catalog."""


@dataclass(frozen=True)
class Placed:
    """What a place holds now."""

    place: str
    partitions: int
    """Partitions that are published."""
    changed: tuple[str, ...]
    """Partitions that were replaced, or differ where nothing was to be written."""
    foreign: tuple[str, ...]
    """Partitions that are there and not published; they are left."""

    def sentence(self, *, checked: bool = False) -> str:
        """What happened, in a sentence."""
        verb = "differ from the catalog" if checked else "replaced"
        said = f"{self.place}: {self.partitions:,} partitions, {len(self.changed):,} {verb}"
        also = f"; not published: {', '.join(self.foreign[:3])}" if self.foreign else ""
        return said + also


def place_predictions(
    site: Site, usecase: UseCase, *, partitions: Sequence[str] | None = None
) -> Placed:
    """Let the place hold the newest revision of these partitions, or of all; else do nothing.

    Each is replaced at once, by whoever holds the newest: of several runs none puts an older one
    in its place. Raises :class:`StoreFault` where the place cannot be written.
    """
    opened, newest = open_place(site, usecase), _newest(site, usecase)
    wanted = sorted(newest) if partitions is None else [p for p in partitions if p in newest]
    there = opened.held(partitions)
    changed = [key for key in wanted if there.get(key) != _of(newest[key])]
    for key in changed:
        with site.workspace() as folder:
            opened.deliver(key, partial(_delivery, site, usecase, key, folder))
    # a run that was killed before this line has replaced a partition without saying so
    opened.note(CURRENT, partial(_current, site, usecase))
    foreign = tuple(sorted(set(there) - set(newest)))
    return Placed(opened.place, len(newest), tuple(changed), foreign)


def check_place(site: Site, usecase: UseCase) -> Placed:
    """What of the place differs from the catalog; nothing is written."""
    opened, newest = open_place(site, usecase), _newest(site, usecase)
    there = opened.held()
    changed = tuple(key for key in sorted(newest) if there.get(key) != _of(newest[key]))
    foreign = tuple(sorted(set(there) - set(newest)))
    return Placed(opened.place, len(newest), changed, foreign)


def open_place(site: Site, usecase: UseCase) -> Place:
    """Where the predictions of a use case are: below the store, or below ``LAUREL_PLACE``."""
    root = f"{site.settings.current}/{usecase.name}/{PREDICTIONS}"
    if root.startswith("s3://"):
        from laurel.adapters.sinks.s3 import BucketPlace
        from laurel.domain.config.sink import S3Sink

        config, endpoint = S3Sink(kind="s3", path=root), site.settings.s3_endpoint
        return BucketPlace(config, endpoint=endpoint, connections=site.connections)
    from laurel.adapters.sinks.folder import FolderPlace

    return FolderPlace(Path(root.removeprefix("file://")))


def _newest(site: Site, usecase: UseCase) -> dict[str, Revision]:
    state = site.catalog(usecase, PREDICTIONS).read()
    return {revision.partition: revision for revision in state.newest()}


def _of(revision: Revision) -> Held:
    return Held(str(revision.revision), revision.content_hash)


def _delivery(site: Site, usecase: UseCase, key: str, folder: Path) -> Delivery:
    return hive_delivery(site, _newest(site, usecase)[key], folder)


def hive_delivery(site: Site, revision: Revision, folder: Path) -> Delivery:
    """A revision as a file without the column that the path holds, which says what it is."""
    key, number = revision.partition, revision.revision
    published, file = folder / f"{number}.published.parquet", folder / f"{number}.parquet"
    if not file.exists():
        site.plane.place({published: revision.md5})
        note = {"revision": str(number), "content_hash": revision.content_hash}
        write_noted(published, file, without=[PARTITION], note=note)
    return Delivery(key, number, revision.content_hash, revision.rows, file)


def _current(site: Site, usecase: UseCase) -> bytes:
    catalog = site.catalog(usecase, PREDICTIONS)
    head = catalog.head()
    partitions = {
        key: {
            "revision": revision.revision,
            "content_hash": revision.content_hash,
            "md5": revision.md5,
            "rows": revision.rows,
            "run": revision.run,
        }
        for key, revision in sorted(_newest(site, usecase).items())
    }
    return canonical_json(
        {
            "usecase": usecase.name,
            "catalog": {"number": head.number, "digest": head.digest},
            "partitions": partitions,
        }
    )
