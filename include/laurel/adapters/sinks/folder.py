"""A local folder: one Parquet file for each partition, in hive layout, replaced by renaming."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from laurel.adapters.sinks.contract import Delivery, Held
from laurel.adapters.tables.noted import table_note
from laurel.domain.config.names import PARTITION
from laurel.errors import DataError, StoreFault

FILE = "predictions.parquet"
ASIDE = ".aside"
"""Files being written: no reader of Parquet looks there."""


class FolderPlace:
    """``<folder>/partition=<key>/predictions.parquet``; the file itself says which revision it is.

    A reader that has opened a file reads it to its end; who opens it afterwards gets the new one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def place(self) -> str:
        return str(self._folder)

    def deliver(self, partition: str, newest: Callable[[], Delivery]) -> Delivery:
        target = self._folder / f"{PARTITION}={partition}" / FILE
        with self._alone():
            given = newest()
            if _held(target) == Held(str(given.revision), given.content_hash):
                return given
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._aside() as aside, given.file.open("rb") as source:
                with aside.open("xb") as copy:
                    shutil.copyfileobj(source, copy)
                self._replace(aside, target)
        return given

    def held(self, only: Sequence[str] | None = None) -> dict[str, Held]:
        """What is there of each partition, or of those named; a damaged file is left out."""
        every = self._folder.glob(f"{PARTITION}=*") if only is None else ()
        keys = only or [folder.name.partition("=")[2] for folder in every]
        files = {key: self._folder / f"{PARTITION}={key}" / FILE for key in sorted(keys)}
        found = {key: _held(file) for key, file in files.items()}
        return {key: there for key, there in found.items() if there is not None}

    def note(self, name: str, text: Callable[[], bytes]) -> None:
        """Replace a file beside the partitions by what is known when nobody else replaces it."""
        with self._alone(), self._aside() as aside:
            aside.write_bytes(text())
            self._replace(aside, self._folder / name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process delivers; a process that is killed lets go."""
        try:
            (self._folder / ASIDE).mkdir(parents=True, exist_ok=True)
            handle = os.open(self._folder / ASIDE, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)
        except OSError as error:
            raise StoreFault(
                "the place of predictions could not be written",
                found=error.strerror or str(error),
                detail=str(self._folder),
                hint="look at the disk's space, rights and mount; trying again is safe",
            ) from error

    @contextmanager
    def _aside(self) -> Iterator[Path]:
        """A path to write to; what killed processes left beside it is removed."""
        for left in (self._folder / ASIDE).iterdir():
            left.unlink()
        path = self._folder / ASIDE / uuid.uuid4().hex
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _replace(self, aside: Path, target: Path) -> None:
        _sync(aside)
        aside.replace(target)
        _sync(target.parent)


def _held(file: Path) -> Held | None:
    try:
        said = table_note(file)
    except DataError:
        return None
    return Held(said.get("revision", ""), said.get("content_hash", "")) if said else None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
