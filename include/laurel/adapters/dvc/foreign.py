"""Another DVC repository, read at one revision: what is in it, and its files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException, FileMissingError, NotDvcRepoError
from dvc.repo.open_repo import clean_repos
from dvc.scm import CloneError, RevError, SCMError
from dvc_data.index import DataIndexDirError
from scmrepo.exceptions import SCMError as GitError

from laurel.adapters.dvc.bytefiles import hasher, md5_of
from laurel.adapters.dvc.faults import worded
from laurel.errors import ConfigError, StoreFault

CHUNK = 2**20


@dataclass(frozen=True)
class Entry:
    """A file or folder of a repository."""

    path: str
    is_file: bool
    hash: str | None
    """Its md5 as DVC tracks it; ``None`` for a folder, and for a file that only git has."""
    exact: bool = True
    """Whether the hash is of the bytes as they are: old versions of DVC changed ends of lines."""


class ForeignRepo:
    """A repository at a revision that is looked up once: a branch that moves on does not matter.

    Its data come from its own remote. Raises :class:`ConfigError` for a repository or revision
    that is not there, :class:`StoreFault` where git or the remote do not answer.
    """

    def __init__(self, url: str, *, rev: str, remote: str | None, scratch: Path) -> None:
        self._url, self._rev, self._remote, self._scratch = url, rev, remote, scratch
        # files are fetched ahead by threads, which DVC's index is not made for
        self._lock = RLock()
        _Clones.opened += 1

    def close(self) -> None:
        """Remove what was cloned, unless another one is open in this process."""
        _Clones.opened -= 1
        if not _Clones.opened:
            clean_repos()

    @cached_property
    def commit(self) -> str:
        """The commit that the revision is."""
        with self._faults():
            return str(self._files.repo.get_rev())

    def entry(self, path: str) -> Entry | None:
        """What is at a path, if anything."""
        with self._faults():
            try:
                return _entry(path, self._files.info(f"/{path}"))
            except FileNotFoundError:
                return None

    def folder(self, path: str) -> list[Entry]:
        """What is in a folder; nothing where there is none."""
        with self._faults():
            try:
                found = self._files.ls(f"/{path}", detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
        return [_entry(str(info["name"]).lstrip("/"), info) for info in found]

    def content(self, path: str) -> str:
        """The md5 of a file that only git has."""
        found = hasher()
        with self._faults(), self._files.open(f"/{path}", "rb") as file:
            while chunk := file.read(CHUNK):
                found.update(chunk)
        return found.hexdigest()

    def fetch(self, path: str, target: Path) -> str:
        """Write a file to ``target``; its md5."""
        with self._faults():
            self._files.get_file(f"/{path}", str(target))
        return md5_of(target)

    @cached_property
    def _files(self) -> Any:
        config = {"core": {"site_cache_dir": str(self._scratch), "analytics": False}}
        with self._faults():
            files = DVCFileSystem(self._url, rev=self._rev, remote=self._remote, config=config)
            _ = files.repo
        return files

    @contextmanager
    def _faults(self) -> Iterator[None]:
        what = f"{self._url} at {self._rev}"
        try:
            with self._lock, worded("read another repository", what):
                yield
        except RevError as error:
            raise ConfigError(
                "the repository has no such revision", found=self._rev, detail=self._url
            ) from error
        except NotDvcRepoError as error:
            raise ConfigError("this is no DVC repository", found=what) from error
        except CloneError as error:
            raise StoreFault(
                "the repository could not be cloned",
                found=_said(error),
                detail=self._url,
                hint="is its address right, and may this process read it?",
            ) from error
        except SCMError as error:
            if "not a git repository" in str(error):
                raise ConfigError("this is no git repository", found=what) from error
            raise _unread(error, what) from error
        except FileMissingError as error:
            raise StoreFault(
                "the repository's remote lacks a file that its commit names",
                found=_said(error),
                detail=what,
                hint="has its owner pushed it (dvc push)?",
            ) from error
        except (DataIndexDirError, DvcException, GitError) as error:
            raise _unread(error, what) from error


class _Clones:
    """DVC keeps the clones of a process until its command ends; ours end with who reads them."""

    opened = 0


def _entry(path: str, info: dict[str, Any]) -> Entry:
    tracked = info.get("dvc_info") or {}
    plain, old = tracked.get("md5"), tracked.get("md5-dos2unix")
    is_file = info["type"] == "file"
    return Entry(path, is_file, (plain or old) if is_file else None, exact=old is None)


def _unread(error: Exception, what: str) -> StoreFault:
    return StoreFault(
        "another repository could not be read",
        found=_said(error),
        detail=what,
        hint="look at the repository and its remote; trying again is safe",
    )


def _said(error: Exception) -> str:
    causes = [error, *([error.__cause__] if error.__cause__ else [])]
    return "\n".join(f"{type(each).__name__}: {each!s}".splitlines()[0] for each in causes)
