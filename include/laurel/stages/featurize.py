"""Featurize: the use case's feature set over the snapshot, each day with the past it would see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from laurel.adapters.documents import read_json
from laurel.adapters.frames import write_frame
from laurel.adapters.tables import read_table
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import LABEL, SPLIT, Featurizer, compute_features
from laurel.domain.history import HISTORY, PARTITION, Past, join_labels
from laurel.domain.partition import Partition
from laurel.domain.window import SPLITS, Split, TrainingWindow, read_window
from laurel.errors import ConfigError, DataError
from laurel.usecase import UseCase, load_module


def featurize(usecase: UseCase, folder: Path) -> pd.DataFrame:
    """Write ``frame.parquet``: key, partition, split, label and the features, in canonical order.

    Only rows with an outcome, of the train, validation and hold-out days, are in it. Raises
    :class:`DataError` when the feature code does not keep its word (index, types, names).
    """
    config = usecase.config
    data = folder / "data" / usecase.name
    window = read_window(read_json(data / "window.json"))
    rows, past = load_snapshot(usecase, data)
    chosen = labelled(rows, window, config)
    features = compute_features(
        load_featurizer(usecase.features_file(), usecase=usecase.name), chosen, past, config=config
    )
    frame = pd.concat([_head(chosen, config), features], axis=1)
    write_frame(frame, data)
    return frame


def load_snapshot(usecase: UseCase, data: Path) -> tuple[pd.DataFrame, Past]:
    """The snapshot's rows with their newest labels, and the past that features may look back on."""
    config = usecase.config
    rows = read_table(data / "snapshot" / "rows.parquet")
    raw = rows[[*config.rows.columns, PARTITION]]
    labels = read_table(data / "snapshot" / f"{config.labels_name}.parquet")
    tables = {
        name: read_table(data / "snapshot" / f"{name}.parquet") for name in config.context_names
    }
    history = join_labels(raw, labels, config, how="inner")
    return rows, Past({HISTORY: history, **tables}, config)


def labelled(
    rows: pd.DataFrame,
    window: TrainingWindow,
    config: UseCaseConfig,
    *,
    splits: tuple[Split, ...] = SPLITS,
) -> pd.DataFrame:
    """Rows with an outcome on the days of these splits, with their ``split``."""
    days = {key: window.split(Partition.of(key).day) for key in rows[PARTITION].unique()}
    split = rows[PARTITION].map(days)
    kept = split.isin(splits) & rows[config.label.column].notna()
    return rows[kept].assign(**{SPLIT: split[kept].astype("str")}).reset_index(drop=True)


def load_featurizer(file: Path, *, usecase: str) -> Featurizer:
    """The function ``featurize`` of a file; raises :class:`ConfigError` when it has none."""
    found = getattr(load_module(file, usecase=usecase), "featurize", None)
    if not callable(found):
        raise ConfigError(
            "the feature code lacks a function",
            usecase=usecase,
            expected="featurize(rows, context)",
            detail=str(file),
        )
    function: Featurizer = found
    return function


def _head(rows: pd.DataFrame, config: UseCaseConfig) -> pd.DataFrame:
    values = rows[config.label.column].to_numpy(dtype="float64", na_value=np.nan)
    if not np.isin(values, (0.0, 1.0)).all():
        raise DataError(
            f"the label {config.label.column!r} is not binary",
            usecase=config.name,
            dataset=config.labels_name,
            found=", ".join(map(str, np.unique(values)[:6])),
            expected="0 or 1 (null where there is no outcome)",
        )
    return rows[[*config.rows.key, PARTITION, SPLIT]].assign(**{LABEL: values.astype("int64")})
