"""A store in memory, for properties over many entries; it keeps the same contract as the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Lock

from laurel.adapters.store.contract import check_key, check_prefix
from laurel.errors import NotFound


class MemoryStore:
    """Bytes in a dictionary, and how often each operation was called."""

    url = "memory:///"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls: Counter[str] = Counter()
        self._lock = Lock()

    def create(self, key: str, data: bytes) -> bool:
        self.calls["create"] += 1
        with self._lock:
            if check_key(key) in self.objects:
                return False
            self.objects[key] = data
            return True

    def read(self, key: str) -> bytes:
        self.calls["read"] += 1
        try:
            return self.objects[check_key(key)]
        except KeyError:
            raise NotFound("there is no such key", found=key) from None

    def exists(self, key: str) -> bool:
        self.calls["exists"] += 1
        return check_key(key) in self.objects

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        self.calls["keys"] += 1
        check_prefix(prefix)
        yield from sorted(k for k in list(self.objects) if k.startswith(prefix) and k > after)
