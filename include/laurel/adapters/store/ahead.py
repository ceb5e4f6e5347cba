"""A store whose records of one prefix are read ahead, many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from laurel.adapters.store.contract import Store

THREADS = 16
"""Reads under way at once: as many as the S3 client keeps connections."""


class ReadAhead:
    """A store that has read all below a prefix when it is made; for those who read it all.

    What was written since is found as in the store itself, since a key never changes.
    """

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        keys = list(store.keys(prefix))
        with ThreadPoolExecutor(THREADS) as pool:
            self._read = dict(zip(keys, pool.map(store.read, keys), strict=True))

    @property
    def url(self) -> str:
        return self._store.url

    def create(self, key: str, data: bytes) -> bool:
        return self._store.create(key, data)

    def read(self, key: str) -> bytes:
        return self._read[key] if key in self._read else self._store.read(key)

    def exists(self, key: str) -> bool:
        return key in self._read or self._store.exists(key)

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        return self._store.keys(prefix, after=after)
