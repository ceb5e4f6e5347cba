"""What every store promises, and which keys it accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from laurel.errors import Refused

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=+:@-]*")


class Store(Protocol):
    """Bytes under keys, written once: there is no way to change or to remove them."""

    @property
    def url(self) -> str:
        """The root of the store, as set; it never holds secrets."""
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Write ``data`` unless ``key`` exists; ``False`` then, and nothing was changed.

        Of several writers of one key exactly one gets ``True``, and no reader sees a part.
        Raises :class:`StoreFault`, whereafter ``key`` may be written or not.
        """
        ...

    def read(self, key: str) -> bytes:
        """The bytes under ``key``; raises :class:`NotFound`, :class:`StoreFault`."""
        ...

    def exists(self, key: str) -> bool:
        """Whether ``key`` was written; raises :class:`StoreFault`."""
        ...

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        """The keys that begin with ``prefix`` and come after ``after``, ascending."""
        ...


def check_key(key: str) -> str:
    """Return ``key``; raises :class:`Refused` unless it is parts of plain characters between ``/``.

    >>> check_key("ledger/flights/entries/0000000001.json")
    'ledger/flights/entries/0000000001.json'
    """
    if not all(_PART.fullmatch(part) for part in key.split("/")):
        raise Refused(
            "this is not a key of the store",
            found=repr(key),
            expected="parts of letters, digits and _ . = + : @ - between single slashes, "
            "none beginning with a dot",
        )
    return key


def check_prefix(prefix: str) -> str:
    """Return ``prefix``, the beginning of a key; raises :class:`Refused` for anything else.

    >>> check_prefix(""), check_prefix("ledger/"), check_prefix("ledger/fli")
    ('', 'ledger/', 'ledger/fli')
    """
    if prefix:
        check_key(prefix.removesuffix("/"))
    return prefix
