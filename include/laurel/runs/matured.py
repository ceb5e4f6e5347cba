"""Published tables of some partitions, and predictions with the labels that had come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from laurel.adapters.tables import read_table
from laurel.domain.canonical import instant
from laurel.domain.catalog import Revision
from laurel.domain.history import KNOWN_AT, PARTITION, fold_labels, join_labels, stamp
from laurel.runs.site import Site
from laurel.usecase import UseCase


def load_stamped(site: Site, revisions: Sequence[Revision], *, folder: Path) -> pd.DataFrame:
    """The tables of revisions, one below the other, with ``partition`` and ``known_at``."""
    paths = {folder / f"{revision.partition}.parquet": revision for revision in revisions}
    site.plane.place({path: revision.md5 for path, revision in paths.items()})
    frames = [
        stamp(read_table(path), partition=revision.partition, known_at=instant(revision.known_at))
        for path, revision in paths.items()
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def matured(usecase: UseCase, *, predictions: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Predictions with the labels that had arrived; the label is missing where none had."""
    config = usecase.config
    plain = predictions.drop(columns=KNOWN_AT)
    if labels.empty:
        return plain.assign(label=float("nan"))
    folded = fold_labels(labels.drop(columns=PARTITION), config)
    columns = [*config.labels.key, config.label.column, KNOWN_AT]
    joined = join_labels(plain, folded[columns], config, how="left")
    return joined.rename(columns={config.label.column: "label"})
