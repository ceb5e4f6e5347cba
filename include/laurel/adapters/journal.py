"""An append-only journal in a store: one winner for each number, checkpoints, an audit."""

from __future__ import annotations

import hashlib
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar

from laurel.adapters.memory import recall, remember
from laurel.adapters.store.contract import Store
from laurel.domain.journal import (
    Entry,
    Head,
    Reducer,
    Seal,
    beginning,
    encode_checkpoint,
    fold,
    next_entry,
    parse_checkpoint,
    parse_entry,
    read_seal,
)
from laurel.errors import Contention, IntegrityError, NotFound, StoreFault

__all__ = ["Entry", "Head", "Journal", "Reducer"]

CHECKPOINT_EVERY = 100
LARGE = 1 << 14
"""Bytes of an entry from which on comparing costs much less than hashing."""
TRIES = 30
"""Races an append may lose before it gives up."""

S = TypeVar("S")
Decide = Callable[[Head[S]], Mapping[str, Any] | None]


class Journal(Generic[S]):
    """The journal under ``prefix``, folded by ``reducer``.

    ``version`` is that of the reducer's dump: a reducer that dumps another form takes the next
    number and has checkpoints of its own, since old ones are never rewritten.
    """

    def __init__(self, store: Store, prefix: str, reducer: Reducer[S], *, version: int = 1) -> None:
        self._store = store
        self._prefix = prefix
        self._reducer = reducer
        self._kind = (type(reducer), version)
        self._entries = f"{prefix}/entries/"
        self._checkpoints = f"{prefix}/checkpoints/{version}/"
        self._seen: Head[S] | None = None
        self._due: Head[S] | None = None

    def read(self) -> Head[S]:
        """The head, from the newest checkpoint and the entries after it.

        Raises :class:`IntegrityError`, :class:`StoreFault`.
        """
        return self._advance(self._start())

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The entries after number ``after``, each checked to follow the one before it.

        Raises :class:`IntegrityError`, :class:`StoreFault`.
        """
        before: Entry | None = None
        while (entry := self._entry((before.number if before else after) + 1)) is not None:
            if before is not None and entry.previous != before.digest:
                raise self._broken(
                    f"the chain of the journal is broken at entry {entry.number}",
                    found=entry.previous,
                    expected=before.digest,
                )
            yield entry
            before = entry

    def append(self, decide: Decide[S]) -> tuple[Head[S], Entry | None]:
        """Append what ``decide`` says after the head it is shown; nothing where that is ``None``.

        ``decide`` is called anew, with the new head, after each race that another writer won.
        Raises :class:`Contention` after :data:`TRIES` lost races, :class:`StoreFault` (the entry
        may be written then: a decision must recognise its own), :class:`IntegrityError`, and
        whatever ``decide`` and the reducer raise, in which case nothing is written.
        """
        head = self._advance(self._start())
        for attempt in range(TRIES):
            body = decide(head)
            if body is None:
                return head, None
            entry = next_entry(head, body, nonce=secrets.token_hex(8))
            # Folded before it is written, so that nothing is written that cannot be folded.
            after = self._fold(head, entry)
            # A lost answer makes the client try again and lose against itself: look who won.
            if self._store.create(self._key(entry.number), entry.encode()) or (
                self._entry(entry.number) == entry
            ):
                self._note(after)
                remember((*self._kind, after.digest), after)
                self._write_due_checkpoint()
                return after, entry
            time.sleep(random.uniform(0, min(0.5, 0.01 * 2**attempt)))  # noqa: S311
            head = self._advance(head)
        raise Contention(
            "other writers won every try to append to a journal",
            found=f"{TRIES} lost races, the last for entry {head.number}",
            detail=f"{self._store.url}/{self._prefix}",
            hint="try again; publish in ranges, or run fewer at the same time",
        )

    def audit(self, trusted: tuple[int, str] | None = None) -> Head[S]:
        """Recompute the whole chain and every checkpoint; the head as it is then.

        The chain cannot prove its own tail: up to ``trusted``, a head (number, digest) witnessed
        elsewhere, every change, gap and insertion is found; after it, all but a tail that was cut
        or written anew as a whole. Raises :class:`IntegrityError` naming what is wrong.
        """
        # Checkpoints first: one that is written while entries are listed must not look too new.
        checkpoints = self._numbers(self._checkpoints)
        numbers = self._numbers(self._entries)
        self._expect_no_gap(numbers)
        self._expect_entries(len(numbers), checkpoints, trusted)
        head = beginning(self._reducer)
        self._expect_witnessed(head, trusted)
        for number in numbers:
            head = self._fold(head, self._expect_entry(number))
            self._expect_witnessed(head, trusted)
            if number in checkpoints:
                self._expect_checkpoint(head)
        return head

    def _start(self) -> Head[S]:
        """The newest head known without reading entries; entries seen once cannot change."""
        if self._seen is not None:
            return self._seen
        checkpoints = self._numbers(self._checkpoints)
        if not checkpoints:
            return beginning(self._reducer)
        key = self._checkpoint_key(checkpoints[-1])
        data = self._store.read(key)
        name = (*self._kind, hashlib.sha256(data).hexdigest())
        head: Head[S] = recall(name) or parse_checkpoint(data, reducer=self._reducer, key=key)
        remember(name, head)
        if head.number != checkpoints[-1]:
            raise self._broken("a checkpoint stands under another number", found=key)
        return head

    def _advance(self, head: Head[S]) -> Head[S]:
        """The head after the entries that follow ``head``.

        Every entry is read and its digest checked; what was folded before is not folded again.
        """
        waiting: list[bytes] = []
        number, digest = head.number, head.digest
        while (data := self._data(number + 1)) is not None:
            waiting.append(data)
            number += 1
            seal = _seal(data, after=digest)
            if seal is None or (seal.number, seal.previous) != (number, digest):
                return self._advance(self._fold_all(head, waiting))  # which says what is wrong
            digest = seal.digest
            known: Head[S] | None = recall((*self._kind, digest))
            if known is not None or number % CHECKPOINT_EVERY == 0:
                head = known or self._fold_all(head, waiting)
                waiting = []
                self._note(head)
        return self._fold_all(head, waiting)

    def _fold_all(self, head: Head[S], waiting: list[bytes]) -> Head[S]:
        for data in waiting:
            head = self._fold(head, self._parsed(data, head.number + 1))
            self._note(head)
        if waiting:
            remember((*self._kind, head.digest), head)
        return head

    def _fold(self, head: Head[S], entry: Entry) -> Head[S]:
        where = f"{self._store.url}/{self._prefix}"
        return fold(head, entry, reducer=self._reducer, where=where)

    def _note(self, head: Head[S]) -> None:
        self._seen = head
        if head.number % CHECKPOINT_EVERY == 0:
            self._due = head

    def _write_due_checkpoint(self) -> None:
        """Write the checkpoint that is due; without it the journal is slower, not wrong.

        Only those who append do, since readers may lack the right to write.
        """
        due, self._due = self._due, None
        if due is not None:
            data = encode_checkpoint(due, reducer=self._reducer)
            with suppress(StoreFault):
                self._store.create(self._checkpoint_key(due.number), data)

    def _entry(self, number: int) -> Entry | None:
        data = self._data(number)
        return None if data is None else self._parsed(data, number)

    def _data(self, number: int) -> bytes | None:
        try:
            return self._store.read(self._key(number))
        except NotFound:
            return None

    def _parsed(self, data: bytes, number: int) -> Entry:
        entry = parse_entry(data, key=self._key(number))
        if entry.number != number:
            raise self._broken("an entry stands under another number", found=self._key(number))
        return entry

    def _key(self, number: int) -> str:
        return f"{self._entries}{number:010d}.json"

    def _checkpoint_key(self, number: int) -> str:
        return f"{self._checkpoints}{number:010d}.json"

    def _numbers(self, folder: str) -> list[int]:
        """The numbers of what is in ``folder``; anything but a number is an intruder."""
        names = [key.removeprefix(folder) for key in self._store.keys(folder)]
        for name in names:
            stem = name.removesuffix(".json")
            if not stem.isdecimal() or name != f"{int(stem):010d}.json":
                raise self._broken("something stands in a journal that is no entry", found=name)
        return [int(name.removesuffix(".json")) for name in names]

    def _expect_no_gap(self, numbers: list[int]) -> None:
        for expected, number in enumerate(numbers, start=1):
            if number != expected:
                raise self._broken(
                    f"entry {expected} is missing" if number > expected else "there is an entry 0",
                    found=f"entry {number}",
                    expected=f"entry {expected}",
                )

    def _expect_entries(
        self, last: int, checkpoints: list[int], trusted: tuple[int, str] | None
    ) -> None:
        witnesses = [(number, "a checkpoint") for number in checkpoints[-1:]]
        witnesses += [(trusted[0], "the trusted head")] if trusted else []
        for number, witness in witnesses:
            if number > last:
                raise self._broken(
                    f"the tail of the journal is missing: entries {last + 1} to {number}",
                    found=f"{last} entries",
                    expected=f"{number} at least, says {witness}",
                )
        strays = [number for number in checkpoints if number % CHECKPOINT_EVERY or not number]
        if strays:
            raise self._broken("a checkpoint stands where none is due", found=strays[0])

    def _expect_entry(self, number: int) -> Entry:
        entry = self._entry(number)
        if entry is None:
            raise self._broken(f"entry {number} is missing", found="listed, but not there")
        return entry

    def _expect_witnessed(self, head: Head[S], trusted: tuple[int, str] | None) -> None:
        if trusted and trusted[0] == head.number and trusted[1] != head.digest:
            raise self._broken(
                f"entry {head.number} is not the one that was witnessed",
                found=head.digest,
                expected=trusted[1],
            )

    def _expect_checkpoint(self, head: Head[S]) -> None:
        key = self._checkpoint_key(head.number)
        if self._store.read(key) != encode_checkpoint(head, reducer=self._reducer):
            raise self._broken(
                f"checkpoint {head.number} is not the fold of the entries up to it", found=key
            )

    def _broken(self, fact: str, *, found: object, expected: object = None) -> IntegrityError:
        return IntegrityError(
            fact,
            found=found,
            expected=expected,
            detail=f"{self._store.url}/{self._prefix}",
            hint="restore what is wrong from a copy of the store; nothing is changed in place",
        )


def _seal(data: bytes, *, after: str) -> Seal | None:
    """As :func:`read_seal`; a large entry that was read before is compared with what it was."""
    if len(data) < LARGE:
        return read_seal(data)
    known: tuple[bytes, Seal | None] | None = recall((Seal, after))
    if known is None or known[0] != data:
        known = data, read_seal(data)
        remember((Seal, after), known)
    return known[1]
