"""Featurize: the use case's feature set over the snapshot, each day with the past it would see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from laurel.adapters.documents import read_json
from laurel.adapters.frames import FrameWriter
from laurel.adapters.tables import part_files, read_table
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import (
    SPLIT,
    Featurizer,
    check_equal_columns,
    compute_features,
)
from laurel.domain.history import HISTORY, PARTITION, Past, join_labels
from laurel.domain.part import frame_head
from laurel.domain.partition import Partition
from laurel.domain.window import SPLITS, Days, Split, TrainingWindow, lookback, read_window
from laurel.errors import ConfigError, DataError
from laurel.usecase import UseCase, load_module

ROWS = "rows"


def featurize(usecase: UseCase, folder: Path) -> int:
    """Write ``frame/``: key, partition, split, label and the features, in canonical order.

    Only rows with an outcome, of the train, validation and hold-out days, are in it; the number of
    them is returned. In memory is one file of the snapshot and the days that its features look
    back on. Raises :class:`DataError` when the feature code does not keep its word (index, types,
    names).
    """
    config, data = usecase.config, folder / "data" / usecase.name
    window = read_window(read_json(data / "window.json"))
    featurizer = load_featurizer(usecase.features_file(), usecase=usecase.name)
    rows, head = 0, None
    with FrameWriter(data) as writer:
        for chosen, past in _parts(data, window, config):
            features = compute_features(featurizer, chosen, past, config=config)
            head = features.iloc[:0] if head is None else head
            check_equal_columns([head, features], usecase=config.name)
            writer.write(pd.concat([frame_head(chosen, config, window), features], axis=1))
            rows += len(features)
        if head is None:
            raise DataError("there are no rows to compute features of", usecase=config.name)
        writer.finish()
    return rows


def _parts(
    data: Path, window: TrainingWindow, config: UseCaseConfig
) -> Iterator[tuple[pd.DataFrame, Past]]:
    """The rows with an outcome of each file of the snapshot, and the past that they look at."""
    tables = {name: Trailing(data, name, config) for name in (HISTORY, *config.context_names)}
    for file in part_files(data / "snapshot" / ROWS):
        chosen = labelled(read_table(file), window, config)
        if len(chosen):
            days = _looked_at(chosen, config)
            past = {name: table.over(days) for name, table in tables.items()}
            yield chosen, Past(past, config)


def _looked_at(rows: pd.DataFrame, config: UseCaseConfig) -> Days | None:
    """The days that the features of any of these rows may look at."""
    days = [Partition.of(str(key)).day for key in (rows[PARTITION].min(), rows[PARTITION].max())]
    ends = [found for day in days if (found := lookback(config, day))]
    return Days(ends[0].first, ends[-1].last) if ends else None


class Trailing:
    """A table of the snapshot as far as is looked back on it, while the days go on.

    ``history`` is the rows with every label of theirs; in memory is what the last days asked for
    overlap.
    """

    def __init__(self, data: Path, name: str, config: UseCaseConfig) -> None:
        self._snapshot, self._name, self._config = data / "snapshot", name, config
        self._spans = _spans(part_files(self._snapshot / (ROWS if name == HISTORY else name)))
        self._held: list[tuple[_Span, pd.DataFrame]] = []

    def over(self, days: Days | None) -> pd.DataFrame:
        """The rows of the files that hold any of these days; an empty table for no days.

        Days must not go back: what lies before the first of them is forgotten.
        """
        if days is None:
            return self._load(self._spans[0]).iloc[:0]
        wanted = [each for each in self._spans if each.overlaps(days)]
        held = {span: frame for span, frame in self._held if span in wanted}
        self._held = [(each, held[each] if each in held else self._load(each)) for each in wanted]
        frames = [frame for _, frame in self._held]
        return pd.concat(frames, ignore_index=True) if frames else self.over(None)

    def _load(self, span: _Span) -> pd.DataFrame:
        if self._name != HISTORY:
            return read_table(span.file)
        rows = read_table(span.file, [*self._config.rows.columns, PARTITION])
        labels = read_table(self._snapshot / self._config.labels_name / span.file.name)
        return join_labels(rows, labels, self._config, how="inner")


@dataclass(frozen=True)
class _Span:
    """A file of a table, and the days that it holds."""

    file: Path
    first: date
    last: date
    """The day before the next file's; of the last file the end of time."""

    def overlaps(self, days: Days) -> bool:
        return self.first <= days.last and self.last >= days.first


def _spans(files: list[Path]) -> list[_Span]:
    firsts = [date.fromisoformat(file.stem) for file in files]
    lasts = [*(first - timedelta(days=1) for first in firsts[1:]), date.max]
    return [_Span(*each) for each in zip(files, firsts, lasts, strict=True)]


def load_snapshot(
    usecase: UseCase, data: Path, *, first: date | None = None
) -> tuple[pd.DataFrame, Past]:
    """The snapshot's rows with their newest labels, and the past that features may look back on.

    first: read files from this day on alone; the rows of earlier days may be among them.
    """
    config = usecase.config
    days = Days(first or date.min, date.max)
    spans = _spans(part_files(data / "snapshot" / ROWS))
    rows = read_table([span.file for span in spans if span.overlaps(days)])
    tables = {name: Trailing(data, name, config) for name in (HISTORY, *config.context_names)}
    return rows, Past({name: table.over(days) for name, table in tables.items()}, config)


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
