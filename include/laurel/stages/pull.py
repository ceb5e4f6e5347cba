"""Pull: read partitions of a dataset from its source, a table for each, whatever their size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from laurel.adapters.conform import Conformed, conform_batch
from laurel.adapters.quarantine import REFUSED, ROWS, keep_frame
from laurel.adapters.sources.contract import Batch, KeepsFiles, Source
from laurel.adapters.tables.spool import Landed, Spool
from laurel.domain.config import Dataset
from laurel.domain.partition import Partition
from laurel.errors import DataError, LaurelError
from laurel.usecase import UseCase

UNREAD = "unread"
"""The folder of a batch that could not be read as rows of the dataset."""


@dataclass(frozen=True)
class Refusal:
    """Why a partition cannot be taken, and its rows, untouched, as far as they could be read."""

    error: LaurelError
    files: Mapping[str, Path]
    rows: int


@dataclass(frozen=True)
class Pulled:
    """What came of partitions: a table each, or why there is none."""

    landed: Mapping[Partition, Landed] = field(default_factory=dict)
    refused: Mapping[Partition, Refusal] = field(default_factory=dict)

    def __or__(self, other: Pulled) -> Pulled:
        return Pulled({**self.landed, **other.landed}, {**self.refused, **other.refused})


def pull(
    source: Source, usecase: UseCase, dataset: str, *, days: Sequence[Partition], folder: Path
) -> Pulled:
    """Read partitions into tables below ``folder``; one without rows has an empty table.

    In memory is at any time a batch, and as many rows as the spool keeps. Where the source fails
    over a range it is asked for each partition by itself, and those that fail again are refused.
    Raises :class:`DataError` when the first and the last of them fail (then it is the source that
    is broken, not a partition), :class:`StoreFault` for what may pass.
    """
    pulled = Pulled()
    for span in spans(days):
        reading = _Reading(source, usecase, dataset, folder / span[0].key)
        try:
            pulled |= reading.span(span)
        except LaurelError as error:
            raise error.placed(usecase=usecase.name, dataset=dataset) from error
    return pulled


def spans(days: Sequence[Partition]) -> Iterator[list[Partition]]:
    """Runs of partitions that follow one another.

    >>> days = [Partition.of(f"2024-02-{day}") for day in ("28", "29", "27")]
    >>> [[day.key for day in span] for span in spans([*days, Partition.of("2024-03-02")])]
    [['2024-02-27', '2024-02-28', '2024-02-29'], ['2024-03-02']]
    """
    span: list[Partition] = []
    for day in sorted(days):
        if span and span[-1].shifted(1) != day:
            yield span
            span = []
        span.append(day)
    if span:
        yield span


@dataclass
class _Reading:
    source: Source
    usecase: UseCase
    dataset: str
    folder: Path
    unread: int = 0
    """Rows of the batch that was kept last."""

    def span(self, days: Sequence[Partition]) -> Pulled:
        if len(days) == 1:
            return self._one(days[0])
        try:
            return self._read(days, self.folder)
        except DataError:
            ends = {day: self._one(day) for day in (days[0], days[-1])}
            if all(end.refused for end in ends.values()):
                raise
            pulled = Pulled()
            for day in days:
                pulled |= ends[day] if day in ends else self._one(day)
            return pulled

    def _one(self, day: Partition) -> Pulled:
        folder = self.folder / f"{day.key}.alone"
        try:
            return self._read([day], folder)
        except DataError as error:
            told = error.placed(usecase=self.usecase.name, dataset=self.dataset, partition=day.key)
            told.__cause__ = error
            kept = {path.name: path for path in (folder / UNREAD).glob("*")}
            rows = self.unread if kept else 0
            return Pulled(refused={day: Refusal(told, kept | self._originals(day), rows=rows)})

    def _originals(self, day: Partition) -> dict[str, Path]:
        """The files that could not be read, byte for byte, of a source that has files."""
        if not isinstance(self.source, KeepsFiles):
            return {}
        folder = self.folder / f"{day.key}.files"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            found = self.source.files(day, folder)
        except DataError:
            return {}  # as where the day has none: the refusal says so
        return {f"source-{path.name}": path for path in found}

    def _read(self, days: Sequence[Partition], folder: Path) -> Pulled:
        spec = self.usecase.config.datasets[self.dataset]
        where = {"usecase": self.usecase.name, "dataset": self.dataset}
        spool = Spool(folder, spec, where=where)
        try:
            for batch in self.source.read(days):
                self._take(batch, spool, spec, days=days, folder=folder)
            return self._sorted_out(dict(spool.land(days)), spec)
        finally:
            spool.close()

    def _take(
        self, batch: Batch, spool: Spool, spec: Dataset, *, days: Sequence[Partition], folder: Path
    ) -> None:
        """Give each partition its rows; a batch that is not of the dataset is kept as it came.

        Rows of another day than the batch's are refused, also where that day is asked for too.
        """
        days = [batch.day] if batch.day else days
        try:
            found = conform_batch(
                batch.rows,
                spec,
                textual=batch.textual,
                usecase=self.usecase.name,
                name=self.dataset,
                partition=None,
            )
            times = found.table[spec.time]
            _expect_inside(times, spec.time, days)
        except DataError:
            keep_frame(batch.rows, folder / UNREAD)
            self.unread = len(batch.rows)
            raise
        for day, rows in _by_day(found.table, times):
            spool.add(day, rows)
        self._refuse(found, spool, days)

    def _refuse(self, found: Conformed, spool: Spool, days: Sequence[Partition]) -> None:
        """Rows that were refused may have no time to tell their partition: then it is the only one
        asked for, or each must be asked for by itself."""
        if not len(found.refused):
            return
        if len(days) > 1:
            raise DataError("rows are not as the contract says", found="\n".join(found.reasons[:3]))
        spool.refuse(days[0], found.refused, found.reasons)

    def _sorted_out(self, landed: dict[Partition, Landed], spec: Dataset) -> Pulled:
        refused = {
            day: _refusal(error, one)
            for day, one in landed.items()
            if (error := self._error(day, one, spec)) is not None
        }
        return Pulled({day: one for day, one in landed.items() if day not in refused}, refused)

    def _error(self, day: Partition, landed: Landed, spec: Dataset) -> DataError | None:
        """Why a partition cannot be taken, if it cannot."""
        if landed.error is not None or not landed.refused_rows:
            return landed.error
        share = landed.refused_rows / (landed.rows + landed.refused_rows)
        allowed = spec.split.max_share if spec.split else 0.0
        if share <= allowed:
            return None
        return DataError(
            f"{landed.refused_rows} row(s) are not as the contract says",
            usecase=self.usecase.name,
            dataset=self.dataset,
            partition=day.key,
            found="\n".join(landed.reasons),
            expected="each row as the columns are declared"
            + (f", or at most {allowed:.2%} of them split off" if spec.split else ""),
            hint="mend the source: types are enforced, never guessed",
        )


def _refusal(error: DataError, landed: Landed) -> Refusal:
    files = {ROWS: landed.path} | ({REFUSED: landed.refused} if landed.refused else {})
    return Refusal(error, files, rows=landed.rows + landed.refused_rows)


def _expect_inside(times: pd.Series, name: str, days: Sequence[Partition]) -> None:
    start, end = days[0].start, days[-1].end
    outside = int((~times.between(start, end, inclusive="left")).sum())
    if outside:
        raise DataError(
            "the source gave rows from outside the interval",
            found=f"{outside} of {len(times)} rows, {times.min()} to {times.max()}",
            expected=f"{name} in [{start}, {end})",
            hint="the source must return only the rows that it is asked for",
        )


def _by_day(table: pd.DataFrame, times: pd.Series) -> Iterator[tuple[Partition, pd.DataFrame]]:
    """The rows of each partition; most batches are of one."""
    if not len(table):
        return
    first, last = Partition.at(times.min()), Partition.at(times.max())
    if first == last:
        yield first, table
        return
    for day, rows in table.groupby(times.dt.floor("D"), sort=True):
        yield Partition.at(day), rows.reset_index(drop=True)
