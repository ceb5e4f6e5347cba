"""All objects of a remote or a cache: listed once, read, and dropped.

For audits and garbage collection only: what runs use of a remote has no way to remove anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from botocore.exceptions import ClientError

from laurel.adapters.dvc.bucket import MISSING, BucketRemote
from laurel.adapters.dvc.bytefiles import CHUNK, hasher, md5_of
from laurel.adapters.dvc.faults import code_of, worded
from laurel.adapters.dvc.remote import FOLDER, FolderRemote, Remote
from laurel.errors import NotFound
from laurel.settings import Settings

OBJECTS, RUNS, ASIDE, STAGING = "files/md5/", "runs/", ".aside/", "staging/"
_OBJECT = re.compile(r"files/md5/([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)")
_PREFIXES = tuple(f"{OBJECTS}{number:02x}/" for number in range(256))
_BATCH = 1000
"""Keys that S3 drops with one request."""

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Stored:
    """Something that is stored: where, how large, and when it was written."""

    key: str
    size: int
    modified: float
    """Seconds since 1970."""
    upload: str | None = None
    """The id of an upload in parts that was never ended."""

    @property
    def md5(self) -> str | None:
        """The md5 that names it; ``None`` for what is no object.

        >>> Stored("files/md5/d7/51713988987e9331980363e24189ce.dir", 2, 0.0).md5
        'd751713988987e9331980363e24189ce.dir'
        """
        found = _OBJECT.fullmatch(self.key)
        return found[1] + found[2] if found else None


class Inventory(Remote, Protocol):
    """A remote whose objects can be listed, read and dropped; raises :class:`StoreFault`."""

    def listed(self, prefix: str) -> list[Stored]:
        """All that is stored below ``prefix``, which ends with a slash."""
        ...

    def few(self, prefix: str) -> list[Stored] | None:
        """As :meth:`listed` where one answer holds it all, else ``None``."""
        ...

    def read(self, key: str) -> bytes:
        """The bytes of a small object; raises :class:`NotFound`."""
        ...

    def md5(self, key: str) -> str:
        """The md5 of the bytes under ``key``, read in pieces; raises :class:`NotFound`."""
        ...

    def unfinished(self) -> list[Stored]:
        """What writers left that were cut off, or that still write."""
        ...

    def drop(self, items: Iterable[Stored]) -> None:
        """Remove; what is gone already is no error."""
        ...


def open_inventory(settings: Settings) -> Inventory:
    """The inventory of the remote in the store."""
    url = f"{settings.store}/{FOLDER}"
    if url.startswith("file://"):
        return FolderInventory(Path(url.removeprefix("file://")))
    return BucketInventory(url, endpoint=settings.s3_endpoint)


def objects(inventory: Inventory) -> dict[str, Stored]:
    """Every object, by its md5: one listing of few, else 256 of them, several at a time."""
    few = inventory.few(OBJECTS)
    every = (
        [few] if few is not None else each(inventory.listed, _PREFIXES, threads=inventory.threads)
    )
    return {item.md5: item for listed in every for item in listed if item.md5}


def each(work: Callable[[_T], _R], items: Iterable[_T], *, threads: int) -> Iterator[_R]:
    """The results of the same work on every item, in their order, several at a time."""
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from pool.map(work, items)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class FolderInventory(FolderRemote):
    """The inventory of a folder: of a remote, or of the cache of this machine."""

    def listed(self, prefix: str) -> list[Stored]:
        folder = self._root / prefix
        with worded("list the remote", str(folder)):
            if not folder.is_dir():
                self._expect_root()
                return []
            return [
                Stored(str(path.relative_to(self._root)), state.st_size, state.st_mtime)
                for path in sorted(folder.rglob("*"))
                if path.is_file() and (state := path.stat())
            ]

    def few(self, prefix: str) -> list[Stored] | None:  # noqa: ARG002 - a folder has no answers
        return None

    def read(self, key: str) -> bytes:
        with self._reading(key) as path:
            return path.read_bytes()

    def md5(self, key: str) -> str:
        with self._reading(key) as path:
            return md5_of(path)

    def unfinished(self) -> list[Stored]:
        return self.listed(ASIDE)

    @contextmanager
    def _reading(self, key: str) -> Iterator[Path]:
        path = self._root / key
        with worded("read from the remote", str(path)):
            try:
                yield path
            except FileNotFoundError:
                self._expect_root()
                raise _gone(key, self.url) from None

    def drop(self, items: Iterable[Stored]) -> None:
        for item in items:
            path = self._root / item.key
            with worded("drop from the remote", str(path)):
                path.unlink(missing_ok=True)
                if item.key.startswith(STAGING):
                    _prune(path.parent, until=self._root / STAGING)


class BucketInventory(BucketRemote):
    """The inventory of a prefix of an S3 bucket."""

    def listed(self, prefix: str) -> list[Stored]:
        with worded("list the remote", self._place(prefix)):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._where(prefix)["Key"]
            )
            return [item for page in pages for item in self._items(page)]

    def few(self, prefix: str) -> list[Stored] | None:
        with worded("list the remote", self._place(prefix)):
            page = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._where(prefix)["Key"])
            return None if page.get("IsTruncated") else self._items(page)

    def _items(self, page: dict[str, Any]) -> list[Stored]:
        base = self._where("")["Key"]
        return [
            Stored(item["Key"].removeprefix(base), item["Size"], item["LastModified"].timestamp())
            for item in page.get("Contents", [])
        ]

    def read(self, key: str) -> bytes:
        with self._reading(key):
            data: bytes = self._s3.get_object(**self._where(key))["Body"].read()
            return data

    def md5(self, key: str) -> str:
        found = hasher()
        with self._reading(key):
            for chunk in self._s3.get_object(**self._where(key))["Body"].iter_chunks(CHUNK):
                found.update(chunk)
        return found.hexdigest()

    def unfinished(self) -> list[Stored]:
        base = self._where("")["Key"]
        with worded("list unfinished uploads", self.url):
            pages = self._s3.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=base
            )
            return [
                Stored(
                    key=item["Key"].removeprefix(base),
                    size=0,
                    modified=item["Initiated"].timestamp(),
                    upload=item["UploadId"],
                )
                for page in pages
                for item in page.get("Uploads", [])
                if item["Key"].startswith(base)
            ]

    @contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        with worded("read from the remote", self._place(key)):
            try:
                yield
            except ClientError as error:
                if code_of(error) in MISSING:
                    raise _gone(key, self.url) from None
                raise

    def drop(self, items: Iterable[Stored]) -> None:
        every = list(items)
        with worded("drop from the remote", self.url):
            for item in every:
                if item.upload:
                    self._s3.abort_multipart_upload(**self._where(item.key), UploadId=item.upload)
            keys = [{"Key": self._where(item.key)["Key"]} for item in every if not item.upload]
            for start in range(0, len(keys), _BATCH):
                self._s3.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": keys[start : start + _BATCH], "Quiet": True},
                )


def _prune(folder: Path, *, until: Path) -> None:
    """Remove a folder, and those above it, that are empty."""
    while folder != until:
        try:
            folder.rmdir()
        except OSError:
            return  # something is in it, or somebody else removed it
        folder = folder.parent


def _gone(key: str, url: str) -> NotFound:
    return NotFound("the remote has no such object", found=key, detail=url)
