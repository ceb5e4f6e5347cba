"""Superseded revisions in a snapshot: tables of the past in which each day finds what it met.

The tables of a snapshot have the newest revision known at as_of. Where features of some day look
back on one that was superseded later, a file of the same name below ``superseded/`` has every
revision of its partitions, with ``known_from`` and ``known_until``, and is read in its place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from laurel.adapters.tables import (
    ARRIVAL,
    TableWriter,
    match_labels,
    part_files,
    read_counted,
    read_table,
)
from laurel.domain.canonical import parse_instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.history import (
    INSTANT,
    KNOWN_AT,
    KNOWN_FROM,
    KNOWN_UNTIL,
    PARTITION,
    join_labels,
    stamp,
)


@dataclass(frozen=True)
class Input:
    """A partition's file, its bytes checked, and from when until when it was the newest known."""

    file: Path
    partition: str
    known_at: str
    rows: int
    known_until: str | None = None
    """``None`` where nothing superseded it by as_of."""


@dataclass(frozen=True)
class Inputs:
    """The files of a dataset."""

    newest: Mapping[str, Input]
    """By partition, in order."""
    superseded: tuple[Input, ...] = ()
    """In the order of partitions and revisions."""

    def named(self) -> dict[str, Input]:
        """Every file by its name without the ending: sorted, each partition's stand together."""
        return {one.file.stem: one for one in (*self.newest.values(), *self.superseded)}


def stamped_rows(inputs: Sequence[Input]) -> pd.DataFrame:
    """The rows of partitions that follow each other, with their ``partition``."""
    rows, counts = read_counted([one.file for one in inputs])
    names = np.repeat(np.array([one.partition for one in inputs], dtype=object), counts)
    return rows.assign(**{PARTITION: pd.Series(names, index=rows.index, dtype="str")})


def write_superseded(inputs: Inputs, table: Path, beside: Path) -> None:
    """Write the files of a context again that hold partitions of which older revisions were met.

    table: the folder of the context, as it is written. beside: the folder for such files.
    """
    files = part_files(table)
    firsts = [file.stem for file in files]
    place = {name: bisect_right(firsts, name) - 1 for name in inputs.newest}
    for number in sorted({place[one.partition] for one in inputs.superseded}):
        mine = sorted(
            (one for one in inputs.named().values() if place[one.partition] == number),
            key=lambda one: one.file.stem,
        )
        with TableWriter(beside / files[number].name, durable=False) as writer:
            for one in mine:
                rows = stamp(read_table(one.file), partition=one.partition, known_at=one.known_at)
                writer.write(rows.assign(**{KNOWN_UNTIL: _constant(rows, one.known_until)}))
            writer.finish()


@dataclass(frozen=True)
class Versions:
    """What is needed to join rows of some partitions with labels, in every revision of both."""

    labels: Mapping[str, tuple[str, str | None]]
    """From when until when the labels of a file were the newest known, by the file's name."""
    rows: Mapping[str, str]
    """By partition, when the newest revision of its rows became known."""
    older: Sequence[tuple[pd.DataFrame, pd.DataFrame, Input]]
    """Rows of superseded revisions with their ``partition``, their labels, and when they held."""


def older_rows(
    rows: Inputs, labels: Inputs, config: UseCaseConfig, *, folder: Path, memory: str
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, Input]]:
    """Superseded rows with every label of theirs, in the order of partitions and revisions."""
    if not rows.superseded:
        return
    folder.mkdir(parents=True, exist_ok=True)
    files = [[one.file] for one in rows.superseded]
    arrived = {name: one.file for name, one in labels.named().items()}
    matched = match_labels(files, arrived, config.rows.key, folder=folder, memory=memory)
    for one, came in zip(rows.superseded, matched, strict=True):
        yield stamp(read_table(one.file), partition=one.partition), came, one


def versions_of(
    group: Sequence[str],
    came: pd.DataFrame,
    rows: Inputs,
    labels: Inputs,
    *,
    older: Iterable[tuple[pd.DataFrame, pd.DataFrame, Input]],
) -> Versions | None:
    """What a group of partitions needs besides; ``None`` where nothing of it was superseded.

    came: the labels of its newest rows, in every revision. older: those of the group.
    """
    replaced, mine = {one.file.stem for one in labels.superseded}, list(older)
    if not mine and not came[ARRIVAL].isin(replaced).any():
        return None
    return Versions(
        labels={name: (one.known_at, one.known_until) for name, one in labels.named().items()},
        rows={partition: rows.newest[partition].known_at for partition in group},
        older=mine,
    )


def join_versions(
    plain: pd.DataFrame, came: pd.DataFrame, versions: Versions, config: UseCaseConfig
) -> pd.DataFrame:
    """Past rows with labels in every revision, each with when it was the newest known of both.

    plain: the newest rows, with ``partition``. came: their labels in every revision, with the name
    of the file that each came in.
    """
    parts = [_joined(plain, came, versions, config, known=versions.rows, until=None)]
    for rows, labels, one in versions.older:
        known = {one.partition: one.known_at}
        until = one.known_until
        parts.append(_joined(rows, labels, versions, config, known=known, until=until))
    return pd.concat(parts, ignore_index=True).sort_values(
        PARTITION, kind="stable", ignore_index=True
    )


def _joined(
    rows: pd.DataFrame,
    came: pd.DataFrame,
    versions: Versions,
    config: UseCaseConfig,
    *,
    known: Mapping[str, str],
    until: str | None,
) -> pd.DataFrame:
    """Rows of one revision with the labels that held while they did."""
    labels = came.drop(columns=ARRIVAL).assign(
        **{
            KNOWN_AT: _mapped(came[ARRIVAL], {n: at for n, (at, _) in versions.labels.items()}),
            KNOWN_UNTIL: _mapped(came[ARRIVAL], {n: to for n, (_, to) in versions.labels.items()}),
        }
    )
    given = rows[[*config.rows.columns, PARTITION]].assign(
        **{KNOWN_FROM: _mapped(rows[PARTITION], known)}
    )
    joined = join_labels(given, labels, config, how="inner")
    since = joined[[KNOWN_FROM, KNOWN_AT]].max(axis=1)
    ends = joined[[KNOWN_UNTIL]].assign(own=_constant(joined, until)).min(axis=1).astype(INSTANT)
    # the columns stand last, as where parts without them are put below
    plain = joined.drop(columns=[KNOWN_FROM, KNOWN_UNTIL])
    return plain.assign(**{KNOWN_FROM: since, KNOWN_UNTIL: ends})[~(ends <= since)]


def _mapped(names: pd.Series[Any], moments: Mapping[str, str | None]) -> pd.Series[Any]:
    """Moments by name; not a time where there is none."""
    return pd.to_datetime(names.map(dict(moments)), utc=True).astype(INSTANT)


def _constant(rows: pd.DataFrame, moment: str | None) -> pd.Series[Any]:
    value = pd.Timestamp(parse_instant(moment)) if moment else pd.NaT
    return pd.Series(value, index=rows.index, dtype=INSTANT)
