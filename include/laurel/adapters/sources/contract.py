"""What every source promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from laurel.domain.partition import Partition

if TYPE_CHECKING:
    import pandas as pd

BATCH_ROWS = 131_072
"""Rows in a batch at most; also the rows of a row group of what is written."""


@dataclass(frozen=True)
class SourceState:
    """The state of a source as far as one partition is concerned, found without reading rows."""

    fingerprint: str
    """Etag, size and mtime, checksum, query digest: other rows have another one."""
    settled: bool = True
    """Whether an equal fingerprint proves equal rows, so that they need not be pulled again."""
    corrected_at: datetime | None = None
    """When the source itself corrected these rows, where it says so."""


@dataclass(frozen=True)
class Batch:
    """Some of the rows asked for, in the source's order."""

    rows: pd.DataFrame
    textual: bool = False
    """Whether all values are text still (as of CSV), to be read by the contract of the columns."""
    day: Partition | None = None
    """The partition whose rows these are, where the source knows it: other rows are refused."""


class Source(Protocol):
    """A dataset at its source. Nothing reads it whole into memory.

    Methods raise :class:`laurel.errors.DataError` for what is not as it must be,
    :class:`laurel.errors.StoreFault` for what may pass (network, time-out).
    """

    @property
    def place(self) -> str:
        """Where it is, for errors; without secrets."""
        ...

    def states(self, days: Sequence[Partition]) -> dict[Partition, SourceState]:
        """The state of each of these partitions."""
        ...

    def read(self, days: Sequence[Partition]) -> Iterator[Batch]:
        """The rows of these consecutive partitions, in batches of :data:`BATCH_ROWS` at most."""
        ...


@runtime_checkable
class KeepsFiles(Protocol):
    """A source of files, which can be kept as they are."""

    def files(self, day: Partition, folder: Path) -> list[Path]:
        """Put the files of a partition into ``folder``, byte for byte, those that are there.

        Raises as :class:`Source`.
        """
        ...
