"""Files of another team's DVC repository, at a revision."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from laurel.adapters.dvc.foreign import Entry, ForeignRepo
from laurel.adapters.sources.filebased import Found
from laurel.domain.config.source import DvcSource
from laurel.domain.partition import Partition
from laurel.domain.pattern import DayPattern
from laurel.errors import StoreFault

OLD = "md5-dos2unix"


class RepoPlace:
    """Finds files in the tree of a commit; the md5 that the commit names is their version."""

    threads = 1

    def __init__(self, source: DvcSource, folder: Path, *, scratch: Path) -> None:
        self._source, self._pattern = source, DayPattern(source.path)
        own = folder / source.repo
        self._url = str(own) if "://" not in source.repo and own.is_dir() else source.repo
        self._scratch = scratch
        self._repos: list[ForeignRepo] = []
        self._commit: str | None = None

    @property
    def name(self) -> str:
        return f"{self._source.path} of {self._source.repo} at {self._source.rev}"

    @contextmanager
    def session(self) -> Iterator[None]:
        source = self._source
        rev = self._commit or source.rev
        repo = ForeignRepo(self._url, rev=rev, remote=source.remote, scratch=self._scratch)
        self._repos.append(repo)
        try:
            yield
        finally:
            self._repos.remove(repo)
            repo.close()

    @property
    def repo(self) -> ForeignRepo:
        """The repository, at the commit that the revision was when it was first asked."""
        repo = self._repos[-1]
        self._commit = self._commit or repo.commit
        return repo

    def find(self, day: Partition) -> Sequence[Found]:
        paths = [""]
        for part in self._pattern.of(day.day).split("/"):
            paths = [below for path in paths for below in self._below(path, part)]
        entries = [self.repo.entry(path) for path in sorted(paths)]
        return [self._found(entry) for entry in entries if entry is not None and entry.is_file]

    def _below(self, path: str, part: str) -> list[str]:
        if "*" not in part and "?" not in part:
            return [f"{path}/{part}".lstrip("/")]
        names = [entry.path.rpartition("/")[2] for entry in self.repo.folder(path)]
        return [
            f"{path}/{name}".lstrip("/")
            for name in names
            if fnmatch.fnmatchcase(name, part) and not name.startswith(".")
        ]

    def _found(self, entry: Entry) -> Found:
        kind = "md5" if entry.exact else OLD
        return Found(entry.path, f"{kind} {entry.hash or self.repo.content(entry.path)}")

    def fetch(self, found: Found, day: Partition, target: Path) -> Path:  # noqa: ARG002
        md5 = self.repo.fetch(found.name, target)
        kind, _, expected = found.version.partition(" ")
        if kind != OLD and md5 != expected:
            raise StoreFault(
                "a file of the repository came with another md5 than its commit names",
                found=md5,
                expected=expected,
                hint="is an object of its remote damaged?",
                detail=f"{found.name} of {self._source.repo} at {self.repo.commit}",
            )
        return target

    def check(self, found: Found) -> None:
        """What was fetched does not change."""
