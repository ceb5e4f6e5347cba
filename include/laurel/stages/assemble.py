"""Assemble: join the window's partitions into one point-in-time snapshot."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from laurel.adapters.documents import read_json, write_json
from laurel.adapters.engine import open_engine
from laurel.adapters.overlap import ahead
from laurel.adapters.tables import (
    ARRIVAL,
    PART_ROWS,
    PartsWriter,
    empty_folder,
    match_labels,
    write_table,
)
from laurel.domain.canonical import parse_instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.history import (
    CUTOFF,
    HISTORY,
    INSTANT,
    KNOWN_AT,
    PARTITION,
    SUPERSEDED,
    cutoff_of,
    fold_labels,
    join_labels,
)
from laurel.domain.lateness import LabelCounts, count_labels
from laurel.domain.partition import Partition
from laurel.domain.window import TrainingWindow, read_window, window_files
from laurel.errors import IntegrityError
from laurel.settings import Settings
from laurel.stages.superseded import (
    Input,
    Inputs,
    Versions,
    join_versions,
    older_rows,
    stamped_rows,
    versions_of,
    write_superseded,
)
from laurel.usecase import UseCase

Line = Mapping[str, Any]
"""One partition of ``window.json``: partition, revision, known_at, md5, rows."""

ROWS = "rows"
_md5 = partial(hashlib.md5, usedforsecurity=False)


@dataclass(frozen=True)
class Assembled:
    """What a snapshot holds, counted."""

    rows: int = 0
    labelled: int = 0
    without_outcome: int = 0
    """Rows whose label is known and null: they have no outcome and nothing is learned from them."""
    without_label: int = 0
    """Rows of which nothing had become known at as_of."""
    late: int = 0
    """Rows whose first label came later than it was due."""
    corrected: int = 0
    """Rows for which more than one label came."""

    def __add__(self, other: Assembled) -> Assembled:
        """Both counted together."""
        mine, theirs = asdict(self), asdict(other)
        return Assembled(**{name: mine[name] + theirs[name] for name in mine})

    def sentence(self) -> str:
        """What was assembled, in a sentence."""
        return (
            f"assembled {self.rows:,} rows: {self.labelled:,} with an outcome, "
            f"{self.without_outcome:,} known to have none, {self.without_label:,} not known yet; "
            f"{self.late:,} labels came late, {self.corrected:,} were corrected"
        )


def assemble(usecase: UseCase, folder: Path, *, settings: Settings | None = None) -> Assembled:
    """Write ``snapshot/``: rows with their labels, every label, and each context.

    Each is a folder of files of whole partitions of event time. ``rows`` has each row once, with
    its newest label, ``partition``, ``cutoff`` and the label's ``known_at``; the folder named as
    the labels dataset has every label of these rows by its ``known_at``. What was superseded by
    as_of is beside, for the features of earlier days (:mod:`laurel.stages.superseded`). In memory
    is one partition at a time. Raises :class:`IntegrityError` for bytes other than ``window.json``
    names, and for anything known after as_of.
    """
    config = usecase.config
    data = folder / "data" / usecase.name
    document = read_json(data / "window.json")
    window, beside = read_window(document), data / "snapshot" / SUPERSEDED
    shutil.rmtree(beside, ignore_errors=True)
    inputs = {
        name: _checked(data / "inputs" / name, window_files(document, name), name, window=window)
        for name in sorted(config.datasets)
    }
    for name in config.context_names:
        _write_context(inputs[name].newest, data / "snapshot" / name)
        write_superseded(inputs[name], data / "snapshot" / name, beside / name)
    rows, labels = inputs[config.rows_name], inputs[config.labels_name]
    found = _join(rows, labels, data, config, last=_last(window), settings=settings)
    write_json(asdict(found), data / "snapshot" / "counts.json")
    return found


def _last(window: TrainingWindow) -> str:
    """The newest partition of labels that is read."""
    return window.partitions("labels")[-1].key


def _checked(
    folder: Path, expected: Mapping[str, Line], name: str, *, window: TrainingWindow
) -> Inputs:
    """The files of a dataset, in order; expected: their lines in ``window.json`` by their names."""
    where = {"usecase": window.usecase, "dataset": name}
    found = {path.name for path in folder.glob("*.parquet")}
    if found != set(expected):
        raise IntegrityError(
            "the window's files are not those that window.json names",
            **where,
            found=f"{len(found)} files; besides: {', '.join(sorted(found ^ set(expected))[:5])}",
            expected=f"{len(expected)} files",
            hint="pull the window's .dvc again",
        )
    files = [
        _check(folder / file, line, where=where, as_of=window.as_of)
        for file, line in sorted(expected.items())
    ]
    return Inputs(
        newest={one.partition: one for one in files if one.known_until is None},
        superseded=tuple(one for one in files if one.known_until is not None),
    )


def _check(file: Path, line: Line, *, where: dict[str, str], as_of: datetime) -> Input:
    partition, known_at = str(line["partition"]), str(line["known_at"])
    if parse_instant(known_at) > as_of:
        raise IntegrityError(
            "a partition became known after as_of: a model must not learn from it",
            **where,
            partition=partition,
            found=f"known at {known_at}",
            expected=f"known by {as_of.isoformat()}",
        )
    with file.open("rb") as opened:
        md5 = hashlib.file_digest(opened, _md5).hexdigest()
    if md5 != line["md5"]:
        raise IntegrityError(
            "a partition's bytes are not those that window.json names",
            **where,
            partition=partition,
            found=md5,
            expected=line["md5"],
            hint="pull the window's .dvc again; if it stays so, the remote is damaged",
        )
    return Input(file, partition, known_at, int(line["rows"]), line.get("superseded_at"))


def _write_context(inputs: Mapping[str, Input], target: Path) -> None:
    with PartsWriter(target) as writer:
        for group in _groups(inputs):
            stamped = stamped_rows([inputs[name] for name in group])
            known = {name: pd.Timestamp(parse_instant(inputs[name].known_at)) for name in group}
            stamped[KNOWN_AT] = stamped[PARTITION].map(known).astype(INSTANT)
            writer.write(group[0], stamped)
        writer.finish()


def _join(
    rows: Inputs,
    labels: Inputs,
    data: Path,
    config: UseCaseConfig,
    *,
    last: str,
    settings: Settings | None,
) -> Assembled:
    """Write rows and labels, a group of partitions at a time; any file may have labels of any."""
    found, groups = Assembled(), _groups(rows.newest)
    folders = [empty_folder(data / "snapshot" / name) for name in (ROWS, config.labels_name)]
    beside = data / "snapshot" / SUPERSEDED
    with open_engine(config.training.engine, folder=data, settings=settings) as engine:
        calls = _calls(rows, labels, groups, data, config, last=last, memory=engine.match_memory)
        made = engine.each(join_group, calls)
        if engine.hands > 1:
            # reading, joining and writing side by side
            made = ahead(engine.each(join_group, ahead(calls)))
        for group, (part, own, versions, counts) in zip(groups, made, strict=True):
            file = f"{group[0]}.parquet"
            for folder, table in zip(folders, (part, own), strict=True):
                write_table(table, folder / file, durable=False)
            if versions is not None:
                write_table(versions, beside / HISTORY / file, durable=False)
            found += counts
    return found


def _calls(
    rows: Inputs,
    labels: Inputs,
    groups: list[list[str]],
    data: Path,
    config: UseCaseConfig,
    *,
    last: str,
    memory: str,
) -> Iterator[tuple[Any, ...]]:
    """For each group its rows, their labels, and what else :func:`join_group` is given."""
    files = [[rows.newest[partition].file for partition in group] for group in groups]
    arrived = {name: one.file for name, one in labels.named().items()}
    known = {name: one.known_at for name, one in labels.newest.items()}
    matched = match_labels(files, arrived, config.rows.key, folder=data, memory=memory)
    # two of DuckDB's at once need a folder each
    beside = data / "snapshot" / SUPERSEDED
    older = older_rows(rows, labels, config, folder=beside, memory=memory)
    for group, came in zip(groups, matched, strict=True):
        plain = stamped_rows([rows.newest[name] for name in group])
        mine = islice(older, sum(one.partition in group for one in rows.superseded))
        versions = versions_of(group, came, rows, labels, older=mine)
        yield plain, came, known, versions, config, last


def join_group(
    plain: pd.DataFrame,
    came: pd.DataFrame,
    known: Mapping[str, str],
    versions: Versions | None,
    config: UseCaseConfig,
    last: str,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None, Assembled]:
    """Rows with their newest labels, all labels of these rows, both in every revision, and counts.

    plain: rows with ``partition``. came: labels with the name of the file that they came in.
    known: when each of these became known, without the superseded ones. last: the newest partition
    of labels that is read.
    """
    moments = {name: pd.Timestamp(parse_instant(text)) for name, text in known.items()}
    past = None if versions is None else join_versions(plain, came, versions, config)
    if versions is not None:
        came = came[came[ARRIVAL].isin(moments)].reset_index(drop=True)
    own = came.drop(columns=ARRIVAL)
    own[KNOWN_AT] = came[ARRIVAL].map(moments).astype(INSTANT)
    part = join_newest(plain, own, config)
    counts = count_labels(plain, came.rename(columns={ARRIVAL: PARTITION}), config, last=last)
    return part, own, past, _count(part, config, came=counts)


def _groups(rows: Mapping[str, Input]) -> list[list[str]]:
    """Partitions that follow each other, until they have so many rows that they make a file."""
    groups: list[list[str]] = []
    count = PART_ROWS
    for partition, one in rows.items():
        if count >= PART_ROWS:
            groups.append([])
            count = 0
        groups[-1].append(partition)
        count += one.rows
    return groups


def join_newest(plain: pd.DataFrame, labels: pd.DataFrame, config: UseCaseConfig) -> pd.DataFrame:
    """Rows, each with its cutoff and its newest label, in canonical order."""
    rows = join_labels(_with_cutoff(plain, config), fold_labels(labels, config), config, how="left")
    order = list(dict.fromkeys((config.rows.time, *config.rows.key)))
    return rows.sort_values(order, kind="stable", ignore_index=True)


def _with_cutoff(rows: pd.DataFrame, config: UseCaseConfig) -> pd.DataFrame:
    cutoffs = {key: cutoff_of(Partition.of(key), config) for key in rows[PARTITION].unique()}
    return rows.assign(**{CUTOFF: rows[PARTITION].map(cutoffs).astype(INSTANT)})


def _count(rows: pd.DataFrame, config: UseCaseConfig, *, came: LabelCounts) -> Assembled:
    known = rows[KNOWN_AT].notna()
    outcome = rows[config.label.column].notna()
    return Assembled(
        rows=len(rows),
        labelled=int((known & outcome).sum()),
        without_outcome=int((known & ~outcome).sum()),
        without_label=int((~known).sum()),
        late=came.late,
        corrected=came.corrected,
    )
