"""A sample of a use case: rows to compute features of, and context from before and after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from laurel.adapters.sources import open_source
from laurel.adapters.tables import read_table
from laurel.domain.canonical import instant
from laurel.domain.history import (
    CUTOFF,
    HISTORY,
    INSTANT,
    KNOWN_AT,
    PARTITION,
    cutoff_of,
    join_labels,
    stamp,
)
from laurel.domain.partition import Partition, partitions
from laurel.settings import load_settings
from laurel.stages.featurize import load_featurizer
from laurel.stages.pull import pull
from laurel.usecase import UseCase, find_usecases

USECASES = find_usecases(load_settings({}))
AFTER = 3
"""Days of context after the scored ones: nobody may look at them."""
Context = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Sample:
    """Two days of rows with their cutoffs, and context from long before to days after them."""

    usecase: UseCase
    first: Partition
    rows: pd.DataFrame
    context: Context

    def featurize(self, rows: pd.DataFrame, context: Context | None = None) -> pd.DataFrame:
        """Features with categories as text: levels may differ from call to call."""
        featurizer = load_featurizer(self.usecase.features_file(), usecase=self.usecase.name)
        features = featurizer(rows, self.context if context is None else context)
        named = {
            name: features[name].astype("str")
            for name in features
            if isinstance(features[name].dtype, pd.CategoricalDtype)
        }
        return features.assign(**named)

    @property
    def first_day(self) -> pd.DataFrame:
        """The rows of the first day alone: they have one cutoff."""
        return self.rows[self.rows[self.usecase.config.rows.time] < self.first.end]


@lru_cache(maxsize=4)
def load_sample(name: str) -> Sample:
    """Read what a sample needs from the use case's own source."""
    usecase = USECASES[name]
    config = usecase.config
    days = config.features.history_days + config.label.delay_days + 7
    first = Partition.at(config.first_instant).shifted(days)
    tables = {each: read_days(usecase, each, days, first) for each in config.datasets}
    every = tables[config.rows_name]
    labels = tables[config.labels_name].drop(columns=PARTITION)
    rows = every[every[PARTITION].isin([first.key, first.shifted(1).key])]
    cutoffs = {key: cutoff_of(Partition.of(key), config) for key in rows[PARTITION].unique()}
    rows = rows.assign(**{CUTOFF: rows[PARTITION].map(cutoffs).astype(INSTANT)})
    history = join_labels(every.drop(columns=KNOWN_AT), labels, config, how="inner")
    context = {each: tables[each].drop(columns=PARTITION) for each in config.context_names}
    context[HISTORY] = history.drop(columns=PARTITION)
    raw = rows[[*config.rows.columns, CUTOFF]].reset_index(drop=True)
    return Sample(usecase, first, raw, context)


def read_days(usecase: UseCase, name: str, days: int, first: Partition) -> pd.DataFrame:
    """A dataset from so many days before ``first`` to some after it, stamped."""
    start, end = first.shifted(-days).start, first.shifted(2 + AFTER).start
    source = open_source(usecase, name, settings=load_settings({}))
    with TemporaryDirectory() as folder:
        pulled = pull(source, usecase, name, days=list(partitions(start, end)), folder=Path(folder))
        parts = [
            stamp(read_table(one.path), partition=day.key, known_at=instant(day.end))
            for day, one in pulled.landed.items()
        ]
    return pd.concat(parts, ignore_index=True)


def poisoned(frame: pd.DataFrame, fixed: set[str]) -> pd.DataFrame:
    """Impossible values in every column that is not fixed, of the same types."""
    changed = frame.copy()
    for name in [name for name in frame.columns if name not in fixed]:
        dtype = frame[name].dtype
        if pd.api.types.is_bool_dtype(dtype):
            changed[name] = ~frame[name]
        elif pd.api.types.is_numeric_dtype(dtype):
            changed[name] = pd.Series(2_000_000_000, index=frame.index).astype(dtype)
        elif isinstance(dtype, pd.StringDtype):
            changed[name] = pd.Series("impossible", index=frame.index, dtype=dtype)
    return changed
