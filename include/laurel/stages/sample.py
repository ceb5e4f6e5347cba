"""Sample: some rows as a source or a file gives them, before any contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from laurel.adapters.sources.compressed import compression_of
from laurel.adapters.sources.contract import Source
from laurel.adapters.sources.csvfile import read_csv
from laurel.adapters.sources.parquetfile import read_parquet
from laurel.domain.config.source import Csv
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, DataError, NotFound


@dataclass(frozen=True)
class Sample:
    """Rows to infer a contract from, or to compare with one."""

    frame: pd.DataFrame
    textual: bool
    """Whether all values are text still."""
    cut: bool
    """Whether there were more rows than were asked for."""
    partitions: Mapping[str, int] = field(default_factory=dict)
    """Rows of the partitions that were read whole."""


def sample_source(source: Source, days: Sequence[Partition], *, rows: int) -> Sample:
    """At most ``rows`` rows of these partitions, as many of each as of any other.

    The first rows of each partition are taken, so that equal sources give equal samples. Raises
    :class:`DataError` where there are none.
    """
    share = max(1, rows // len(days))
    parts: list[pd.DataFrame] = []
    whole: dict[str, int] = {}
    textual = False
    for day in days:
        taken = 0
        for batch in source.read([day]):
            textual = textual or batch.textual
            parts.append(batch.rows.iloc[: share - taken])
            taken += len(batch.rows)
            if taken > share:
                break
        if taken <= share:
            whole[day.key] = taken
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if not len(frame):
        raise DataError("there is no row to look at", found=f"{len(days)} empty partition(s)")
    return Sample(frame, textual, cut=len(whole) < len(days), partitions=whole)


def sample_file(file: Path, *, rows: int) -> Sample:
    """The first ``rows`` rows of a CSV file (comma, or tab in ``.tsv``; empty is null) or Parquet.

    Raises :class:`NotFound`, :class:`ConfigError` for another kind of file, :class:`DataError` for
    one that is cut off or damaged.
    """
    if not file.is_file():
        raise NotFound("there is no such file", found=str(file))
    parts: list[pd.DataFrame] = []
    for part in _parts(file):
        parts.append(part)
        if sum(map(len, parts)) > rows:
            break
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if not len(frame):
        raise DataError("there is no row to look at", detail=str(file))
    textual = _kind(file) != ".parquet"
    return Sample(frame.iloc[:rows], textual, cut=len(frame) > rows)


def _parts(file: Path) -> Iterator[pd.DataFrame]:
    kind, name = _kind(file), str(file)
    if kind == ".parquet":
        return read_parquet(file, name=name)
    if kind not in (".csv", ".tsv"):
        expected = "*.parquet, or *.csv or *.tsv, which may be compressed, as in *.csv.gz"
        raise ConfigError("this is no file of rows", found=file.name, expected=expected)
    csv = Csv(delimiter="\t" if kind == ".tsv" else ",")
    return read_csv(file, name=name, options=csv, compression=compression_of(file.name.lower()))


def _kind(file: Path) -> str:
    """The ending that says what is in the file, whatever it is compressed with."""
    name = Path(file.name.lower())
    return (name if compression_of(name.name) == "none" else name.with_suffix("")).suffix
