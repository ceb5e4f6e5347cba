"""The DVC remote, object by object: a folder or an S3 bucket, laid out as DVC lays it out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from laurel.adapters.dvc.bytefiles import READ_ONLY, aside, copy_hashed, sync
from laurel.adapters.dvc.faults import worded
from laurel.adapters.dvc.guard import refuse_gc
from laurel.errors import ConfigError, IntegrityError, NotFound, StoreFault
from laurel.settings import Settings

FOLDER = "dvc"
"""Where in the store the DVC remote is."""
FRESH = timedelta(days=1)
"""Older objects that a run relies on are made to count as new."""


def object_key(md5: str) -> str:
    """Where DVC keeps an object.

    >>> object_key("d751713988987e9331980363e24189ce.dir")
    'files/md5/d7/51713988987e9331980363e24189ce.dir'
    """
    return f"files/md5/{md5[:2]}/{md5[2:]}"


class Remote(Protocol):
    """Files under keys; every method raises :class:`StoreFault` when the remote fails."""

    url: str
    """The remote as DVC's configuration names it."""
    threads: int
    """How many transfers at a time pay."""

    def size(self, key: str) -> int | None:
        """Bytes under ``key``; ``None`` when there is nothing."""
        ...

    def send(self, source: Path, key: str, *, md5: str) -> None:
        """Write a file under ``key``; raises :class:`IntegrityError` when it is not ``md5``."""
        ...

    def write(self, data: bytes, key: str) -> None:
        """Write bytes under ``key``."""
        ...

    def freshen(self, key: str) -> None:
        """Let what is there count as written now, unless it was within :data:`FRESH`.

        A garbage collection keeps what is young: so it keeps what a run is about to name, though
        somebody else had pushed it long ago and never named it.
        """
        ...

    def receive(self, key: str, target: Path) -> None:
        """Read ``key`` into a new file; raises :class:`NotFound`."""
        ...

    def names(self, prefix: str) -> list[str]:
        """The names directly below ``prefix``, which ends with a slash; sorted."""
        ...


def open_remote(settings: Settings) -> Remote:
    """The DVC remote in the store of ``settings``."""
    url = f"{settings.store}/{FOLDER}"
    if url.startswith("file://"):
        return FolderRemote(Path(url.removeprefix("file://")))
    if "@" in url:
        raise ConfigError(
            "the store's address holds credentials",
            expected="s3://bucket/prefix, and the credentials in the environment",
            hint="look at LAUREL_STORE",
        )
    from laurel.adapters.dvc.bucket import BucketRemote

    return BucketRemote(url, endpoint=settings.s3_endpoint)


class FolderRemote:
    """A remote in a folder of this machine or of a mounted disk."""

    threads = 4

    def __init__(self, root: Path) -> None:
        self.url = str(root)
        self._root = root
        with worded("make the folder of the remote", self.url):
            root.mkdir(parents=True, exist_ok=True)
        refuse_gc(root)

    def size(self, key: str) -> int | None:
        path = self._root / key
        with worded("look into the remote", str(path)):
            try:
                return path.stat().st_size
            except FileNotFoundError:
                self._expect_root()
                return None

    def send(self, source: Path, key: str, *, md5: str) -> None:
        """Write aside, sync, rename: after a crash the object is whole or not there."""
        with self._written(key) as part:
            found = copy_hashed(source, part)
            check_md5(found, expected=md5, place=str(source))

    def write(self, data: bytes, key: str) -> None:
        with self._written(key) as part:
            part.write_bytes(data)

    def freshen(self, key: str) -> None:
        path = self._root / key
        with worded("write to the remote", str(path)):
            if is_old(datetime.fromtimestamp(path.stat().st_mtime, UTC)):
                os.utime(path)

    @contextmanager
    def _written(self, key: str) -> Iterator[Path]:
        path = self._root / key
        self._expect_root()
        with worded("write to the remote", str(path)), aside(self._root / ".aside") as part:
            yield part
            part.chmod(READ_ONLY)
            sync(part)
            path.parent.mkdir(parents=True, exist_ok=True)
            part.replace(path)
            sync(path.parent)

    def receive(self, key: str, target: Path) -> None:
        path = self._root / key
        with worded("read from the remote", str(path)):
            try:
                copy_hashed(path, target)
            except FileNotFoundError:
                self._expect_root()
                raise missing_object(path.name, str(path)) from None

    def names(self, prefix: str) -> list[str]:
        folder = self._root / prefix
        with worded("look into the remote", str(folder)):
            try:
                return sorted(path.name for path in folder.iterdir() if path.name[0] != ".")
            except FileNotFoundError:
                self._expect_root()
                return []

    def _expect_root(self) -> None:
        """A disk that is not mounted must not look like a remote that is empty."""
        if not self._root.is_dir():
            raise StoreFault(
                "the folder of the remote is gone", found=self.url, hint="is the disk mounted?"
            )


def is_old(written: datetime) -> bool:
    """Whether an object was written longer ago than :data:`FRESH`."""
    return datetime.now(UTC) - written > FRESH


def check_md5(found: str, *, expected: str, place: str) -> None:
    """Raise :class:`IntegrityError` when bytes are not what their name says."""
    if found != expected.removesuffix(".dir"):
        raise IntegrityError(
            "these bytes are not what their name says",
            found=f"md5 {found}",
            expected=f"md5 {expected}",
            detail=place,
        )


def missing_object(name: str, place: str) -> NotFound:
    return NotFound(
        "the remote has no such object",
        found=name,
        detail=place,
        hint="was it pushed? a garbage collection may have dropped it",
    )
