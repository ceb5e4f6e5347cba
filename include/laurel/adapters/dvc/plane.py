"""The data plane: objects in the shared cache and at the remote, every byte checked both ways.

DVC's own push takes a directory for complete when its directory object is there, and its cache
trusts what is read-only; here each object is looked at by itself. The format is DVC's.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from laurel.adapters.dvc.bytefiles import READ_ONLY, aside, copy_hashed, md5_of
from laurel.adapters.dvc.faults import worded
from laurel.adapters.dvc.guard import refuse_gc
from laurel.adapters.dvc.listing import Listing
from laurel.adapters.dvc.remote import check_md5, object_key, open_remote
from laurel.adapters.dvc.several import several
from laurel.adapters.memory import recall, remember
from laurel.domain.data import FileRef, TreeRef, check_names
from laurel.errors import IntegrityError, NotFound, StoreFault
from laurel.settings import Settings

_LOG = logging.getLogger(__name__)
SMALL = 1 << 20
"""Bytes up to which files are placed one by one: threads that make files wait for each other."""
_T = TypeVar("_T")
_R = TypeVar("_R")


class DataPlane:
    """Files by content, in the cache of this machine and at the remote of the store.

    Any number of processes may share the cache: files are written aside and renamed. Every method
    raises :class:`StoreFault` when the disk is full or the remote does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._cache = settings.cache
        self._guarded = False
        self.remote = open_remote(settings)

    def put(self, files: Mapping[str, Path]) -> dict[str, FileRef]:
        """Take files into the cache and push them; afterwards the remote has them, verified.

        Each file is read once: its md5 is that of the bytes taken, whatever happens to it later.
        """
        refs = dict(zip(files, self._each(self._adopt, list(files.values())), strict=True))
        self.push(ref.md5 for ref in refs.values())
        return refs

    def merge(self, base: str | None, files: Mapping[str, FileRef]) -> TreeRef:
        """Push the directory object that holds the files of ``base``, replaced and grown.

        The names of ``files`` are paths inside the directory, with ``/``. The md5 is the one that
        ``dvc add`` gives to a directory of these files. Raises :class:`NotFound` for an unknown
        base, :class:`DataError` for a name that leaves the directory or is also a folder.
        """
        before = self._listing(base) if base else Listing(b"[]")
        grown = before.grown({name: ref.md5 for name, ref in files.items()})
        self._write(grown.md5, grown.text)
        self._push_text(grown)
        remember((Listing, grown.md5), grown)
        size = None if base else sum(ref.size for ref in files.values())
        return TreeRef(md5=grown.md5, size=size, nfiles=len(grown))

    def tree(self, md5: str) -> dict[str, FileRef]:
        """The files of a directory object, by name.

        Directory objects record no sizes, so each file is looked up in the cache or at the remote;
        raises :class:`NotFound` when one is in neither.
        """
        names = self.names(md5)
        sizes = self._each(self._size, list(names.values()))
        return {
            name: FileRef(md5=md5, size=size)
            for (name, md5), size in zip(names.items(), sizes, strict=True)
        }

    def names(self, md5: str) -> dict[str, str]:
        """The md5 of each file of a directory object, by name, sorted; no file is looked up."""
        path = self.ensure(md5)
        try:
            listed = json.loads(path.read_bytes())
            names = {str(entry["relpath"]): str(entry["md5"]) for entry in listed}
        except (ValueError, TypeError, KeyError) as error:
            raise _no_directory(md5, path) from error
        check_names(names)
        return names

    def get(self, ref: FileRef, target: Path) -> None:
        """Place a file, fetched if needed; what is placed was checked against its md5.

        A damaged copy in the cache is dropped and fetched again, once. Raises
        :class:`IntegrityError` for a damaged object at the remote, :class:`NotFound` for none.
        """
        self.place({target: ref.md5})

    def place(self, files: Mapping[Path, str]) -> None:
        """Place many files by md5, large or missing ones several at a time; as :meth:`get`."""
        small = {target for target, md5 in files.items() if self._is_small(md5)}
        for target in small:
            self._place(target, files[target])
        self._each(lambda item: self._place(*item), [i for i in files.items() if i[0] not in small])

    def has(self, md5: str) -> bool:
        """Whether the remote has an object; for a directory object, not whether it is whole."""
        return self.remote.size(object_key(md5)) is not None

    def missing(self, md5s: Iterable[str]) -> tuple[str, ...]:
        """Those of these objects that the remote does not have, sorted; for an audit of records."""
        wanted = sorted(set(md5s))
        found = self._each(self.has, wanted)
        return tuple(md5 for md5, there in zip(wanted, found, strict=True) if not there)

    def push(self, md5s: Iterable[str]) -> int:
        """Push what the remote lacks of these objects of the cache; returns how many that were.

        Afterwards each is at the remote with the right size. Raises :class:`NotFound` for an
        object that is in neither, :class:`IntegrityError` for one that is damaged in the cache.
        """
        return sum(self._each(self._push, sorted(set(md5s))))

    def ensure(self, md5: str) -> Path:
        """The path of an object in the cache: read, found good, and fetched if it was not."""
        path = self._path(md5)
        with worded("read the cache", str(path)):
            try:
                if md5_of(path) == md5.removesuffix(".dir"):
                    return path
                _LOG.warning("dropped a damaged object of the cache: %s", path)
            except FileNotFoundError:
                return self._fetch(md5)
        return self._fetch_again(md5)

    def ensure_all(self, md5s: Iterable[str]) -> None:
        """Have these objects in the cache, found good; several at a time."""
        self._each(self.ensure, sorted(set(md5s)))

    def holds(self, md5: str) -> bool:
        """Whether the cache has an object, good or not."""
        return self._path(md5).is_file()

    def local(self, key: str) -> Path:
        """Where the cache has what the remote has below a key."""
        return self._cache / key

    def _listing(self, md5: str) -> Listing:
        """A directory object as text; read once where the cache has it and it is good."""
        path = self._path(md5)
        with worded("read the cache", str(path)):
            text = path.read_bytes() if path.is_file() else b""
            known: Listing | None = recall((Listing, md5))
            if known is not None and known.text == text:
                return known
            listing = Listing(text)
            if listing.md5 != md5:
                listing = Listing(self.ensure(md5).read_bytes())
        if not listing.is_canonical():
            raise _no_directory(md5, path)
        return listing

    def _path(self, md5: str) -> Path:
        return self._cache / object_key(md5)

    def _is_small(self, md5: str) -> bool:
        """Whether the cache has it, and copying it takes no longer than making a file does."""
        try:
            return self._path(md5).stat().st_size <= SMALL
        except FileNotFoundError:
            return False

    def _size(self, md5: str) -> int:
        try:
            return self._path(md5).stat().st_size
        except FileNotFoundError:
            size = self.remote.size(object_key(md5))
        if size is None:
            raise NotFound("an object is nowhere", found=f"md5 {md5}", detail=self.remote.url)
        return size

    def _adopt(self, source: Path) -> FileRef:
        with worded("read a file into the cache", str(source)), self._aside() as part:
            try:
                md5 = copy_hashed(source, part)
            except FileNotFoundError as error:
                if source.exists():
                    raise
                raise NotFound("the file to publish is missing", found=source) from error
            ref = FileRef(md5=md5, size=part.stat().st_size)
            self._settle(part, md5)
        return ref

    def _write(self, md5: str, data: bytes) -> None:
        with worded("write to the cache", str(self._cache)), self._aside() as part:
            part.write_bytes(data)
            self._settle(part, md5)

    def _settle(self, part: Path, md5: str) -> None:
        """Rename into place, over whatever is there: that may be damaged, this is not."""
        part.chmod(READ_ONLY)
        if not self._guarded:
            refuse_gc(self._cache)
            self._guarded = True
        path = self._path(md5)
        path.parent.mkdir(parents=True, exist_ok=True)
        part.replace(path)

    def _aside(self) -> AbstractContextManager[Path]:
        return aside(self._cache / ".aside")

    def _push(self, md5: str) -> bool:
        path, key = self._path(md5), object_key(md5)
        size = self._size(md5)
        if self.remote.size(key) == size:
            self.remote.freshen(key)
            return False
        self.remote.send(path, key, md5=md5)
        self._expect_sent(key, size)
        return True

    def _push_text(self, listing: Listing) -> None:
        key = object_key(listing.md5)
        if self.remote.size(key) == len(listing.text):
            self.remote.freshen(key)
        else:
            self.remote.write(listing.text, key)
            self._expect_sent(key, len(listing.text))

    def _expect_sent(self, key: str, size: int) -> None:
        found = self.remote.size(key)
        if found != size:
            raise StoreFault(
                "the remote does not have what was just written to it",
                found=f"{found} bytes",
                expected=f"{size} bytes",
                detail=f"{self.remote.url}/{key}",
            )

    def _fetch(self, md5: str) -> Path:
        key = object_key(md5)
        with worded("fetch into the cache", str(self._cache)), self._aside() as part:
            self.remote.receive(key, part)
            check_md5(md5_of(part), expected=md5, place=f"{self.remote.url}/{key}")
            self._settle(part, md5)
        return self._path(md5)

    def _fetch_again(self, md5: str) -> Path:
        try:
            return self._fetch(md5)
        except NotFound as error:
            # Left in the cache, DVC would take it for good: it trusts what is read-only.
            path = self._path(md5)
            path.unlink(missing_ok=True)
            raise IntegrityError(
                "the only copy of an object was damaged",
                found=f"md5 {md5} in the cache; the remote has none",
                detail=str(path),
            ) from error

    def _place(self, target: Path, md5: str) -> None:
        path = self._path(md5)
        if not path.exists():
            self._fetch(md5)
        with worded("place a file", str(target)), aside(target.parent) as part:
            found = copy_hashed(path, part)
            if found != md5:
                _LOG.warning("dropped a damaged object of the cache: %s", path)
                found = copy_hashed(self._fetch_again(md5), part)
            check_md5(found, expected=md5, place=str(path))
            part.replace(target)

    def _each(self, work: Callable[[_T], _R], items: list[_T]) -> list[_R]:
        return several(work, items, threads=self.remote.threads)


def _no_directory(md5: str, path: Path) -> IntegrityError:
    return IntegrityError("this is not a directory object of DVC", found=md5, detail=str(path))
