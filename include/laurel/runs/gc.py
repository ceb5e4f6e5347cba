"""Garbage collection: what no record names and nobody can still be about to name is dropped."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from laurel.adapters.dvc.inventory import (
    ASIDE,
    RUNS,
    STAGING,
    FolderInventory,
    Inventory,
    Stored,
    each,
    objects,
    open_inventory,
)
from laurel.adapters.dvc.remote import FOLDER
from laurel.domain.canonical import canonical_json, digest, instant
from laurel.domain.naming import mentioned
from laurel.domain.retention import Kind, Leftover, Sweep, in_order, is_stale_entry
from laurel.errors import LaurelError, Refused
from laurel.runs.marking import THREADS, Watch, mark, members, read_folder, unwatched
from laurel.runs.site import KEPT, Site

KEEP_DAYS, LEAST_DAYS = 7, 2
"""What is younger is kept; runs let old objects that they rely on count as new after a day."""


@dataclass(frozen=True)
class Collected:
    """What a garbage collection did."""

    sweep: Sweep
    record: str | None
    """The key of the record of what was dropped; ``None`` where there was nothing."""


def plan_gc(
    site: Site,
    *,
    keep_days: int = KEEP_DAYS,
    now: datetime | None = None,
    watch: Watch = unwatched,
) -> Sweep:
    """What may be dropped: at the remote, in the cache and among the workspaces of this machine.

    Raises :class:`Refused` where any record or directory object cannot be read, or ``keep_days``
    is below :data:`LEAST_DAYS`.
    """
    if keep_days < LEAST_DAYS:
        raise Refused(
            "a run may still be about to name what is so young",
            found=f"{keep_days} day(s)",
            expected=f"at least {LEAST_DAYS}",
        )
    before = ((now or datetime.now(UTC)) - timedelta(days=keep_days)).timestamp()
    inventory = open_inventory(site.settings)
    # Listed before the records are read: what is named in between is found named.
    watch("listing the objects", 0, 1)
    stored = objects(inventory)
    named = _named(site, inventory, stored, watch=watch)
    young = {md5 for md5, item in stored.items() if item.modified >= before} - named
    kept = (stored.keys() & named) | young | _held_by(inventory, young)
    found = [*_remote(inventory, stored, kept, before), *_local(site, kept | named, before)]
    return Sweep(before, in_order(found), len(stored.keys() & named), len(young))


def collect_garbage(site: Site, sweep: Sweep, *, by: str, now: datetime | None = None) -> Collected:
    """Drop what was planned, and is left over by a second look at records and objects too.

    What is dropped is written to a record of the store first, create-only.
    Raises as :func:`plan_gc`; nothing was dropped then.
    """
    moment = now or datetime.now(UTC)
    days = max(LEAST_DAYS, int((moment.timestamp() - sweep.before) // 86_400))
    sure = sweep.within(plan_gc(site, keep_days=days, now=moment))
    if not sure.leftovers:
        return Collected(sure, None)
    document = {"by": by, "at": instant(moment), **sure.document()}
    record = f"gc/{digest(document)[:16]}.json"
    site.store.create(record, canonical_json(document))
    _drop(site, sure.leftovers)
    return Collected(sure, record)


def _named(
    site: Site, inventory: Inventory, stored: dict[str, Stored], *, watch: Watch
) -> set[str]:
    """What the records name, and whatever else in them could be the md5 of an object."""
    marks = mark(site.store, inventory, watch=watch)
    if marks.damages or marks.unread:
        first = [damage.what for damage in marks.damages] + marks.unread
        raise Refused(
            "not every record can be read, so nobody knows what they name: nothing was dropped",
            found="\n".join(first[:3]),
            hint="laurel audit store says what is wrong; repair it first",
        )
    keys = [key for key in site.store.keys("") if _is_record(key)]
    said: set[str] = set()
    for number, data in enumerate(each(site.store.read, keys, threads=THREADS)):
        watch("reading the records", number, len(keys))
        said |= mentioned(data)
    unknown = (said - marks.named.keys()) & stored.keys()
    return {*marks.named, *said, *_held_by(inventory, unknown)}


def _is_record(key: str) -> bool:
    """Not the objects themselves, nor what was dropped before."""
    return key.endswith(".json") and not key.startswith((f"{FOLDER}/", "gc/"))


def _held_by(inventory: Inventory, md5s: Iterable[str]) -> set[str]:
    """The members of directory objects; raises :class:`Refused` where one cannot be read."""
    folders = sorted(md5 for md5 in md5s if md5.endswith(".dir"))
    found: set[str] = set()
    texts = each(lambda md5: read_folder(inventory, md5), folders, threads=inventory.threads)
    for md5, text in zip(folders, texts, strict=True):
        if isinstance(text, LaurelError):
            raise Refused(
                "a directory object cannot be read, so nobody knows what is in it",
                found=f"{md5}: {text.fact}",
                hint="nothing was dropped; restore it, or drop it by hand",
            ) from text
        found.update(members(text))
    return found


def _remote(
    inventory: Inventory, stored: dict[str, Stored], kept: set[str], before: float
) -> Iterator[Leftover]:
    for md5, item in stored.items():
        if md5 not in kept:
            kind: Kind = "directory objects" if md5.endswith(".dir") else "objects"
            yield _leftover(kind, "remote", item)
    yield from _entries(inventory, kept, before, kind="run cache entries", place="remote")
    for item in inventory.listed(STAGING):
        if item.modified < before:
            yield _leftover("staged shards", "remote", item)
    for item in inventory.unfinished():
        if item.modified < before:
            yield _leftover("unfinished writes", "remote", item)


def _local(site: Site, kept: set[str], before: float) -> Iterator[Leftover]:
    """What only this machine has: its cache, workspaces, and writes to a store in a folder."""
    settings = site.settings
    if settings.cache.is_dir():
        yield from _cached(FolderInventory(settings.cache), kept, before)
    if site.store.url.startswith("file://"):
        for path in sorted((_root(site, "store") / ASIDE).glob("*")):
            state = path.stat()
            if state.st_mtime < before:
                item = Stored(f"{ASIDE}{path.name}", state.st_size, state.st_mtime)
                yield _leftover("unfinished writes", "store", item)
    for folder in sorted((settings.home / "workspaces").glob("*")):
        state = folder.stat()
        ended = not folder.name.startswith(KEPT) and _is_free(folder)
        if ended and state.st_mtime < before:
            size = sum(path.lstat().st_size for path in folder.rglob("*"))
            item = Stored(f"workspaces/{folder.name}", size, state.st_mtime)
            yield _leftover("workspaces of ended runs", "home", item)


def _cached(cache: Inventory, kept: set[str], before: float) -> Iterator[Leftover]:
    kind: Kind = "cache of this machine"
    for md5, item in objects(cache).items():
        if md5 not in kept and item.modified < before:
            yield _leftover(kind, "cache", item)
    yield from _entries(cache, kept, before, kind=kind, place="cache")
    for item in cache.unfinished():
        if item.modified < before:
            yield _leftover("unfinished writes", "cache", item)


def _entries(
    inventory: Inventory, kept: set[str], before: float, *, kind: Kind, place: str
) -> Iterator[Leftover]:
    """Entries of DVC's run cache whose outputs are not all kept."""
    old = [item for item in inventory.listed(RUNS) if item.modified < before]
    texts = each(lambda item: inventory.read(item.key), old, threads=inventory.threads)
    for item, text in zip(old, texts, strict=True):
        if is_stale_entry(text, kept):
            yield _leftover(kind, place, item)


def _leftover(kind: Kind, place: str, item: Stored) -> Leftover:
    return Leftover(kind, place, item.key, item.size, item.modified)


def _is_free(folder: Path) -> bool:
    """Whether no run works in a workspace: each holds a lock on its own, as long as it lives."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _drop(site: Site, leftovers: Iterable[Leftover]) -> None:
    """In the given order, kind by kind."""
    inventory = open_inventory(site.settings)
    unfinished = {item.key: item for item in inventory.unfinished()}
    batches: dict[tuple[Kind, str], list[Leftover]] = {}
    for item in leftovers:
        batches.setdefault((item.kind, item.place), []).append(item)
    for (_, place), batch in batches.items():
        if place == "remote":
            plain = (Stored(item.key, item.size, item.modified) for item in batch)
            inventory.drop(unfinished.get(item.key, item) for item in plain)
            continue
        for item in batch:
            path = _root(site, place) / item.key
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _root(site: Site, place: str) -> Path:
    roots = {"cache": site.settings.cache, "home": site.settings.home}
    return roots.get(place) or Path(site.store.url.removeprefix("file://"))
