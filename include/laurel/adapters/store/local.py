"""A store in a local folder: exclusive creates that are whole or not there."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from laurel.adapters.store.contract import check_key, check_prefix
from laurel.errors import NotFound, Refused, StoreFault

ASIDE = ".aside"
"""Files being written; what a crash leaves here is no key, and may be deleted at any time."""


class LocalStore:
    """A folder as store; it must be on one file system that knows hard links."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._root = Path(url.removeprefix("file://"))
        with self._faults(""):
            self._root.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return self._url

    def create(self, key: str, data: bytes) -> bool:
        """Write aside, sync, then link to the final name, which fails where that exists."""
        path = self._root / check_key(key)
        with self._faults(key):
            self._expect_root()
            if path.is_file():
                return False
            if path.is_dir():
                raise _both(key)
            self._make_folder(path.parent)
            aside = self._write_aside(data)
            try:
                os.link(aside, path)
            except FileExistsError:
                return False
            finally:
                aside.unlink()
            _sync(path.parent)
            return True

    def read(self, key: str) -> bytes:
        path = self._root / check_key(key)
        with self._faults(key):
            try:
                return path.read_bytes()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                # A root that is gone must never look like a store that is empty.
                self._expect_root()
                raise NotFound("there is no such key", found=key, detail=self._url) from None

    def exists(self, key: str) -> bool:
        with self._faults(key):
            self._expect_root()
            return (self._root / check_key(key)).is_file()

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        folder = check_prefix(prefix).rpartition("/")[0]
        with self._faults(prefix):
            self._expect_root()
            yield from self._walk(f"{folder}/" if folder else "", prefix, after)

    def _walk(self, base: str, prefix: str, after: str) -> Iterator[str]:
        for name in self._names(base):
            key = base + name
            if not key.startswith(prefix[: len(key)]):
                continue
            if not key.endswith("/"):
                if key > after and key.startswith(prefix):
                    yield key
            elif key > after or after.startswith(key):
                yield from self._walk(key, prefix, after)

    def _names(self, base: str) -> list[str]:
        """Names in a folder, folders with their slash, so that they sort as whole keys do."""
        try:
            with os.scandir(self._root / base) as items:
                return sorted(
                    f"{item.name}/" if item.is_dir() else item.name
                    for item in items
                    if not item.name.startswith(".")
                )
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _write_aside(self, data: bytes) -> Path:
        self._make_folder(self._root / ASIDE)
        aside = self._root / ASIDE / uuid.uuid4().hex
        file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        except BaseException:
            aside.unlink()
            raise
        return aside

    def _make_folder(self, folder: Path) -> None:
        """Make the folder and sync each parent, so that a crash cannot lose the way to a key."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        try:
            folder.mkdir(exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise _both(str(folder.relative_to(self._root))) from None
        _sync(folder.parent)

    def _expect_root(self) -> None:
        if not self._root.is_dir():
            raise StoreFault(
                "the folder of the store is gone",
                found=self._url,
                hint="is the disk mounted? restore the folder, or look at LAUREL_STORE",
            )

    @contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreFault(
                "the store could not be read or written",
                found=f"{error.strerror or error} ({key or 'root'})",
                detail=self._url,
                hint="look at the disk's space, rights and mount; it must know hard links",
            ) from error


def _sync(folder: Path) -> None:
    """Make names in a folder durable (fsync of the directory itself)."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _both(key: str) -> Refused:
    return Refused("a key cannot be the folder of another key", found=key)
