"""Check: a suite, and the past, over the files of partitions that come in, each by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Protocol

import pandas as pd

from laurel.adapters.gx import Suite, Validation, ready_suite
from laurel.adapters.gx_whole import WholeTable
from laurel.adapters.lookup import look_up
from laurel.adapters.tables import TableWriter, iter_table, read_table
from laurel.domain.check.distribution import check_distribution
from laurel.domain.check.finding import Finding
from laurel.domain.check.freshness import check_freshness
from laurel.domain.check.past import Past, days_needed, trailing
from laurel.domain.check.profile import Profile, Profiler
from laurel.domain.check.reference import check_reference
from laurel.domain.check.schema import check_schema
from laurel.domain.check.volume import check_volume
from laurel.domain.config import Dataset
from laurel.domain.config.check import Check, Distribution, Freshness, Reference, Schema, Volume
from laurel.domain.partition import Partition

PART = 131_072
"""Rows in memory at a time."""


class History(Protocol):
    """What was known before a partition, and beside it."""

    @property
    def first(self) -> date:
        """The first partition of the dataset."""

    def past(self, partition: Partition, days: Sequence[date]) -> Past:
        """Profiles of earlier days, those that are there, as known when the partition ended."""

    def champion(self, partition: Partition) -> Profile | None:
        """What the champion of that day learned from, of this dataset, as one profile."""

    def others(
        self, dataset: str, partition: Partition, *, before: int, after: int
    ) -> Sequence[Path]:
        """Files of another dataset's partitions around a day, those that are known."""


@dataclass(frozen=True)
class SplitOff:
    """Rows that were taken out of a partition, so that the rest may be published."""

    file: Path
    """The rows as a table, in their order."""
    rows: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Examined:
    """What was found in a partition, and what of it may be published."""

    validation: Validation
    """What the suite and the checks found in ``file``; nothing may be published if it failed."""
    file: Path
    """What may be published: the file that came in, or the rest of it after a split."""
    split: SplitOff | None = None
    """The rows that were split off; for quarantine."""
    profile: Profile | None = None
    """The profile of ``file``, plain JSON values; to be kept by the content hash."""


def check_files(
    files: Mapping[Partition, Path],
    suite: Path,
    *,
    dataset: Dataset,
    history: History | None = None,
    refused: Mapping[Partition, int] | None = None,
) -> dict[Partition, Examined]:
    """Run a suite and the dataset's checks over each file; what failed is for the caller to refuse.

    Memory is flat, whatever the size of a file. Where the dataset says ``split``, rows that break
    critical expectations are taken out, and the rest is judged again. Partitions that were let
    through are the past of those after them. Without a history, checks against it are left out.

    files: Parquet files that conform to the dataset, each alone in its folder or in one where
    temporary files may lie. refused: rows that were refused before, by partition; they count as
    bad ones. Raises :class:`ConfigError` for a suite that is not one.
    """
    ready, found = ready_suite(suite, hidden=dataset.hidden), {}
    made: dict[date, Profile] = {}
    for partition, path in sorted(files.items()):
        before = (refused or {}).get(partition, 0)
        one = _examine(path, ready, dataset, refused=before)
        if history is not None and not one.validation.failed:
            findings = _findings(one, dataset, history, partition=partition, made=made)
            one = replace(one, validation=one.validation.with_findings(findings))
        if one.profile is not None and not one.validation.failed:
            made[partition.day] = one.profile
        found[partition] = one
    return {partition: found[partition] for partition in files}


def _examine(path: Path, suite: Suite, dataset: Dataset, *, refused: int) -> Examined:
    """Judge a file; where it fails for some of its rows, judge the rest of them."""
    one = _judge(path, suite, dataset)
    if dataset.split is None or not one.validation.failed:
        return one
    rows = one.validation.document["rows"]
    bad, reasons = _bad_rows(path, suite, one.validation)
    room = int(dataset.split.max_share * (rows + refused)) - refused
    if not bad or len(bad) > room:
        return one
    rest, off = _part_rows(path, bad)
    again = _judge(rest, suite, dataset)
    if again.validation.failed:
        return one
    return replace(again, split=SplitOff(off, len(bad), reasons))


def _judge(path: Path, suite: Suite, dataset: Dataset) -> Examined:
    profiler = Profiler(dataset)
    with WholeTable(path) as whole:
        validation = suite.judge(_profiled(_parts(path), profiler), whole)
    return Examined(validation, path, profile=profiler.profile())


def _parts(path: Path) -> Iterator[pd.DataFrame]:
    """The rows of a file, at least one part of them, if only empty."""
    empty = True
    for part in iter_table(path, rows=PART):
        empty = False
        yield part
    if empty:
        yield read_table(path)


def _profiled(parts: Iterable[pd.DataFrame], profiler: Profiler) -> Iterator[pd.DataFrame]:
    for part in parts:
        profiler.add(part)
        yield part


def _bad_rows(path: Path, suite: Suite, validation: Validation) -> tuple[set[int], tuple[str, ...]]:
    """Rows that break critical expectations, and what was found of each of these."""
    with WholeTable(path) as whole:
        rows = suite.positions(_parts(path), whole, of=validation)
    lines = (f.line(f"{f.observed}; expected {f.expected}") for f in validation.critical)
    return rows, tuple(lines)


def _part_rows(path: Path, bad: set[int]) -> tuple[Path, Path]:
    """Write the good rows of a file to one table, the bad ones to another."""
    rest, off = path.with_name(f"rest-{path.name}"), path.with_name(f"off-{path.name}")
    first = 0
    with TableWriter(rest) as good, TableWriter(off) as other:
        for part in _parts(path):
            numbers = pd.RangeIndex(first, first + len(part))
            is_bad = numbers.isin(list(bad))
            good.write(part[~is_bad])
            other.write(part[is_bad])
            first += len(part)
        good.finish()
        other.finish()
    return rest, off


def _findings(
    one: Examined,
    dataset: Dataset,
    history: History,
    *,
    partition: Partition,
    made: Mapping[date, Profile],
) -> list[Finding]:
    if not dataset.checks or one.profile is None:
        return []
    earlier = {day: made[day] for day in made if day < partition.day}
    days = days_needed(dataset.checks, partition.day)
    past = {**history.past(partition, days), **earlier}
    known = _Known(one.file, one.profile, partition, past, history)
    return [finding for check in dataset.checks for finding in known.judge(check)]


@dataclass(frozen=True)
class _Known:
    """A partition, and all that it is compared with."""

    file: Path
    profile: Profile
    partition: Partition
    past: Past
    history: History

    def judge(self, check: Check) -> list[Finding]:
        day = self.partition.day
        match check:
            case Volume():
                return [check_volume(check, self.profile, day=day, past=self.past)]
            case Freshness():
                first = self.history.first
                return check_freshness(check, self.profile, day=day, past=self.past, first=first)
            case Distribution():
                return check_distribution(
                    check,
                    self.profile,
                    past=trailing(self.past, day, check.days),
                    champion=self._champion() if check.against == "champion" else None,
                )
            case Reference():
                return [self._reference(check)]
            case Schema():
                return check_schema(check, self.profile, champion=self._champion())

    def _champion(self) -> Profile | None:
        return self.history.champion(self.partition)

    def _reference(self, check: Reference) -> Finding:
        others = self.history.others(
            check.dataset, self.partition, before=check.before, after=check.after
        )
        return check_reference(check, look_up(self.file, check.columns, others=others, to=check.to))
