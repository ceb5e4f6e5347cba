"""Deliver: the published predictions of a partition → a sink, each revision once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from laurel.adapters.sinks import Delivery, open_sink
from laurel.domain.canonical import canonical_json, digest, instant
from laurel.domain.catalog import Revision
from laurel.domain.config import PREDICTIONS
from laurel.domain.config.sink import S3Sink
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, NotFound
from laurel.runs.place import hive_delivery
from laurel.runs.site import Site
from laurel.usecase import UseCase

ROOT = "deliveries"


@dataclass(frozen=True)
class Delivered:
    """What a sink holds of a partition."""

    sink: str
    place: str
    partition: str
    revision: int
    rows: int
    changed: bool

    def sentence(self) -> str:
        """What happened, in a sentence."""
        how = "delivered" if self.changed else "had delivered"
        return (
            f"{how} revision {self.revision} of {self.partition}, {self.rows:,} predictions, "
            f"to {self.sink}: {self.place}"
        )

    def reference(self) -> dict[str, Any]:
        """References for XCom."""
        return {
            "sink": self.sink,
            "partition": self.partition,
            "revision": self.revision,
            "rows": self.rows,
            "changed": self.changed,
        }


def deliver(site: Site, usecase: UseCase, *, sink: str, partition: Partition) -> Delivered:
    """Deliver the newest revision of a partition, unless that was done.

    The record of it is written afterwards: a run that was killed in between delivers the same
    again. Raises :class:`NotFound` where nothing is published, :class:`ConfigError` for a sink that
    there is not, and what the sink says.
    """
    config = usecase.config.scoring.sinks.get(sink)
    if config is None:
        raise ConfigError(
            "the use case has no such sink",
            usecase=usecase.name,
            found=sink,
            expected=", ".join(usecase.config.scoring.sinks) or "scoring.sinks in usecase.yaml",
        )
    opened = open_sink(config, endpoint=site.settings.s3_endpoint, connections=site.connections)
    key = partition.key
    revision = _newest(site, usecase, key)
    folder = _folder(usecase, sink)
    if site.store.exists(_record(folder, revision)):
        return _delivered(sink, opened.place, revision, changed=False)
    with site.workspace() as workspace:

        def newest() -> Delivery:
            revision = _newest(site, usecase, key)
            if isinstance(config, S3Sink):
                return hive_delivery(site, revision, workspace)
            return _fetched(site, revision, folder=workspace)

        given = opened.deliver(key, newest)
    revision = _revision(site, usecase, key, number=given.revision)
    record = {
        "place": opened.place,
        "partition": key,
        "revision": revision.revision,
        "content_hash": revision.content_hash,
        "rows": revision.rows,
        "run": revision.run,
        "delivered_at": instant(datetime.now(UTC)),
    }
    site.store.create(_record(folder, revision), canonical_json(record))
    return _delivered(sink, opened.place, revision, changed=True)


def behind(site: Site, usecase: UseCase, *, sink: str) -> Iterator[Partition]:
    """The partitions of which a sink holds an earlier revision than the newest."""
    folder = _folder(usecase, sink)
    keys = site.store.keys(f"{folder}/")
    held = {Path(key).parent.name: int(Path(key).stem) for key in keys}
    newest = {line.partition: line for line in site.catalog(usecase, PREDICTIONS).read().newest()}
    for key, number in sorted(held.items()):
        if newest[key].revision > number:
            yield Partition.of(key)


def deliveries(site: Site, usecase: UseCase, *, sink: str, partition: Partition) -> list[Any]:
    """The records of what was delivered of a partition, in the order of its revisions."""
    keys = site.store.keys(f"{_folder(usecase, sink)}/{partition.key}/")
    return [json.loads(site.store.read(key)) for key in keys]


def _folder(usecase: UseCase, sink: str) -> str:
    """Where deliveries to a sink are recorded; a sink that moves has been given nothing yet."""
    config = usecase.config.scoring.sinks[sink].model_dump(mode="json")
    return f"{ROOT}/{usecase.name}/{sink}/{digest(config)[:16]}"


def _record(folder: str, revision: Revision) -> str:
    return f"{folder}/{revision.partition}/{revision.revision:06d}.json"


def _newest(site: Site, usecase: UseCase, key: str) -> Revision:
    found = site.catalog(usecase, PREDICTIONS).read().corrected(key)
    if found is None:
        raise NotFound(
            "there are no predictions to deliver",
            usecase=usecase.name,
            dataset=PREDICTIONS,
            partition=key,
            hint=f"run {usecase.name}_score for it",
        )
    return found


def _revision(site: Site, usecase: UseCase, key: str, *, number: int) -> Revision:
    return site.catalog(usecase, PREDICTIONS).read().revisions[key][number - 1]


def _fetched(site: Site, revision: Revision, *, folder: Path) -> Delivery:
    file = folder / f"{revision.partition}-{revision.revision}.parquet"
    if not file.exists():
        site.plane.place({file: revision.md5})
    return Delivery(
        partition=revision.partition,
        revision=revision.revision,
        content_hash=revision.content_hash,
        rows=revision.rows,
        file=file,
    )


def _delivered(sink: str, place: str, revision: Revision, *, changed: bool) -> Delivered:
    return Delivered(
        sink, place, revision.partition, revision.revision, revision.rows, changed=changed
    )
