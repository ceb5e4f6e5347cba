"""The trailing window of a night: served rows with their slices and the labels that had come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from laurel.adapters.tables.keyed import rows_of_keys, sampled_rows
from laurel.domain.catalog import Revision
from laurel.domain.history import KNOWN_AT, PARTITION
from laurel.domain.lateness import LabelCounts, count_labels
from laurel.domain.realising import sliced_columns
from laurel.domain.sampling import MEASURED
from laurel.runs.matured import matured
from laurel.runs.site import Site
from laurel.runs.stamping import stamped
from laurel.usecase import UseCase

Revisions = Sequence[Revision]


@dataclass(frozen=True)
class Trailing:
    """What is known of the rows of a trailing window."""

    rows: pd.DataFrame
    """Predictions with ``label``, missing where none had come, ``known_at`` of the label,
    ``partition`` and the columns that are sliced by."""
    labels: LabelCounts | None
    """How labels came; ``None`` where no partition of them was known."""
    sampled: Mapping[str, int]
    """Partition → its rows in all, where it has so many that a sample stands for them."""


def load_trailing(
    site: Site,
    usecase: UseCase,
    *,
    served: Revisions,
    labels: Revisions,
    rows: Revisions,
    folder: Path,
) -> Trailing:
    """Fetch a window, each file checked against its md5.

    served: predictions. labels: what had arrived. rows: the raw rows of the same partitions, which
    are read for the columns that are sliced by alone. A partition of many rows is read for those
    whose keys have the least hashes, so memory does not grow with the rows.
    """
    key = list(usecase.config.rows.key)
    many = {each.partition: each.rows for each in served if each.rows > MEASURED}
    predictions = _served(site, served, key=key, folder=folder / "served")
    came = load_of_keys(site, labels, keys=predictions[key], folder=folder / "labels")
    sliced = _sliced(site, usecase, rows, rows_of=predictions, folder=folder / "rows")
    counts = None
    if len(labels):
        counts = count_labels(predictions, came, usecase.config, last=labels[-1].partition)
    return Trailing(matured(usecase, predictions=sliced, labels=came), counts, many)


def _served(site: Site, revisions: Revisions, *, key: Sequence[str], folder: Path) -> pd.DataFrame:
    _place(site, revisions, folder=folder)
    few = tuple(each for each in revisions if each.rows <= MEASURED)
    parts = [stamped(folder, few)] if few else []
    for each in revisions:
        if each.rows > MEASURED:
            file, share = folder / f"{each.partition}.parquet", MEASURED / each.rows
            part = sampled_rows(file, key, share=share, folder=folder)
            parts.append(stamped(folder, (each,), frame=part))
    return pd.concat(parts, ignore_index=True)


def load_of_keys(
    site: Site,
    revisions: Revisions,
    *,
    keys: pd.DataFrame,
    folder: Path,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Stamped rows, of large files those of some keys alone."""
    _place(site, revisions, folder=folder)
    few = tuple(each for each in revisions if each.rows <= MEASURED)
    parts = [stamped(folder, few, columns=columns)] if few else []
    for each in revisions:
        if each.rows > MEASURED:
            file = folder / f"{each.partition}.parquet"
            part = rows_of_keys(file, keys, folder=folder, columns=columns)
            parts.append(stamped(folder, (each,), frame=part))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _sliced(
    site: Site, usecase: UseCase, rows: Revisions, *, rows_of: pd.DataFrame, folder: Path
) -> pd.DataFrame:
    """Predictions with the columns of their rows that are sliced by."""
    key = list(usecase.config.rows.key)
    wanted = [name for name in sliced_columns(usecase.config) if name not in rows_of.columns]
    if not wanted or not rows:
        return rows_of
    found = load_of_keys(site, rows, keys=rows_of[key], folder=folder, columns=[*key, *wanted])
    return rows_of.merge(found.drop(columns=KNOWN_AT), on=[*key, PARTITION], how="left", sort=False)


def _place(site: Site, revisions: Revisions, *, folder: Path) -> None:
    site.plane.place({folder / f"{each.partition}.parquet": each.md5 for each in revisions})
