"""Walk a journal leniently: every entry by itself, so that one audit names all that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from laurel.adapters.store import Store
from laurel.domain.journal import (
    GENESIS,
    Entry,
    Head,
    Reducer,
    beginning,
    encode_checkpoint,
    parse_checkpoint,
    parse_entry,
)
from laurel.domain.proof import Finding
from laurel.errors import IntegrityError, NotFound


@dataclass
class Walked:
    """The entries of a journal that follow one another from the first, and what is wrong."""

    prefix: str
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def digests(self) -> Mapping[int, str]:
        """The digest of each entry, by its number."""
        return {entry.number: entry.digest for entry in self.entries}

    @property
    def head(self) -> str:
        """The digest of the last entry."""
        return self.entries[-1].digest if self.entries else GENESIS

    def wrong(self, place: str, error: IntegrityError) -> None:
        """Note what an error says."""
        found = None if error.found is None else str(error.found)
        expected = None if error.expected is None else str(error.expected)
        self.findings.append(Finding(place, error.fact, found, expected))


def walk(store: Store, prefix: str, reducer: Reducer[Any], *, version: int = 1) -> Walked:
    """Read all entries and checkpoints of a journal, noting every fault.

    version: that of the reducer's dump, as of :class:`laurel.adapters.journal.Journal`.

    Raises :class:`laurel.errors.StoreFault` when the store cannot be read.
    """
    walked = Walked(prefix)
    entries, checkpoints = f"{prefix}/entries/", f"{prefix}/checkpoints/{version}/"
    numbers = _numbers(walked, list(store.keys(entries)), entries)
    before, expected = GENESIS, 1
    for number in numbers:
        if number != expected:
            place = f"{prefix}, entry {expected}"
            walked.findings.append(Finding(place, "the entry is missing", f"entry {number} next"))
        place = f"{prefix}, entry {number}"
        entry = _entry(walked, store, f"{entries}{number:010d}.json", number, place)
        if entry is not None and number == expected and before and entry.previous != before:
            fault = "the entry does not follow the one before it: one of the two was replaced"
            walked.findings.append(Finding(place, fault, entry.previous, before))
        # what follows an entry that cannot be read is compared with nothing
        before = entry.digest if entry else ""
        expected = number + 1
        if entry is not None:
            walked.entries.append(entry)
    if walked.findings:
        _changed_checkpoints(walked, store, reducer, checkpoints)
    else:
        _checkpoints(walked, store, reducer, checkpoints)
    return walked


def _entry(walked: Walked, store: Store, key: str, number: int, place: str) -> Entry | None:
    try:
        entry = parse_entry(store.read(key), key=key)
    except (IntegrityError, NotFound) as error:
        walked.wrong(place, IntegrityError(error.fact, found=error.found, expected=error.expected))
        return None
    if entry.number != number:
        fault = "the entry stands under another number than its own"
        walked.findings.append(Finding(place, fault, str(entry.number), str(number)))
        return None
    return entry


def _numbers(walked: Walked, keys: list[str], folder: str) -> list[int]:
    numbers = []
    for key in keys:
        stem = key.removeprefix(folder).removesuffix(".json")
        if stem.isdecimal() and key == f"{folder}{int(stem):010d}.json" and int(stem):
            numbers.append(int(stem))
        else:
            walked.findings.append(Finding(key, "something stands in a journal that is no entry"))
    return sorted(numbers)


def _checkpoints(walked: Walked, store: Store, reducer: Reducer[Any], folder: str) -> None:
    """Each checkpoint is the fold of the entries up to it, written anew and compared in bytes."""
    numbers = _numbers(walked, list(store.keys(folder)), folder)
    due = {number: f"{folder}{number:010d}.json" for number in numbers}
    head: Head[Any] = beginning(reducer)
    for entry in walked.entries:
        try:
            head = Head(entry.number, entry.digest, reducer.apply(head.state, entry))
        except IntegrityError as error:
            walked.wrong(f"{walked.prefix}, entry {entry.number}", error)
            return
        key = due.pop(entry.number, None)
        if key is not None and store.read(key) != encode_checkpoint(head, reducer=reducer):
            fault = "the checkpoint is not the fold of the entries up to it"
            walked.findings.append(Finding(key, fault))
    for key in due.values():
        fault = "the tail of the journal is missing: a checkpoint is of a later entry"
        walked.findings.append(Finding(key, fault, f"{len(walked.entries)} entries"))


def _changed_checkpoints(walked: Walked, store: Store, reducer: Reducer[Any], folder: str) -> None:
    """Where entries cannot be folded, a checkpoint is at least what it was written as."""
    for key in store.keys(folder):
        try:
            parse_checkpoint(store.read(key), reducer=reducer, key=key)
        except IntegrityError as error:
            walked.wrong(key, error)
