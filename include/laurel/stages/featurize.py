"""Featurize: the use case's feature set over the snapshot, each day with the past it would see."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from laurel.adapters.documents import read_json
from laurel.adapters.engine import Engine, open_engine
from laurel.adapters.engine.memory import MemoryEngine
from laurel.adapters.frames import FrameWriter
from laurel.adapters.hands import spread
from laurel.adapters.tables import part_files, read_table
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import (
    SPLIT,
    Featurizer,
    PartitionFeatures,
    check_equal_columns,
    compute_features,
)
from laurel.domain.history import CUTOFF, HISTORY, PARTITION, SUPERSEDED, Past, join_labels
from laurel.domain.part import frame_head
from laurel.domain.partition import Partition
from laurel.domain.window import SPLITS, Days, Split, TrainingWindow, lookback, read_window
from laurel.errors import ConfigError, DataError
from laurel.settings import Settings
from laurel.usecase import UseCase, load_module

ROWS = "rows"


def featurize(usecase: UseCase, folder: Path, *, settings: Settings | None = None) -> int:
    """Write ``frame/``: key, partition, split, label and the features, in canonical order.

    Only rows with an outcome, of the train, validation and hold-out days, are in it; the number of
    them is returned. In memory is one file of the snapshot and the days that its features look
    back on. Raises :class:`DataError` when the feature code does not keep its word (index, types,
    names).
    """
    config, data = usecase.config, folder / "data" / usecase.name
    window = read_window(read_json(data / "window.json"))
    load_featurizer(usecase.features_file(), usecase=usecase.name)
    rows, first = 0, None
    opened = open_engine(config.training.engine, folder=data, settings=settings)
    with opened as engine, FrameWriter(data) as writer:
        for part in _parts(usecase, data, window, engine):
            first = part.iloc[:0] if first is None else first
            check_equal_columns([first, part], usecase=config.name)
            writer.write(part)
            rows += len(part)
        if first is None:
            raise DataError("there are no rows to compute features of", usecase=config.name)
        writer.finish()
    return rows


def _parts(
    usecase: UseCase, data: Path, window: TrainingWindow, engine: Engine
) -> Iterator[pd.DataFrame]:
    """The frame, one part for each file of the snapshot, whoever computes which of its days."""
    spans = _shares(window, engine.hands)
    if len(spans) == 1:
        yield from engine.each(featurize_part, _calls(usecase, data, window, engine, spans[0]))
        return
    files = part_files(data / "snapshot" / ROWS)
    made = spread(featurize_days, spans, usecase, data, window)
    for _, parts in groupby(made, key=lambda part: _file_of(part, files)):
        own = list(parts)
        for part in own[1:]:
            check_equal_columns([own[0], part], usecase=usecase.name)
        yield pd.concat(own, ignore_index=True) if len(own) > 1 else own[0]


def _shares(window: TrainingWindow, hands: int) -> list[Days]:
    """All days, in as many runs of equal length; the runs cover the days between them, too."""
    days = sorted(day.day for split in SPLITS for day in getattr(window, split))
    firsts = [days[number * len(days) // hands] for number in range(1, hands)]
    bounds = [date.min, *dict.fromkeys(firsts), date.max]
    lasts = [*(first - timedelta(days=1) for first in bounds[1:-1]), date.max]
    return [Days(*each) for each in zip(bounds[:-1], lasts, strict=True)]


def _file_of(part: pd.DataFrame, files: list[Path]) -> int:
    """Which file of the snapshot has the rows of a part."""
    return bisect_right([file.stem for file in files], str(part[PARTITION].iloc[0]))


def featurize_days(
    days: Days, usecase: UseCase, data: Path, window: TrainingWindow
) -> Iterator[pd.DataFrame]:
    """The frame of some days, in parts of the snapshot's files."""
    engine = MemoryEngine()
    yield from engine.each(featurize_part, _calls(usecase, data, window, engine, days))


def _calls(
    usecase: UseCase, data: Path, window: TrainingWindow, engine: Engine, days: Days
) -> Iterator[tuple[Any, ...]]:
    """For each file of the snapshot its rows with an outcome, and the past that they look at."""
    config, source = usecase.config, usecase.features_file()
    code = source.read_bytes()
    tables = {
        name: Trailing(data, name, config, hold=engine.hold)
        for name in (HISTORY, *config.context_names)
    }
    for span in _spans(part_files(data / "snapshot" / ROWS)):
        if not span.overlaps(days):
            continue
        chosen = labelled(read_table(span.file), window, config, days=days)
        if len(chosen):
            back = _looked_at(chosen, config)
            past = {name: table.over(back) for name, table in tables.items()}
            yield chosen, past, source, code, config, window


def featurize_part(
    rows: pd.DataFrame,
    past: Mapping[str, list[pd.DataFrame]],
    file: Path,
    code: bytes,
    config: UseCaseConfig,
    window: TrainingWindow,
) -> pd.DataFrame:
    """The frame of rows with an outcome: key, partition, split, label, features.

    rows: of whole partitions, with ``split``. past: the tables that may be looked back on, each in
    consecutive parts. file: the use case's feature set. code: what is in it.
    """
    featurizer = _featurizer(file, code, usecase=config.name)
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in past.items()}
    seen = Past(tables, config)
    features = compute_features(featurizer, rows, seen, config=config)
    _expect_rows_alone(featurizer, rows, features, seen, config)
    return pd.concat([frame_head(rows, config, window), features], axis=1)


def _expect_rows_alone(
    featurizer: Featurizer,
    rows: pd.DataFrame,
    features: pd.DataFrame,
    past: Past,
    config: UseCaseConfig,
) -> None:
    """Raise :class:`DataError` where features look at the rows beside: of one partition, as all
    have the same code."""
    own = (rows[PARTITION] == rows[PARTITION].iloc[0]).to_numpy()
    first = PartitionFeatures(
        featurizer,
        past,
        config=config,
        partition=Partition.of(str(rows[PARTITION].iloc[0])),
        cutoff=rows.loc[own, CUTOFF].iloc[0],
    )
    first.expect_rows_alone(rows[own], features[own])


def _featurizer(file: Path, code: bytes, *, usecase: str) -> Featurizer:
    """The feature set of this code: on another machine its file is not there."""
    if file.is_file() and file.read_bytes() == code:
        return load_featurizer(file, usecase=usecase)
    with TemporaryDirectory(prefix="laurel-features-") as folder:
        own = Path(folder) / file.name
        own.write_bytes(code)
        return load_featurizer(own, usecase=usecase)


def _looked_at(rows: pd.DataFrame, config: UseCaseConfig) -> Days | None:
    """The days that the features of any of these rows may look at."""
    days = [Partition.of(str(key)).day for key in (rows[PARTITION].min(), rows[PARTITION].max())]
    ends = [found for day in days if (found := lookback(config, day))]
    return Days(ends[0].first, ends[-1].last) if ends else None


class Trailing:
    """A table of the snapshot as far as is looked back on it, while the days go on.

    ``history`` is the rows with every label of theirs. A file that has superseded revisions, too,
    is read in place of the one with the newest alone. In memory is what the last days asked for
    overlap.
    """

    def __init__(
        self, data: Path, name: str, config: UseCaseConfig, *, hold: Callable[[Any], Any]
    ) -> None:
        self._snapshot, self._name, self._config = data / "snapshot", name, config
        self._spans = _spans(part_files(self._snapshot / (ROWS if name == HISTORY else name)))
        self._hold = hold
        self._held: dict[_Span, Any] = {}
        self._empty: Any = None

    def over(self, days: Days | None) -> list[Any]:
        """The files that hold any of these days, each held; an empty table for no days.

        Days must not go back: what lies before the first of them is forgotten.
        """
        wanted = [each for each in self._spans if days and each.overlaps(days)]
        held = self._held
        self._held = {
            each: held[each] if each in held else self._hold(self._load(each)) for each in wanted
        }
        return list(self._held.values()) or [self._none()]

    def _none(self) -> Any:
        if self._empty is None:
            self._empty = self._hold(self._load(self._spans[0]).iloc[:0])
        return self._empty

    def _load(self, span: _Span) -> pd.DataFrame:
        every = self._snapshot / SUPERSEDED / self._name / span.file.name
        if every.is_file():
            return read_table(every)
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
    past = {}
    for name in (HISTORY, *config.context_names):
        parts = Trailing(data, name, config, hold=lambda frame: frame).over(days)
        past[name] = pd.concat(parts, ignore_index=True)
    return rows, Past(past, config)


def labelled(
    rows: pd.DataFrame,
    window: TrainingWindow,
    config: UseCaseConfig,
    *,
    splits: tuple[Split, ...] = SPLITS,
    days: Days | None = None,
) -> pd.DataFrame:
    """Rows with an outcome on the days of these splits, with their ``split``.

    days: of these alone.
    """
    known = {key: Partition.of(key).day for key in rows[PARTITION].unique()}
    within = {key: day for key, day in known.items() if days is None or day in days}
    split = rows[PARTITION].map({key: window.split(day) for key, day in within.items()})
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
