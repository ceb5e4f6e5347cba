"""Marking: every object that the records name; each record is checked as it is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from sys import intern
from typing import Any, get_args

from laurel.adapters.dvc.bytefiles import md5_of_bytes
from laurel.adapters.dvc.inventory import Inventory, each
from laurel.adapters.dvc.listing import Listing
from laurel.adapters.dvc.remote import check_md5, object_key
from laurel.adapters.quarantine import list_quarantine
from laurel.adapters.records import Catalog, Ledger, read_bundle, read_environment
from laurel.adapters.records.bundle import FILE
from laurel.adapters.store import Store
from laurel.adapters.store.ahead import ReadAhead
from laurel.domain.bundle import Bundle, Kind
from laurel.domain.damage import Damage
from laurel.domain.journal import Entry
from laurel.domain.ledger import LedgerState
from laurel.domain.naming import By, Folder, Name, Named, bundle_files, bundle_folders, collect
from laurel.errors import IntegrityError, LaurelError, NotFound

THREADS = 16
"""Records read at once."""
PAGES = {"train": "decision.html", "monitor": "report.html", "examine": "examination.html"}
"""Beside the bundle of a run of that kind."""

Watch = Callable[[str, int, int], None]
"""Is told what is done, how much of it, and of how much."""


def unwatched(_doing: str, _done: int, _of: int) -> None:
    """Nobody looks on."""


@dataclass
class Marks:
    """What the records name, and which of the records themselves are not as written."""

    named: dict[str, Named] = field(default_factory=dict)
    folders: list[tuple[Folder, tuple[str, ...]]] = field(default_factory=list)
    """Directories that runs name, with the objects in them."""
    damages: list[Damage] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """Directory objects that could not be read, so that their members are not known."""
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, names: Iterable[Name]) -> None:
        """Take in what a record names."""
        collect(names, self.named)

    def count(self, what: str, number: int = 1) -> None:
        """Count what was looked at."""
        self.counts[what] = self.counts.get(what, 0) + number

    @contextmanager
    def guarded(self, place: str) -> Iterator[None]:
        """Note a record that is not as written, and go on with the others."""
        try:
            yield
        except (IntegrityError, NotFound) as error:
            self.wrong(error.detail or place, found=_brief(error), expected=error.expected)

    def wrong(self, place: str, *, found: object, expected: object) -> None:
        """Note a record that is not as written."""
        said = "as it was written" if expected is None else str(expected)
        self.damages.append(Damage("wrong record", place, str(found), said))


def mark(
    store: Store,
    inventory: Inventory,
    *,
    usecase: str | None = None,
    dataset: str | None = None,
    watch: Watch = unwatched,
) -> Marks:
    """Read all records, or those of a use case, or of a dataset: what they name.

    A damaged record is noted in the marks; raises :class:`StoreFault` where the store fails.
    """
    marks = Marks()
    asked = _Asked(store, usecase, dataset)
    decided = {name: _ledger(marks, store, name) for name in asked.usecases("ledger/")}
    catalogs = asked.catalogs(decided)
    for number, (name, data) in enumerate(catalogs):
        watch("catalogs", number, len(catalogs))
        trusted = _witnessed(decided.get(name), f"catalog/{name}/{data}")
        with marks.guarded(f"catalog/{name}/{data}"):
            ahead = ReadAhead(store, f"catalog/{name}/{data}/")
            _catalog(marks, Catalog(ahead, name, data), trusted)
    for name in asked.usecases("quarantine/"):
        with marks.guarded(f"quarantine/{name}"):
            _quarantine(marks, store, name, dataset)
    if dataset is None:
        for name in asked.usecases("runs/"):
            _bundles(marks, store, name, decided.get(name), inventory=inventory, watch=watch)
    return marks


@dataclass(frozen=True)
class _Asked:
    """Which records are asked about, found by listing keys."""

    store: Store
    usecase: str | None
    dataset: str | None

    def usecases(self, root: str) -> list[str]:
        """The use cases that have records below ``root``."""
        if self.usecase is not None:
            return [self.usecase]
        return sorted({key.split("/")[1] for key in self.store.keys(root)})

    def catalogs(self, decided: Mapping[str, LedgerState | None]) -> list[tuple[str, str]]:
        """Use case and dataset of each catalog that is there, or that decisions have seen."""
        prefix = f"catalog/{self.usecase}/" if self.usecase else "catalog/"
        seen = (
            head
            for state in decided.values()
            for entry in (state.history if state else ())
            for head in entry.heads
        )
        parts = [key.split("/") for key in (*self.store.keys(prefix), *seen)]
        found = {(part[1], part[2]) for part in parts if part[0] == "catalog"}
        return sorted(pair for pair in found if self.dataset in (None, pair[1]))


def _ledger(marks: Marks, store: Store, usecase: str) -> LedgerState | None:
    with marks.guarded(f"ledger/{usecase}"):
        marks.count("ledgers")
        return Ledger(ReadAhead(store, f"ledger/{usecase}/"), usecase).audit().state
    return None


def _witnessed(state: LedgerState | None, prefix: str) -> tuple[int, str] | None:
    """The newest head of a catalog that decisions witness."""
    heads = (
        [entry.heads[prefix] for entry in state.history if prefix in entry.heads] if state else []
    )
    return max(heads, default=None)


def _catalog(marks: Marks, catalog: Catalog, trusted: tuple[int, str] | None) -> None:
    marks.count("catalogs")
    with marks.guarded(catalog.prefix):
        catalog.audit(trusted)
    listing: Listing | None = Listing(b"[]")
    with marks.guarded(catalog.prefix):
        for entry in catalog.entries():
            marks.count("entries")
            listing = _entry(marks, catalog, entry, listing)


def _entry(marks: Marks, catalog: Catalog, entry: Entry, listing: Listing | None) -> Listing | None:
    """Mark what an entry names; the dataset's directory after it, ``None`` once that is unknown.

    The directory object is computed, not read: its md5 proves that it holds these files.
    """
    lines, tree = entry.body["partitions"], str(entry.body["tree"]["md5"])
    marks.add(_partition(catalog, line) for line in lines)
    by = By("directory", catalog.usecase, catalog.dataset, revision=entry.number)
    if listing is not None:
        listing = listing.grown({f"{line['partition']}.parquet": line["md5"] for line in lines})
        if listing.md5 != tree:
            place = f"{catalog.prefix}, entry {entry.number}"
            marks.wrong(place, found=f"directory object {tree}", expected=listing.md5)
            listing = None
    marks.add([Name(tree, len(listing.text) if listing else None, by)])
    return listing


def _partition(catalog: Catalog, line: dict[str, Any]) -> Name:
    number = int(line.get("restates", 0)) + 1
    by = By("partition", catalog.usecase, catalog.dataset, line["partition"], number)
    return Name(line["md5"], line["size"], by)


def _quarantine(marks: Marks, store: Store, usecase: str, dataset: str | None) -> None:
    for held in list_quarantine(store, usecase, dataset):
        marks.count("quarantined")
        by = By("quarantine", usecase, held.dataset, held.partition, run=held.id)
        marks.add(Name(ref.md5, ref.size, by) for ref in held.files.values())


def _bundles(
    marks: Marks,
    store: Store,
    usecase: str,
    decided: LedgerState | None,
    *,
    inventory: Inventory,
    watch: Watch,
) -> None:
    keys = set(store.keys(f"runs/{usecase}/"))
    expected = (
        {f"train/{entry.run}": entry.bundle for entry in decided.history if entry.run}
        if decided
        else {}
    )
    runs = [key.split("/")[2:4] for key in sorted(keys) if _is_bundle(key)]
    marks.count("bundles", len(runs))
    for lost in sorted(expected.keys() - {"/".join(run) for run in runs}):
        marks.wrong(
            f"runs/{usecase}/{lost}/{FILE}",
            found="nothing",
            expected="the bundle that the ledger names",
        )

    def read(run: list[str]) -> Bundle | LaurelError:
        kind: Any = run[0]
        try:
            return read_bundle(
                store, usecase, kind, run=run[1], expected=expected.get("/".join(run))
            )
        except (IntegrityError, NotFound) as error:
            return error

    bundles = []
    for number, (run, found) in enumerate(
        zip(runs, each(read, runs, threads=THREADS), strict=True)
    ):
        watch(f"runs of {usecase}", number, len(runs))
        if isinstance(found, Bundle):
            bundles.append(found)
        else:
            place = f"runs/{usecase}/{'/'.join(run)}/{FILE}"
            marks.wrong(found.detail or place, found=_brief(found), expected=found.expected)
    for bundle in bundles:
        marks.add(bundle_files(bundle))
        page = f"{bundle.prefix}/{PAGES.get(bundle.kind, FILE)}"
        if page not in keys:
            marks.wrong(page, found="nothing", expected="the page of the run")
    for packages in sorted({b.environment.packages for b in bundles if b.kind == "train"}):
        with marks.guarded(f"environments/{packages}.json"):
            read_environment(store, packages)
    _folders(marks, [folder for bundle in bundles for folder in bundle_folders(bundle)], inventory)


def _is_bundle(key: str) -> bool:
    parts = key.split("/")
    return len(parts) == 5 and parts[4] == FILE and parts[2] in get_args(Kind)


def _folders(marks: Marks, folders: list[Folder], inventory: Inventory) -> None:
    """Mark directories and, through each, its members; a directory is read, so it is proved."""
    unique = sorted({folder.md5 for folder in folders})
    read = each(lambda md5: read_folder(inventory, md5), unique, threads=inventory.threads)
    texts = dict(zip(unique, read, strict=True))
    for folder in folders:
        found = texts[folder.md5]
        if isinstance(found, bytes):
            inside = members(found)
            marks.folders.append((folder, inside))
            marks.add([Name(folder.md5, len(found), folder.by)])
            marks.add(Name(md5, None, folder.by) for md5 in inside)
        else:
            marks.add([Name(folder.md5, None, folder.by)])
            marks.unread.append(folder.md5)


def members(text: bytes) -> tuple[str, ...]:
    """The md5s of the files of a directory object, sorted."""
    # Interned, since a file is in the windows of many runs.
    return tuple(sorted(intern(line["md5"]) for line in json.loads(text)))


def read_folder(inventory: Inventory, md5: str) -> bytes | LaurelError:
    """The text of a directory object, proved by its md5, or the error in place of it."""
    try:
        data = inventory.read(object_key(md5))
        check_md5(md5_of_bytes(data), expected=md5, place=object_key(md5))
        return data
    except (IntegrityError, NotFound) as error:
        return error


def _brief(error: LaurelError) -> str:
    return error.fact if error.found is None else f"{error.fact}: {error.found}"
