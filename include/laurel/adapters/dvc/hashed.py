"""DVC hashes each file that a stage depends on some three times a stage: here once while it stays.

A training of seven stages depends on some 180 files, mostly of code, and DVC asks 1,600 times for
the hash of one. Its own memory of hashes goes by the inode, the time of the last change and the
size of a file; so does this one, without a database in between.
"""

from __future__ import annotations

import copy
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from dvc.output import Output

Key = tuple[str, str, int, int, int]
"""Path and kind of hash; inode, time of the last change in nanoseconds, size in bytes."""


@contextmanager
def hashing_once() -> Iterator[None]:
    """Let DVC hash each file that a stage depends on once, for as long as the block lasts."""
    known: dict[Key, tuple[Any, Any, Any]] = {}
    build = Output._build

    def built(self: Any, odb: Any, path: str, fs: Any, name: str, **options: Any) -> Any:
        key = _key(path, name) if self.IS_DEPENDENCY and fs.protocol == "local" else None
        if key is None:
            return build(self, odb, path, fs, name, **options)
        if key not in known:
            known[key] = build(self, odb, path, fs, name, **options)
        staging, meta, found = known[key]
        return staging, copy.copy(meta), found

    with patch.object(Output, "_build", built):
        yield


def _key(path: str, name: str) -> Key | None:
    """What a file is known by; ``None`` for a folder, and for what is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116  a path of DVC's, 1,600 times
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return path, name, found.st_ino, found.st_mtime_ns, found.st_size
