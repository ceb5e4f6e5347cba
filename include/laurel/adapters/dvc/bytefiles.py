"""Files copied and hashed in one reading, and never seen half written."""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc_objects.fs.system import reflink

CHUNK = 1 << 20
READ_ONLY = 0o444
"""DVC trusts a cache object of this mode without reading it again."""
_NO_CLONES = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.ENOSYS)
"""How systems say that they do not clone: what fails for other reasons may succeed later."""
PREFIX = ".laurel-"
"""How the names of files that are being written begin."""


def md5_of(path: Path) -> str:
    """The md5 of a file, as 32 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, hasher).hexdigest()


def copy_hashed(source: Path, target: Path) -> str:
    """Copy, a clone where the file system can, and return the md5 of what was written."""
    return md5_of(target) if _cloned(source, target) else _copy(source, target)


_UNABLE: set[tuple[int, int]] = set()
"""Devices between which this process has tried to clone in vain: each try makes a file."""


def _cloned(source: Path, target: Path) -> bool:
    devices = source.stat().st_dev, target.parent.stat().st_dev
    if devices in _UNABLE:
        return False
    try:
        reflink(str(source), str(target))  # type: ignore[no-untyped-call]
    except OSError as error:
        if error.errno in _NO_CLONES:
            _UNABLE.add(devices)
        return False
    return True


def _copy(source: Path, target: Path) -> str:
    found = hasher()
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(CHUNK):
            found.update(chunk)
            writing.write(chunk)
    return found.hexdigest()


def hasher(data: bytes = b"") -> hashlib._Hash:
    """An md5 under way, which has taken in ``data``."""
    return hashlib.md5(data, usedforsecurity=False)


def md5_of_bytes(data: bytes) -> str:
    """The md5 of bytes, as 32 hex digits.

    >>> md5_of_bytes(b"[]")
    'd751713988987e9331980363e24189ce'
    """
    return hasher(data).hexdigest()


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """A free path in ``folder`` to write to before renaming; what is left there is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{PREFIX}{uuid.uuid4().hex}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until the bytes of a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
