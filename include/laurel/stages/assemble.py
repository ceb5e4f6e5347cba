"""Assemble: join the window's partitions into one point-in-time snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from laurel.adapters.documents import read_json, write_json
from laurel.adapters.tables import read_table, write_table
from laurel.domain.canonical import parse_instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.history import (
    CUTOFF,
    INSTANT,
    KNOWN_AT,
    PARTITION,
    cutoff_of,
    fold_labels,
    join_labels,
    stamp,
)
from laurel.domain.lateness import LabelCounts, count_labels
from laurel.domain.partition import Partition
from laurel.domain.window import TrainingWindow, read_window
from laurel.errors import IntegrityError
from laurel.usecase import UseCase

Line = Mapping[str, Any]
"""One partition of ``window.json``: partition, revision, known_at, md5, rows."""


@dataclass(frozen=True)
class Assembled:
    """What a snapshot holds, counted."""

    rows: int
    labelled: int
    without_outcome: int
    """Rows whose label is known and null: they have no outcome and nothing is learned from them."""
    without_label: int
    """Rows of which nothing had become known at as_of."""
    late: int
    """Rows whose first label came later than it was due."""
    corrected: int
    """Rows for which more than one label came."""

    def sentence(self) -> str:
        """What was assembled, in a sentence."""
        return (
            f"assembled {self.rows:,} rows: {self.labelled:,} with an outcome, "
            f"{self.without_outcome:,} known to have none, {self.without_label:,} not known yet; "
            f"{self.late:,} labels came late, {self.corrected:,} were corrected"
        )


def assemble(usecase: UseCase, folder: Path) -> Assembled:
    """Write ``snapshot/``: rows with their labels, every label, and each context.

    ``rows.parquet`` has each row once, with its newest label, ``partition``, ``cutoff`` and the
    label's ``known_at``; the table named as the labels dataset has every label by its
    ``known_at``. Raises :class:`IntegrityError` for bytes other than ``window.json`` names, and
    for anything known after as_of.
    """
    config = usecase.config
    data = folder / "data" / usecase.name
    document = read_json(data / "window.json")
    window, lines = read_window(document), document["datasets"]
    tables = {
        name: _load(data / "inputs" / name, lines[name], name=name, window=window)
        for name in sorted(config.datasets)
    }
    labels = tables[config.labels_name].drop(columns=PARTITION)
    plain = tables[config.rows_name].drop(columns=KNOWN_AT)
    rows = join_labels(_with_cutoff(plain, config), fold_labels(labels, config), config, how="left")
    order = list(dict.fromkeys((config.rows.time, *config.rows.key)))
    rows = rows.sort_values(order, kind="stable", ignore_index=True)
    write_table(rows, data / "snapshot" / "rows.parquet")
    write_table(labels, data / "snapshot" / f"{config.labels_name}.parquet")
    for name in config.context_names:
        write_table(tables[name], data / "snapshot" / f"{name}.parquet")
    came = count_labels(plain, tables[config.labels_name], config, last=_last(window))
    found = _count(rows, config, came=came)
    write_json(asdict(found), data / "snapshot" / "counts.json")
    return found


def _last(window: TrainingWindow) -> str:
    """The newest partition of labels that is read."""
    return window.partitions("labels")[-1].key


def _load(folder: Path, lines: list[Line], *, name: str, window: TrainingWindow) -> pd.DataFrame:
    where = {"usecase": window.usecase, "dataset": name}
    expected = {f"{line['partition']}.parquet" for line in lines}
    found = {path.name for path in folder.glob("*.parquet")}
    if found != expected:
        raise IntegrityError(
            "the window's files are not those that window.json names",
            **where,
            found=f"{len(found)} files; besides: {', '.join(sorted(found ^ expected)[:5])}",
            expected=f"{len(expected)} files",
            hint="pull the window's .dvc again",
        )
    return pd.concat(list(_parts(folder, lines, where=where, window=window)), ignore_index=True)


def _parts(
    folder: Path, lines: list[Line], *, where: dict[str, str], window: TrainingWindow
) -> Iterator[pd.DataFrame]:
    for line in sorted(lines, key=lambda line: str(line["partition"])):
        partition = str(line["partition"])
        if parse_instant(line["known_at"]) > window.as_of:
            raise IntegrityError(
                "a partition became known after as_of: a model must not learn from it",
                **where,
                partition=partition,
                found=f"known at {line['known_at']}",
                expected=f"known by {window.as_of.isoformat()}",
            )
        file = folder / f"{partition}.parquet"
        md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        if md5 != line["md5"]:
            raise IntegrityError(
                "a partition's bytes are not those that window.json names",
                **where,
                partition=partition,
                found=md5,
                expected=line["md5"],
                hint="pull the window's .dvc again; if it stays so, the remote is damaged",
            )
        yield stamp(read_table(file), partition=partition, known_at=str(line["known_at"]))


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
