"""DVC hashes each file that a stage depends on some three times a stage: here once while it stays.

A training of seven stages depends on some 180 files, mostly of code, and DVC asks 1,600 times for
the hash of one. Its own memory of hashes goes by the inode, the time of the last change and the
size of a file; so does this one, without a database in between. A folder is read once between two
commands: nothing but DVC itself changes it then, and not before a stage that depends on it.
"""

from __future__ import annotations

import copy
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from dvc.output import Output

Key = tuple[str, str, int, int, int]
"""Path and kind of hash; inode, time of the last change in nanoseconds, size in bytes."""


@contextmanager
def hashing_once() -> Iterator[Callable[[], None]]:
    """Let DVC hash what a stage depends on once, for as long as the block lasts.

    The block gets a function to be called before and after each command, and whenever DVC has put
    out what a stage depends on: folders are read anew then.
    """
    known: dict[Key, tuple[Any, Any, Any]] = {}
    folders: dict[tuple[str, str], tuple[Any, Any, Any]] = {}
    build = Output._build

    def built(self: Any, odb: Any, path: str, fs: Any, name: str, **options: Any) -> Any:
        if not self.IS_DEPENDENCY or fs.protocol != "local":
            return build(self, odb, path, fs, name, **options)
        key = _key(path, name)
        kept: dict[Any, Any] = folders if key is None else known
        place = key or (path, name)
        if place not in kept:
            kept[place] = build(self, odb, path, fs, name, **options)
        staging, meta, found = kept[place]
        return staging, copy.copy(meta), found

    with patch.object(Output, "_build", built):
        yield folders.clear


def _key(path: str, name: str) -> Key | None:
    """What a file is known by; ``None`` for a folder, and for what is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116  a path of DVC's, 1,600 times
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return path, name, found.st_ino, found.st_mtime_ns, found.st_size
