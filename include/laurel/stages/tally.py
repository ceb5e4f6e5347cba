"""What is counted while a partition is scored, and what stops it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.tables import write_table
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import column_types
from laurel.domain.objective import Objective, find_objective
from laurel.domain.objective.base import DECISION
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts, merge
from laurel.domain.sampling import night_rows, sample_rows
from laurel.errors import DataError
from laurel.stages.score import Batch, Scorer

REFUSED = "refused.parquet"
"""Rows that could not be scored, beside the predictions that were not finished."""
CANDIDATES = 5_000
"""Rows of a partition, evenly taken, of which a few are kept as its sample."""
SHOWN = 5
"""Unseen categories that are named of a feature."""


@dataclass
class Tally:
    """What is counted while a partition is scored, and what stops it."""

    scorer: Scorer
    decisions: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    """Rows by the model version that answers them."""
    unseen: dict[str, Counter[str]] = field(default_factory=dict)
    sample: pd.DataFrame | None = None
    columns: dict[str, str] = field(default_factory=dict)
    _counts: Counts | None = None
    _rows: int = 0
    """Rows of the partition before the next batch."""

    def __post_init__(self) -> None:
        self._rows = self.scorer.shard.first if self.scorer.shard else 0

    @property
    def counts(self) -> Counts:
        assert self._counts is not None  # noqa: S101 - there is at least one batch
        return self._counts

    def counted(self, batches: Iterator[Batch], refused: Path) -> Iterator[Batch]:
        """The batches, each counted; raises :class:`DataError` at the first that is refused."""
        for each in batches:
            self.expect(each, refused)
            counts = self.scorer.count(each.own())
            self._counts = counts if self._counts is None else merge(self._counts, counts)
            self.columns = self.columns or column_types(each.features)
            self._take_sample(each.features)
            self._rows += len(each.rows)
            self._note_unseen(each)
            yield each
        if self.scorer.shard is None:
            refuse_unseen(self.scorer.config, self.scorer.partition, self.unseen, rows=self._rows)

    def expect(self, batch: Batch, refused: Path) -> None:
        """Raise :class:`DataError` for infinite features, and scores that are none."""
        self._refuse_infinite(batch, refused)
        self._refuse_scores(batch, find_objective(self.scorer.config.label), refused)

    def _take_sample(self, features: pd.DataFrame) -> None:
        """Take every so manieth row of all, whatever the batches, and keep a few of these."""
        step = max(1, self.scorer.rows // CANDIDATES)
        kept = [] if self.sample is None else [self.sample]
        picked = sample_rows(features.iloc[-self._rows % step :: step], most=CANDIDATES)
        most = night_rows(len(features.columns))
        self.sample = sample_rows(pd.concat([*kept, picked], ignore_index=True), most=most)

    def decide(self, frame: pd.DataFrame) -> None:
        """Count who answers, and what is decided."""
        found = frame["model_version"].value_counts()
        self.versions.update({str(version): int(n) for version, n in found.items()})
        if DECISION in frame:
            found = frame[DECISION].value_counts(dropna=True)
            self.decisions.update({str(name).lower(): int(n) for name, n in found.items()})

    def _refuse_infinite(self, batch: Batch, refused: Path) -> None:
        infinite = np.isinf(batch.block.values)
        if not infinite.any():
            return
        names = [feature.name for feature in self.scorer.model.features]
        places = np.flatnonzero(infinite.any(axis=0))
        _keep(batch.rows, np.asarray(infinite.any(axis=1)), refused)
        raise DataError(
            "features are infinite, so their rows cannot be scored",
            **self._where,
            found=", ".join(f"{names[n]} in {int(infinite[:, n].sum())} row(s)" for n in places),
            expected="finite numbers, or nothing where there is none",
            hint="mend the rows or the feature code: a division by zero is the usual cause",
        )

    def _refuse_scores(self, batch: Batch, objective: Objective, refused: Path) -> None:
        scores = batch.scores if batch.scores.ndim == 2 else batch.scores[:, None]
        wrong = ~np.isfinite(scores)
        if objective.probabilities:
            wrong |= (scores < 0) | (scores > 1)
        if not wrong.any():
            return
        bad = np.asarray(wrong.any(axis=1))
        _keep(batch.rows, bad, refused)
        raise DataError(
            "the model's scores are not what its objective gives",
            **self._where,
            found=f"{int(bad.sum())} row(s), e.g. {scores[wrong][0]}",
            expected="probabilities, 0 to 1" if objective.probabilities else "finite numbers",
        )

    def _note_unseen(self, batch: Batch) -> None:
        for feature in self.scorer.model.features:
            if found := feature.unseen(batch.features[feature.name]):
                self.unseen.setdefault(feature.name, Counter()).update(found)

    @property
    def _where(self) -> dict[str, str]:
        return {"usecase": self.scorer.config.name, "partition": self.scorer.partition.key}


def refuse_unseen(
    config: UseCaseConfig,
    partition: Partition,
    unseen: Mapping[str, Mapping[str, int]],
    *,
    rows: int,
) -> None:
    """Raise :class:`DataError` where more rows of a partition than ``scoring.unseen`` allows are of
    categories that the model never saw."""
    allowed = config.scoring.allowed_unseen
    if allowed is None:
        return
    shares = {name: sum(found.values()) / rows for name, found in unseen.items()}
    above = {name: share for name, share in sorted(shares.items()) if share > allowed}
    if above:
        said = [_unseen_words(config, name, unseen[name], share) for name, share in above.items()]
        raise DataError(
            "too many rows are of categories that the model never saw",
            usecase=config.name,
            partition=partition.key,
            found="\n".join(said[:SHOWN]),
            expected=f"at most {allowed:.2%} of the rows of a feature (scoring.unseen)",
            hint="train on days that have them, or raise scoring.unseen.refuse_above",
        )


def _unseen_words(config: UseCaseConfig, name: str, found: Mapping[str, int], share: float) -> str:
    if name in config.hidden:
        return f"{name}: {share:.2%}"
    shown = [level for level, _ in most(found)[:SHOWN]]
    more = len(found) - len(shown)
    return f"{name}: {share:.2%}, {', '.join(map(repr, shown))}" + (
        f" and {more} more" if more else ""
    )


def _keep(rows: pd.DataFrame, bad: NDArray[np.bool_], file: Path) -> None:
    write_table(rows.loc[bad].reset_index(drop=True), file)


def most(found: Mapping[str, int]) -> list[tuple[str, int]]:
    """Categories with their rows, those of most rows first."""
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))
