"""What all sources of files share: found by day, fetched a few ahead, read in parts."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TypeVar

import pandas as pd

from laurel.adapters.sources.compressed import compression_of, decompressed, whole_file
from laurel.adapters.sources.contract import Batch, SourceState
from laurel.adapters.sources.csvfile import read_csv
from laurel.adapters.sources.parquetfile import read_parquet
from laurel.domain.canonical import digest
from laurel.domain.config.source import Tabular
from laurel.domain.partition import Partition
from laurel.errors import DataError, LaurelError, StoreFault

AHEAD = 3
"""Files that are fetched while one is read."""
READING = ("format", "compression", "csv", "rename")
"""Options that make other rows of the same bytes."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Found:
    """A file of a day, as its place tells it without giving its bytes."""

    name: str
    """Its path or address there, for errors; without secrets."""
    version: str
    """Etag, md5, or size and times: another one for other bytes."""
    settled: bool = True
    """Whether an equal version proves equal bytes."""


class Place(Protocol):
    """Where files are, found by day."""

    @property
    def name(self) -> str:
        """For errors; without secrets."""
        ...

    @property
    def threads(self) -> int:
        """How many days may be asked for at a time."""
        ...

    def session(self) -> AbstractContextManager[None]:
        """What finding and fetching have in common, as a clone: it ends with the block."""
        ...

    def find(self, day: Partition) -> Sequence[Found]:
        """The files of a day, sorted by name; raises as :class:`Source`."""
        ...

    def fetch(self, found: Found, day: Partition, target: Path) -> Path:
        """The file, whole: written to ``target``, or where it is on this machine already.

        Raises as :class:`Source`, also where it is no longer what was found.
        """
        ...

    def check(self, found: Found) -> None:
        """Raise :class:`StoreFault` where a file of this machine changed while it was read."""
        ...


class FileReader:
    """A dataset in files, of which each day has its own; a :class:`Source` that keeps files."""

    def __init__(
        self, place: Place, source: Tabular, *, usecase: str, dataset: str, spool: Path
    ) -> None:
        self._place, self._source = place, source
        self._where = {"usecase": usecase, "dataset": dataset}
        self._spool = spool

    @property
    def place(self) -> str:
        return self._place.name

    def states(self, days: Sequence[Partition]) -> dict[Partition, SourceState]:
        """The state of each of these partitions; one that cannot be read, or has no file, is never
        settled."""
        reading = self._source.model_dump(mode="json", include=set(READING))
        states = {}
        with self._place.session():
            for day, found in self._find(days):
                known = [] if isinstance(found, DataError) else found
                versions = [[file.name, file.version] for file in known]
                settled = bool(known) and all(file.settled for file in known)
                states[day] = SourceState(digest([reading, versions]), settled)
        return states

    def read(self, days: Sequence[Partition]) -> Iterator[Batch]:
        """The rows of these partitions, day by day and file by file in the order of their names.

        Raises :class:`DataError` for a day without a file where that is not allowed.
        """
        with self._place.session(), self._folder() as folder:
            files = self._expected(days)
            jobs = [(day, file, folder / str(number)) for number, (day, file) in enumerate(files)]
            for (day, file, target), path in _ahead(jobs, self._fetch):
                yield from self._batches(day, file, path, folder)
                target.unlink(missing_ok=True)

    def _expected(self, days: Sequence[Partition]) -> list[tuple[Partition, Found]]:
        """The files of all days; raises :class:`DataError` where one has none but should."""
        files = []
        for day, found in self._find(days):
            if isinstance(found, DataError):
                raise found
            if not found and self._source.missing == "refuse":
                raise self._missing(day)
            files += [(day, file) for file in found]
        return files

    def files(self, day: Partition, folder: Path) -> list[Path]:
        """Put the files of a partition into ``folder``, byte for byte; none where none is there."""
        with self._place.session(), self._placed(day):
            found = self._place.find(day)
            names = [PurePosixPath(file.name).name for file in found]
            kept = []
            for number, (file, name) in enumerate(zip(found, names, strict=True)):
                target = folder / (name if names.count(name) == 1 else f"{number:03}-{name}")
                kept.append(self._kept(file, day, target))
            return kept

    def _kept(self, file: Found, day: Partition, target: Path) -> Path:
        try:
            path = self._place.fetch(file, day, target)
        except DataError:
            # not what its checksum says: what came is kept
            if not target.is_file():
                raise
            return target
        if path != target:
            shutil.copy2(path, target)
            self._place.check(file)
        return target

    def _find(
        self, days: Sequence[Partition]
    ) -> Iterator[tuple[Partition, Sequence[Found] | DataError]]:
        """The files of each day, or why they cannot be told."""

        def find(day: Partition) -> Sequence[Found] | DataError:
            with self._placed(day):
                try:
                    return self._place.find(day)
                except DataError as error:
                    said = error.placed(**self._where, partition=day.key)
                    return said if isinstance(said, DataError) else error

        # the first one by itself: what all share is made before there are threads
        yield from ((day, find(day)) for day in days[:1])
        with ThreadPoolExecutor(self._place.threads) as threads:
            yield from zip(days[1:], threads.map(find, days[1:]), strict=True)

    def _fetch(self, job: tuple[Partition, Found, Path]) -> Path:
        day, file, target = job
        with self._placed(day):
            return self._place.fetch(file, day, target)

    def _batches(self, day: Partition, file: Found, path: Path, folder: Path) -> Iterator[Batch]:
        with self._placed(day):
            textual = self._source.format_of(file.name) == "csv"
            for rows in self._frames(path, file, folder):
                yield Batch(self._renamed(rows, file), textual=textual, day=day)
            self._place.check(file)

    def _frames(self, path: Path, file: Found, folder: Path) -> Iterator[pd.DataFrame]:
        compression = self._source.compression or compression_of(file.name)
        if self._source.format_of(file.name) == "csv":
            yield from read_csv(
                path, name=file.name, options=self._source.csv, compression=compression
            )
            return
        if compression == "none":
            yield from read_parquet(path, name=file.name)
            return
        plain = folder / "plain.parquet"
        with (
            whole_file(file.name),
            decompressed(path, compression) as packed,
            plain.open("wb") as target,
        ):
            shutil.copyfileobj(packed, target)
        yield from read_parquet(plain, name=file.name)

    def _renamed(self, rows: pd.DataFrame, file: Found) -> pd.DataFrame:
        if not self._source.rename:
            return rows
        renamed = rows.rename(columns=self._source.rename)
        if not renamed.columns.is_unique:
            twice = sorted(set(renamed.columns[renamed.columns.duplicated()]))
            raise DataError(
                "two columns have the same name once they are renamed",
                found=", ".join(twice),
                hint="look at rename",
                detail=file.name,
            )
        return renamed

    def _missing(self, day: Partition) -> DataError:
        return DataError(
            "the source has no file of a day",
            **self._where,
            partition=day.key,
            found="nothing",
            expected=self.place,
            hint="has it come yet? missing: empty where such a day has no rows",
        )

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """A folder for what is fetched, locked while this process lives, as those of runs are:
        garbage collection finds what a killed one left."""
        self._spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._spool, prefix="source-") as folder:
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield Path(folder)
            finally:
                os.close(handle)

    @contextmanager
    def _placed(self, day: Partition) -> Iterator[None]:
        try:
            yield
        except LaurelError as error:
            raise error.placed(**self._where, partition=day.key) from error
        except OSError as error:
            raise StoreFault(
                "a file of the source could not be brought here",
                **self._where,
                partition=day.key,
                found=f"{type(error).__name__}: {error.strerror}",
                hint="is the disk full? free some room, trying again is safe",
            ) from error


def _ahead(jobs: Sequence[_T], fetch: Callable[[_T], Path]) -> Iterator[tuple[_T, Path]]:
    """Each job with its file, in order; a few more are on their way."""
    waiting: deque[tuple[_T, Future[Any]]] = deque()
    todo = iter(jobs)
    with ThreadPoolExecutor(AHEAD) as threads:
        try:
            while True:
                while len(waiting) <= AHEAD and (job := next(todo, None)) is not None:
                    waiting.append((job, threads.submit(fetch, job)))
                if not waiting:
                    return
                job, fetched = waiting.popleft()
                yield job, fetched.result()
        finally:
            for _, fetched in waiting:
                fetched.cancel()
