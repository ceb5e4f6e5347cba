"""Snapshot: choose, from the records alone, the exact revisions that a training run reads."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from laurel.adapters.records import Catalog
from laurel.domain.canonical import digest, instant
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.config import UseCaseConfig
from laurel.domain.data import FileRef
from laurel.domain.partition import Partition
from laurel.domain.window import SPLITS, TrainingWindow, cutoff_of, plan, window_files
from laurel.errors import Pending
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Superseded:
    """A revision that some day of the window would have met, and another one took its place."""

    revision: Revision
    superseded_at: datetime


@dataclass(frozen=True)
class Snapshot:
    """The window of a training run and the revisions of each partition in it."""

    window: TrainingWindow
    revisions: Mapping[str, tuple[Revision, ...]]
    """By dataset, the newest known at as_of of each partition."""
    superseded: Mapping[str, tuple[Superseded, ...]] = field(default_factory=dict)
    """By dataset, those known before it that features of earlier days look back on."""

    def document(self) -> dict[str, Any]:
        """``window.json``: as_of, days, and each (partition, revision) with its hashes."""
        return {**self.window.document(), **self.read()}

    def read(self) -> dict[str, Any]:
        """Each (partition, revision) with its hashes, as bundles and ``window.json`` have them."""
        newest = {name: [*map(_line, lines)] for name, lines in sorted(self.revisions.items())}
        before = {
            name: [
                {**_line(each.revision), "superseded_at": instant(each.superseded_at)}
                for each in lines
            ]
            for name, lines in sorted(self.superseded.items())
            if lines
        }
        return {"datasets": newest, **({"superseded": before} if before else {})}

    def files(self, dataset: str) -> dict[str, FileRef]:
        """The files of a dataset, by the name they have in the window directory."""
        before = (each.revision for each in self.superseded.get(dataset, ()))
        read = (*self.revisions[dataset], *before)
        sizes = {revision.md5: revision.size for revision in read}
        lines = window_files(self.read(), dataset)
        return {name: FileRef(line["md5"], sizes[line["md5"]]) for name, line in lines.items()}

    @property
    def digest(self) -> str:
        """The digest of what the run reads."""
        return digest(self.document())


def snapshot(usecase: UseCase, catalogs: Mapping[str, Catalog], *, as_of: datetime) -> Snapshot:
    """Choose the newest revision known at ``as_of`` of every partition of the window.

    Besides, those superseded by then which scoring a day of the window met: so the features of
    each day look back on what was known at its own cutoff. Raises :class:`Pending` naming the
    first partition that is not there.
    """
    window = plan(usecase.config, as_of)
    chosen, before = {}, {}
    for name, spec in sorted(usecase.config.datasets.items()):
        state, days = catalogs[name].read(), window.partitions(spec.role)
        chosen[name] = known_revisions(usecase, name, state=state, partitions=days, as_of=as_of)
        before[name] = superseded(usecase.config, window, state=state, newest=chosen[name])
    return Snapshot(window=window, revisions=chosen, superseded=before)


def superseded(
    config: UseCaseConfig,
    window: TrainingWindow,
    *,
    state: CatalogState,
    newest: tuple[Revision, ...],
) -> tuple[Superseded, ...]:
    """The older revisions of partitions that were the newest known at the cutoff of some day.

    Of the days to learn from and to judge on, those that look back on the partition. ``newest``
    are the revisions known at as_of, in order.
    """
    days = sorted(day.day for split in SPLITS for day in getattr(window, split))
    cutoffs = [cutoff_of(Partition(day), config) for day in days]
    found = []
    for last in newest:
        day = Partition.of(last.partition).day
        low = bisect_right(days, day)
        high = bisect_right(days, day + timedelta(days=config.features.history_days))
        for each in _replaced(state, last, as_of=window.as_of):
            place = bisect_left(cutoffs, each.revision.known_at, low, high)
            if place < high and cutoffs[place] < each.superseded_at:
                found.append(each)
    return tuple(found)


def _replaced(state: CatalogState, last: Revision, *, as_of: datetime) -> Iterator[Superseded]:
    """The revisions before the last, each with the moment from which a later one was known."""
    known = [each for each in state.revisions[last.partition] if each.known_at <= as_of]
    for place, revision in enumerate(known[:-1], start=1):
        yield Superseded(revision, min(later.known_at for later in known[place:]))


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
