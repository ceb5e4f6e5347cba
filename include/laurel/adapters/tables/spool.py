"""The spool: rows on their way in, a table for each partition; in memory while they are few."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from laurel.adapters.conform import check_keys, empty_table, in_order, repeated_error
from laurel.adapters.tables.sorting import iter_sorted, repeated_keys
from laurel.adapters.tables.writing import TableFacts, TableWriter, write_table
from laurel.domain.config import Dataset
from laurel.domain.partition import Partition
from laurel.errors import DataError

IN_MEMORY = 500_000
"""Rows of all partitions that may wait in memory; beyond it the longest is written to the disk."""
EXAMPLES = 3


@dataclass(frozen=True)
class Landed:
    """A partition that came in whole."""

    path: Path
    """Its table in canonical order; in the order of the source where ``error`` is set."""
    rows: int
    facts: TableFacts | None
    """``None`` where ``error`` is set."""
    refused: Path | None = None
    """Lines of JSON: the rows that are not as the contract says, as they came, with reasons."""
    refused_rows: int = 0
    reasons: tuple[str, ...] = ()
    """Of the first refused rows."""
    error: DataError | None = None
    """Why the rows cannot be a partition, as keys that repeat."""


class Spool:
    """Collects rows by partition; in a folder of its own, whatever their number."""

    def __init__(
        self, folder: Path, dataset: Dataset, *, where: dict[str, str], in_memory: int = IN_MEMORY
    ) -> None:
        self._folder = folder
        self._dataset = dataset
        self._order = list(dict.fromkeys((dataset.time, *dataset.key)))
        self._where = where
        self._limit = in_memory
        self._waiting: dict[Partition, list[pd.DataFrame]] = {}
        self._long: dict[Partition, TableWriter] = {}
        self._refused: dict[Partition, int] = {}
        self._reasons: dict[Partition, list[str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, partition: Partition, rows: pd.DataFrame) -> None:
        """Take rows in canonical types, in any order."""
        self._waiting.setdefault(partition, []).append(rows)
        while self._count() > self._limit:
            self._spill(max(self._waiting, key=lambda day: _rows(self._waiting[day])))

    def refuse(self, partition: Partition, rows: pd.DataFrame, reasons: Sequence[str]) -> None:
        """Keep rows that are not as the contract says, as they came, a reason for each."""
        names = [str(name) for name in rows.columns]
        with self._refused_file(partition).open("a", encoding="utf-8") as file:
            for reason, row in zip(reasons, rows.itertuples(index=False, name=None), strict=True):
                said = {"reason": reason, "row": dict(zip(names, row, strict=True))}
                file.write(json.dumps(said, default=repr) + "\n")
        self._refused[partition] = self._refused.get(partition, 0) + len(rows)
        told = self._reasons.setdefault(partition, [])
        told += list(dict.fromkeys(reasons))[: EXAMPLES - len(told)]

    def land(self, days: Sequence[Partition]) -> Iterator[tuple[Partition, Landed]]:
        """Write the table of each of these partitions, an empty one where no row came."""
        for day in days:
            yield day, self._land(day)

    def _land(self, day: Partition) -> Landed:
        path = self._folder / f"{day.key}.parquet"
        landed = self._long_one(day, path) if day in self._long else self._short_one(day, path)
        refused = self._refused.pop(day, 0)
        if not refused:
            return landed
        return replace(
            landed,
            refused=self._refused_file(day),
            refused_rows=refused,
            reasons=tuple(self._reasons.pop(day)),
        )

    def _short_one(self, day: Partition, path: Path) -> Landed:
        parts = self._waiting.pop(day, [])
        table = pd.concat(parts, ignore_index=True) if parts else empty_table(self._dataset)
        try:
            check_keys(table, self._dataset, where={**self._where, "partition": day.key})
        except DataError as error:
            write_table(table, path)
            return Landed(path, len(table), None, error=error)
        return Landed(path, len(table), write_table(in_order(table, self._dataset), path))

    def _long_one(self, day: Partition, path: Path) -> Landed:
        self._spill(day)
        unsorted = self._spilled(day)
        with self._long.pop(day) as writer:
            writer.finish()
        count, rows, examples = repeated_keys(unsorted, self._dataset.key, folder=self._folder)
        if count:
            where = {**self._where, "partition": day.key}
            error = repeated_error(
                count, rows=rows, examples=examples, dataset=self._dataset, where=where
            )
            return Landed(unsorted, writer.rows, None, error=error)
        with TableWriter(path) as sorted_writer:
            sorted_writer.write(empty_table(self._dataset))
            for part in iter_sorted(unsorted, self._order, folder=self._folder):
                sorted_writer.write(part)
            facts = sorted_writer.finish()
        unsorted.unlink()
        return Landed(path, facts.rows, facts)

    def _spill(self, day: Partition) -> None:
        """Write what waits of a partition behind what was written of it before."""
        if day not in self._long:
            self._long[day] = TableWriter(self._spilled(day)).__enter__()
        for part in self._waiting.pop(day, []):
            self._long[day].write(part)

    def close(self) -> None:
        """Remove what is half written."""
        for writer in self._long.values():
            writer.__exit__(None, None, None)

    def _count(self) -> int:
        return sum(_rows(parts) for parts in self._waiting.values())

    def _spilled(self, day: Partition) -> Path:
        return self._folder / f"{day.key}.unsorted.parquet"

    def _refused_file(self, day: Partition) -> Path:
        return self._folder / f"{day.key}.refused.jsonl"


def _rows(parts: Sequence[pd.DataFrame]) -> int:
    return sum(len(part) for part in parts)
