"""Files in a folder of this machine or of a mounted disk."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from laurel.adapters.sources.filebased import Found
from laurel.domain.config.source import FilesSource
from laurel.domain.partition import Partition
from laurel.domain.pattern import DayPattern
from laurel.errors import StoreFault

FRESH_SECONDS = 2.0
"""Within this time after a change another one may leave size and time as they are."""


class FolderPlace:
    """Finds files by pattern; a relative one is in the use case's folder."""

    threads = 1

    def __init__(self, source: FilesSource, folder: Path) -> None:
        self._pattern, self._root = DayPattern(source.path), folder

    @property
    def name(self) -> str:
        return self._pattern.text

    def session(self) -> AbstractContextManager[None]:
        return nullcontext()

    def find(self, day: Partition) -> Sequence[Found]:
        top = self._root / self._pattern.top
        if not top.is_dir():
            raise StoreFault(
                "the folder of the source is not there",
                found=str(top),
                hint="is the disk mounted, and path right?",
            )
        # not of Path, whose pattern would also match names that begin with a dot
        names = sorted(glob.glob(self._pattern.of(day.day), root_dir=self._root))  # noqa: PTH207
        states = ((name, _state(self._root / name)) for name in names)
        return [
            Found(name, _version(state), settled=time.time() - state.st_mtime > FRESH_SECONDS)
            for name, state in states
            if state is not None
        ]

    def fetch(self, found: Found, day: Partition, target: Path) -> Path:  # noqa: ARG002
        return self._root / found.name

    def check(self, found: Found) -> None:
        state = _state(self._root / found.name)
        if state is None or _version(state) != found.version:
            raise StoreFault(
                "a file of the source changed while it was read",
                found=found.name,
                hint="ingest again when it is written; write aside and rename instead",
            )


def _state(path: Path) -> os.stat_result | None:
    return path.stat() if path.is_file() else None


def _version(state: os.stat_result) -> str:
    # the time of the inode's change too: a copy may keep the other one
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"
