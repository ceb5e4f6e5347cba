"""Predictions: what consumers get of a scored partition, written batch by batch and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.conform import check_keys, repeated_error
from laurel.adapters.overlap import ahead
from laurel.adapters.tables import (
    OrderedWriter,
    TableFacts,
    read_table,
    table_rows,
    write_table,
)
from laurel.adapters.tables.sorting import repeated_keys
from laurel.domain.config import PREDICTIONS, Column, Dataset, UseCaseConfig
from laurel.domain.config.check import Check, Distribution
from laurel.domain.objective import Objective, find_objective
from laurel.domain.objective.base import DECISION
from laurel.domain.profile import Counts, merge
from laurel.domain.sampling import night_rows, sample_rows
from laurel.errors import DataError, IntegrityError
from laurel.stages.score import BATCH, Batch, Given, Scorer

REFUSED = "refused.parquet"
"""Rows that could not be scored, beside the predictions that were not finished."""
CANDIDATES = 5_000
"""Rows of a partition, evenly taken, of which a few are kept as its sample."""
SHOWN = 5
"""Unseen categories that are named of a feature."""


@dataclass(frozen=True)
class Written:
    """Predictions as they were written, and what was counted on the way."""

    path: Path
    facts: TableFacts
    counts: Counts
    """The partition over the bins of the model's profile."""
    decisions: Mapping[str, int]
    """Rows by what was decided; empty where nothing is."""
    unseen: Mapping[str, Mapping[str, int]]
    """Feature → category that the model does not know → rows."""
    sample: pd.DataFrame
    """A few feature rows, for the reports of later nights."""


def write_predictions(
    scorer: Scorer, path: Path, *, model_version: str, batch: int = BATCH
) -> Written:
    """Score a partition into a Parquet file in canonical order.

    The bytes are those of the rows and the model alone: not of batches, threads or the order in
    which rows come. In memory are a few batches. Raises :class:`DataError` where rows cannot be
    scored (those are in :data:`REFUSED` beside it), where more than ``scoring.unseen`` allows are
    of categories that training never saw, and as :class:`Scorer` does.
    """
    config, tally = scorer.config, _Tally(scorer)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = predictions_dataset(config)
    order = list(dict.fromkeys((dataset.time, *dataset.key)))
    counted = ahead(tally.counted(scorer.batches(rows=batch), path.with_name(REFUSED)))
    with OrderedWriter(path, order, folder=path.parent) as writer:
        for each in counted:
            version, partition = model_version, scorer.partition.key
            frame = predictions(config, each.rows, each.scores, version, partition=partition)
            tally.decide(frame)
            writer.write(frame)
        facts = writer.finish()
    assert tally.sample is not None  # noqa: S101 - there is at least one batch
    decisions = dict(tally.decisions)
    return Written(path, facts, tally.counts, decisions, tally.unseen, tally.sample)


def expect_contract(written: Written, given: Given, config: UseCaseConfig, *, folder: Path) -> None:
    """Raise where predictions are not one for each row: :class:`IntegrityError` for another
    number of rows, :class:`DataError` for keys that repeat."""
    where = {"usecase": config.name, "dataset": PREDICTIONS, "partition": given.partition.key}
    dataset, rows = predictions_dataset(config), table_rows(given.file)
    if written.facts.rows != rows:
        raise IntegrityError(
            "there is not one prediction for each row",
            **where,
            found=f"{written.facts.rows} predictions",
            expected=f"{rows} rows",
        )
    if rows <= BATCH:
        check_keys(read_table(written.path, list(dataset.key)), dataset, where=where)
        return
    keys, repeated, examples = repeated_keys(written.path, dataset.key, folder=folder)
    if keys:
        raise repeated_error(keys, rows=repeated, examples=examples, dataset=dataset, where=where)


def predictions(
    config: UseCaseConfig,
    rows: pd.DataFrame,
    scores: NDArray[np.float32],
    model_version: str,
    *,
    partition: str,
) -> pd.DataFrame:
    """The table that consumers get: key, scores, decision, model version and partition.

    Scores are one column, or one for each class; a decision is there where the objective makes
    one. No time of day is in it, so equal inputs give equal bytes.
    """
    objective = find_objective(config.label)
    kept = rows[list(dict.fromkeys((*config.rows.key, config.rows.time)))]
    said = objective.columns(scores.astype("float64"), objective.score_columns)
    decided = objective.decide(scores, config.scoring.threshold)
    frame = kept.reset_index(drop=True).assign(
        **said, **({} if decided is None else {DECISION: decided.array})
    )
    frame["model_version"] = pd.Series(model_version, index=frame.index, dtype="str")
    frame["partition"] = pd.Series(partition, index=frame.index, dtype="str")
    return frame


def predictions_dataset(config: UseCaseConfig) -> Dataset:
    """The schema of the predictions of a use case, and what is promised of them.

    The rows' own time column is kept, so that consumers need no join to order them.
    """
    rows, objective = config.rows, find_objective(config.label)
    kept = dict.fromkeys((*rows.key, rows.time))
    return Dataset(
        role="rows",
        time=rows.time,
        key=rows.key,
        suite=config.scoring.suite,
        columns={
            **{name: rows.columns[name] for name in kept},
            **dict.fromkeys(objective.score_columns, Column(type="float64")),
            **({DECISION: objective.decision} if objective.decision else {}),
            "model_version": Column(type="string"),
            "partition": Column(type="string"),
        },
        checks=_checks(config, objective),
    )


def _checks(config: UseCaseConfig, objective: Objective) -> tuple[Check, ...]:
    """What is promised against the recent past: where nothing is said, that scores lie alike."""
    if config.scoring.checks is not None:
        return config.scoring.checks
    return (Distribution(kind="distribution", columns=objective.score_columns),)


@dataclass
class _Tally:
    """What is counted while a partition is scored, and what stops it."""

    scorer: Scorer
    decisions: Counter[str] = field(default_factory=Counter)
    unseen: dict[str, Counter[str]] = field(default_factory=dict)
    sample: pd.DataFrame | None = None
    _counts: Counts | None = None
    _rows: int = 0

    @property
    def counts(self) -> Counts:
        assert self._counts is not None  # noqa: S101 - there is at least one batch
        return self._counts

    def counted(self, batches: Iterator[Batch], refused: Path) -> Iterator[Batch]:
        """The batches, each counted; raises :class:`DataError` at the first that is refused."""
        objective = find_objective(self.scorer.config.label)
        for each in batches:
            self._refuse_infinite(each, refused)
            self._refuse_scores(each, objective, refused)
            counts = self.scorer.count(each)
            self._counts = counts if self._counts is None else merge(self._counts, counts)
            self._take_sample(each.features)
            self._rows += len(each.rows)
            self._note_unseen(each)
            yield each
        self._refuse_unseen()

    def _take_sample(self, features: pd.DataFrame) -> None:
        """Take every so manieth row of all, whatever the batches, and keep a few of these."""
        step = max(1, self.scorer.rows // CANDIDATES)
        kept = [] if self.sample is None else [self.sample]
        picked = sample_rows(features.iloc[-self._rows % step :: step], most=CANDIDATES)
        most = night_rows(len(features.columns))
        self.sample = sample_rows(pd.concat([*kept, picked], ignore_index=True), most=most)

    def decide(self, frame: pd.DataFrame) -> None:
        """Count what is decided."""
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

    def _refuse_unseen(self) -> None:
        allowed = self.scorer.config.scoring.allowed_unseen
        if allowed is None:
            return
        shares = {name: sum(found.values()) / self._rows for name, found in self.unseen.items()}
        above = {name: share for name, share in sorted(shares.items()) if share > allowed}
        if above:
            said = [self._unseen_words(name, share) for name, share in above.items()]
            raise DataError(
                "too many rows are of categories that the model never saw",
                **self._where,
                found="\n".join(said[:SHOWN]),
                expected=f"at most {allowed:.2%} of the rows of a feature (scoring.unseen)",
                hint="train on days that have them, or raise scoring.unseen.refuse_above",
            )

    def _unseen_words(self, name: str, share: float) -> str:
        if name in self.scorer.config.hidden:
            return f"{name}: {share:.2%}"
        shown = [level for level, _ in _most(self.unseen[name])[:SHOWN]]
        more = len(self.unseen[name]) - len(shown)
        return f"{name}: {share:.2%}, {', '.join(map(repr, shown))}" + (
            f" and {more} more" if more else ""
        )

    @property
    def _where(self) -> dict[str, str]:
        return {"usecase": self.scorer.config.name, "partition": self.scorer.partition.key}


def manifest(config: UseCaseConfig, written: Written, *, model_version: str) -> dict[str, Any]:
    """What is to be known of predictions: counts, histograms of scores, unseen categories."""
    hidden = config.hidden
    return {
        "model_version": model_version,
        "count": written.facts.rows,
        "decisions": dict(sorted(written.decisions.items())),
        "scores": written.counts["scores"],
        "unseen": {
            name: {
                "rows": sum(found.values()),
                "categories": len(found),
                "most": {} if name in hidden else dict(_most(found)[:SHOWN]),
            }
            for name, found in sorted(written.unseen.items())
        },
    }


def _keep(rows: pd.DataFrame, bad: NDArray[np.bool_], file: Path) -> None:
    write_table(rows.loc[bad].reset_index(drop=True), file)


def _most(found: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))
