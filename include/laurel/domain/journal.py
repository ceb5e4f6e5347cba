"""What an append-only journal is made of: entries in a chain of digests, and checkpoints of a fold.

Source of the idea: the hash chain of S. Haber and W. S. Stornetta, "How to time-stamp a digital
document", Journal of Cryptology 3 (1991).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from laurel.domain.canonical import canonical_json, digest
from laurel.errors import IntegrityError

GENESIS = "0" * 64
"""The digest before the first entry."""

S = TypeVar("S")

_TAIL = re.compile(
    rb',"digest":"([0-9a-f]{64})"'
    rb'(?=,"nonce":"[0-9a-f]*","number":([0-9]+),"previous":"([0-9a-f]{64})"\}\Z)'
)
_TAIL_BYTES = 400
"""More than the longest tail that :data:`_TAIL` can match, whatever a nonce of ours."""


@dataclass(frozen=True)
class Seal:
    """What stands after the body of an entry, its digest found right; the body was not parsed."""

    number: int
    previous: str
    digest: str


@dataclass(frozen=True)
class Entry:
    """One entry of a journal: its number, the digest before it, what it says, its own digest."""

    number: int
    previous: str
    body: Mapping[str, Any]
    digest: str
    nonce: str = ""
    """Drawn by the writer, so that a writer whose answer got lost knows its own entry again."""

    def encode(self) -> bytes:
        """The bytes of the entry: canonical JSON, so that they are determined by its fields."""
        return canonical_json(
            {
                "number": self.number,
                "previous": self.previous,
                "body": self.body,
                "nonce": self.nonce,
                "digest": self.digest,
            }
        )


@dataclass(frozen=True)
class Head(Generic[S]):
    """Where a journal stands: number and digest of its last entry, and the fold of all of them."""

    number: int
    digest: str
    state: S


class Reducer(Protocol[S]):
    """Folds entries to a state; ``load(dump(state))`` must equal ``state``, all of it pure."""

    def initial(self) -> S:
        """The state before the first entry."""
        ...

    def apply(self, state: S, entry: Entry) -> S:
        """The state after ``entry``; ``state`` itself stays as it is."""
        ...

    def dump(self, state: S) -> Any:
        """The state as a JSON value."""
        ...

    def load(self, value: Any) -> S:
        """The state that was dumped."""
        ...


def beginning(reducer: Reducer[S]) -> Head[S]:
    """The head of an empty journal."""
    return Head(0, GENESIS, reducer.initial())


def next_entry(head: Head[Any], body: Mapping[str, Any], *, nonce: str = "") -> Entry:
    """The entry that says ``body`` after ``head``.

    Raises ``TypeError`` or ``ValueError`` for a body that JSON cannot hold.

    >>> first = next_entry(Head(0, GENESIS, None), {"event": "registered"})
    >>> first.number, first.previous == GENESIS, len(first.digest)
    (1, True, 64)
    """
    plain = json.loads(canonical_json(dict(body)))
    number = head.number + 1
    return Entry(number, head.digest, plain, _seal(number, head.digest, plain, nonce), nonce)


def parse_entry(data: bytes, *, key: str) -> Entry:
    """Read what :meth:`Entry.encode` wrote.

    Raises :class:`IntegrityError` unless these are exactly the bytes of an entry with its digest.

    >>> entry = next_entry(Head(0, GENESIS, None), {"event": "registered"})
    >>> parse_entry(entry.encode(), key="entries/1") == entry
    True
    """
    fields = _fields(data, {"number", "previous", "body", "nonce", "digest"}, key)
    entry = Entry(**fields)
    if type(entry.number) is not int or not isinstance(entry.body, dict):
        raise _broken("an entry of the journal is not one", key)
    seal = read_seal(data)  # of the bytes, which are canonical: no need to write them once more
    expected = seal.digest if seal else _seal(entry.number, entry.previous, entry.body, entry.nonce)
    if entry.digest != expected:
        raise _broken(
            "an entry of the journal was changed", key, found=entry.digest, expected=expected
        )
    return entry


def read_seal(data: bytes) -> Seal | None:
    """The seal of an entry whose bytes have the digest that it names; ``None`` for any other.

    Equal digests mean equal bytes, so an entry that was parsed once need not be parsed again.

    >>> entry = next_entry(Head(0, GENESIS, None), {"event": "registered"}, nonce="ab")
    >>> read_seal(entry.encode()) == Seal(1, GENESIS, entry.digest)
    True
    >>> read_seal(entry.encode().replace(b"registered", b"promoted")) is None
    True
    """
    found = _TAIL.search(data, max(0, len(data) - _TAIL_BYTES))
    if found is None:
        return None
    sealed = hashlib.sha256(memoryview(data)[: found.start()])
    sealed.update(memoryview(data)[found.end() :])
    named = found[1].decode()
    if sealed.hexdigest() != named:
        return None
    return Seal(int(found[2]), found[3].decode(), named)


def fold(head: Head[S], entry: Entry, *, reducer: Reducer[S], where: str = "") -> Head[S]:
    """The head after ``entry``; raises :class:`IntegrityError` when it does not follow ``head``.

    ``where`` names the journal in that error.
    """
    if (entry.number, entry.previous) != (head.number + 1, head.digest):
        raise IntegrityError(
            f"the chain of the journal is broken at entry {entry.number}",
            found=f"entry {entry.number} after {entry.previous}",
            expected=f"entry {head.number + 1} after {head.digest}",
            detail=where or None,
            hint="entries were changed, removed or inserted: restore them from a copy of the store",
        )
    return Head(entry.number, entry.digest, reducer.apply(head.state, entry))


def fold_all(entries: Iterable[Entry], *, reducer: Reducer[S]) -> Head[S]:
    """The head after all ``entries`` from the first on."""
    head = beginning(reducer)
    for entry in entries:
        head = fold(head, entry, reducer=reducer)
    return head


def encode_checkpoint(head: Head[S], *, reducer: Reducer[S]) -> bytes:
    """The bytes that hold ``head`` with its fold."""
    content = {
        "number": head.number,
        "head": head.digest,
        "state": json.loads(canonical_json(reducer.dump(head.state))),
    }
    return canonical_json({**content, "digest": digest(content)})


def parse_checkpoint(data: bytes, *, reducer: Reducer[S], key: str) -> Head[S]:
    """Read what :func:`encode_checkpoint` wrote; raises :class:`IntegrityError` when changed."""
    fields = _fields(data, {"number", "head", "state", "digest"}, key)
    found = fields.pop("digest")
    if type(fields["number"]) is not int or found != digest(fields):
        raise _broken("a checkpoint of the journal was changed", key, found=found)
    return Head(fields["number"], fields["head"], reducer.load(fields["state"]))


def _seal(number: int, previous: str, body: Mapping[str, Any], nonce: str) -> str:
    return digest({"number": number, "previous": previous, "body": body, "nonce": nonce})


def _fields(data: bytes, names: set[str], key: str) -> dict[str, Any]:
    try:
        value = json.loads(data.decode())
        canonical = canonical_json(value) == data
    except (ValueError, RecursionError) as error:
        raise _broken("a record of the journal cannot be read", key, found=error) from error
    if not canonical or not isinstance(value, dict) or value.keys() != names:
        raise _broken("a record of the journal is not written as it must be", key)
    return value


def _broken(
    fact: str, key: str, *, found: object = None, expected: object = None
) -> IntegrityError:
    return IntegrityError(
        fact,
        found=found,
        expected=expected,
        detail=key,
        hint="restore this object from a copy of the store; nobody may change it in place",
    )
