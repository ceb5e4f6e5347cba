"""Score: a partition's rows in batches through the champion's own feature code and model.

Batches never change a score: a row's features are its own (:class:`PartitionFeatures`), and its
trees add up in one order. So a partition is scored in as much memory as a few batches take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.documents import read_json
from laurel.adapters.overlap import ahead
from laurel.adapters.tables import empty_table, expect_types, iter_table, read_table, table_rows
from laurel.adapters.xgboost import (
    FEATURES,
    PROFILE,
    Block,
    Model,
    expect_losses,
    load_features,
    load_model,
)
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import (
    Featurizer,
    PartitionFeatures,
    as_text,
    check_equal_columns,
)
from laurel.domain.history import HISTORY, Past, cutoff_of, join_labels
from laurel.domain.losses import sum_losses
from laurel.domain.objective import as_learned, check_same_objective
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts, bin_counts
from laurel.domain.shard import Shard
from laurel.usecase import UseCase

BATCH = 65_536
"""Rows that are scored together: half a row group, since several batches are on their way."""


@dataclass(frozen=True)
class Given:
    """What a partition is scored from: tables of the past stamped with ``partition`` and
    ``known_at``."""

    partition: Partition
    file: Path
    """The rows to score as Parquet, raw columns."""
    past_rows: pd.DataFrame
    """Earlier rows, stamped."""
    labels: pd.DataFrame
    """Labels known at the cutoff, with ``known_at``."""
    context: Mapping[str, pd.DataFrame]
    shard: Shard | None = None
    """Which rows of the partition the file holds; ``None`` for all."""

    def rows(self) -> pd.DataFrame:
        """All rows to score, read into memory."""
        return read_table(self.file)


@dataclass(frozen=True)
class Encoded:
    """Rows with their features, ready for the trees."""

    rows: pd.DataFrame
    features: pd.DataFrame
    """Numbers as float32; categories as text or as they come."""
    block: Block


@dataclass(frozen=True)
class Batch:
    """Rows with their features and scores, in the order of the rows."""

    rows: pd.DataFrame
    features: pd.DataFrame
    block: Block
    scores: NDArray[np.float32]
    """Shape (rows,), or (rows, classes)."""
    others: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """What challengers say of the same rows, by model version."""
    canary: NDArray[np.bool_] | None = None
    """Rows that a challenger answers, shape (rows,); ``None`` where none does."""

    def own(self) -> Batch:
        """The rows that the champion itself answers, for what is counted of them."""
        if self.canary is None:
            return self
        kept = ~self.canary
        rows, features = (
            each.loc[kept].reset_index(drop=True) for each in (self.rows, self.features)
        )
        return replace(self, rows=rows, features=features, scores=self.scores[kept], canary=None)


@dataclass(frozen=True)
class Scores:
    """Features and scores of a partition, one row each, in the order of the raw rows."""

    features: pd.DataFrame
    scores: NDArray[np.float32]
    """Shape (rows,), or (rows, classes)."""
    profile: Mapping[str, Any]
    losses: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """The losses to be expected of each row, where the model can say."""


class Scorer:
    """A model version with its own feature code, ready for the rows of one partition."""

    def __init__(
        self, usecase: UseCase, given: Given, *, model: Path, beside: Scorer | None = None
    ) -> None:
        """Load the model version in the folder ``model``.

        beside: a scorer of the same rows, whose features are taken where they are the same.
        Raises :class:`ConfigError` when it learned another objective than the use case has.
        """
        self.model: Model = load_model(model)
        self.profile: Mapping[str, Any] = read_json(model / PROFILE)
        check_same_objective(self.model.about, usecase.config)
        self.config = as_learned(usecase.config, self.model.about)
        self.partition, self.shard = given.partition, given.shard
        self._file, self._folder = given.file, model
        self.shares = beside is not None and self._features_of() == beside._features_of()
        """Whether its features are those of the scorer beside it."""
        self._features: PartitionFeatures = (
            beside._features
            if beside is not None and self.shares
            else live_features(
                given,
                load_features(model),
                config=self.config,
                history_days=self.model.about.get("history_days"),
            )
        )

    def _features_of(self) -> tuple[Any, ...]:
        """What features follow from, besides rows and the past."""
        code = (self._folder / FEATURES).read_bytes()
        return code, self.model.about.get("history_days"), self.config

    @property
    def rows(self) -> int:
        """How many rows the partition has, whichever of them are scored."""
        return self.shard.total if self.shard else table_rows(self._file)

    @cached_property
    def _fastest(self) -> Model:
        """The model as it scores so many rows; made by the thread that asks the trees."""
        return self.model.for_rows(self.shard.rows if self.shard else self.rows)

    def losses(self, batch: Batch) -> Mapping[str, NDArray[np.float64]]:
        """The losses to be expected of each row; none where the model cannot say."""
        return expect_losses(self._folder, batch.features, batch.scores, self.model.features)

    def count(self, batch: Batch) -> Counts:
        """A batch over the bins of the model's profile, with what is decided and expected."""
        decided = self.model.objective.decide(batch.scores, self.config.scoring.threshold)
        known = None if decided is None or not decided.notna().any() else decided
        counted = bin_counts(self.profile, batch.features, batch.scores, decided=known)
        losses = self.losses(batch)
        return {**counted, "losses": sum_losses(losses)} if losses else counted

    def batches(self, *, rows: int = BATCH) -> Iterator[Batch]:
        """All rows, scored, in the order of the file; reading, features and trees overlap.

        Raises :class:`DataError` when the file's columns are not those of the dataset, or the
        features not those the model learned from.
        """
        encoded = ahead(self.encoded(rows=rows))
        return ahead(self.scored(encoded))

    def encoded(self, *, rows: int = BATCH) -> Iterator[Encoded]:
        """All rows with their features, in batches; at least one, if only empty."""
        dataset = self.config.rows
        where = {"usecase": self.config.name, "partition": self.partition.key}
        expect_types(self._file, empty_table(dataset), where=where)
        yield from self.encode(
            _parts(self._file, rows=rows), several=self.shard is not None or self.rows > rows
        )

    def encode(self, parts: Iterable[pd.DataFrame], *, several: bool) -> Iterator[Encoded]:
        """Rows with their features; several: whether these are but some rows of the partition."""
        first: pd.DataFrame | None = None
        for part in parts:
            features = self._features.of(part, text=False)
            if first is None:
                first = features.iloc[:0]
                if several:
                    self._features.expect_rows_alone(part, features)
            check_equal_columns([first, features], usecase=self.config.name)
            yield Encoded(part, features, self.model.block(features))

    def scored(self, encoded: Iterable[Encoded]) -> Iterator[Batch]:
        """The scores of rows that have their features."""
        for each in encoded:
            scores = self._fastest.scores(each.block)
            yield Batch(each.rows, each.features, each.block, scores)


def live_features(
    given: Given, featurizer: Featurizer, *, config: UseCaseConfig, history_days: int | None = None
) -> PartitionFeatures:
    """A feature set over a partition to score, with the past that was known at its cutoff."""
    history = join_labels(given.past_rows, given.labels, config, how="inner")
    return PartitionFeatures(
        featurizer,
        Past({HISTORY: history, **given.context}, config),
        config=config,
        partition=given.partition,
        cutoff=cutoff_of(given.partition, config),
        history_days=history_days,
    )


def score(usecase: UseCase, given: Given, *, model: Path) -> Scores:
    """Score rows with the model version in the folder ``model``, by its own feature code.

    All of a partition is in memory then: for those who look at its features. Raises as
    :class:`Scorer` does.
    """
    scorer = Scorer(usecase, given, model=model)
    parts = list(scorer.batches())
    return Scores(
        features=pd.concat([with_text(part.features) for part in parts], ignore_index=True),
        scores=np.concatenate([part.scores for part in parts]),
        profile=scorer.profile,
        losses=_together([scorer.losses(part) for part in parts]),
    )


def _together(parts: list[Mapping[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def with_text(features: pd.DataFrame) -> pd.DataFrame:
    """Features as training has them: categories as text."""
    named = {
        str(name): as_text(features[name])
        for name in features
        if isinstance(features[name].dtype, pd.CategoricalDtype)
    }
    return features.assign(**named)


def _parts(file: Path, *, rows: int) -> Iterator[pd.DataFrame]:
    """The rows of a file, at least one part of them, if only empty."""
    empty = True
    for part in iter_table(file, rows=rows):
        empty = False
        yield part
    if empty:
        yield read_table(file)
