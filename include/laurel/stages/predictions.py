"""Predictions: what consumers get of a scored partition, written batch by batch and counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.conform import check_keys, repeated_error
from laurel.adapters.overlap import ahead
from laurel.adapters.tables import (
    OrderedWriter,
    TableFacts,
    read_table,
)
from laurel.adapters.tables.sorting import repeated_keys
from laurel.domain.config import PREDICTIONS, Column, Dataset, UseCaseConfig
from laurel.domain.config.check import Check, Distribution
from laurel.domain.objective import Objective, find_objective
from laurel.domain.objective.base import DECISION
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts
from laurel.errors import IntegrityError
from laurel.stages.score import BATCH, Batch, Scorer
from laurel.stages.tally import REFUSED, SHOWN, Tally, most


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
    columns: Mapping[str, str]
    """Feature → type, as the feature code gave it."""
    versions: Mapping[str, int] = field(default_factory=dict)
    """Rows by the model version that answers them; empty where all are the champion's."""


class Beside(Protocol):
    """What goes along with the batches of a scoring: a challenger in shadow, or a canary."""

    def along(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches, each with what it says of the rows."""
        ...

    def answer(self, batch: Batch, frame: pd.DataFrame) -> pd.DataFrame:
        """The predictions of a batch, with its own answers where it answers; keeps what it says."""
        ...

    def finish(self) -> None:
        """There are no more batches."""
        ...


def write_predictions(
    scorer: Scorer,
    path: Path,
    *,
    model_version: str,
    batch: int = BATCH,
    beside: Sequence[Beside] = (),
) -> Written:
    """Score a partition into a Parquet file in canonical order.

    The bytes are those of the rows and the model alone: not of batches, threads or the order in
    which rows come. In memory are a few batches. Raises :class:`DataError` where rows cannot be
    scored (those are in :data:`REFUSED` beside it), where more than ``scoring.unseen`` allows are
    of categories that training never saw, and as :class:`Scorer` does. beside: challengers that
    see the same batches.
    """
    config, tally = scorer.config, Tally(scorer)
    path.parent.mkdir(parents=True, exist_ok=True)
    batches = scorer.batches(rows=batch)
    for challenger in beside:
        batches = ahead(challenger.along(batches))
    counted = ahead(tally.counted(batches, path.with_name(REFUSED)))
    with OrderedWriter(path, predictions_order(config), folder=path.parent) as writer:
        for each in counted:
            version, partition = model_version, scorer.partition.key
            frame = predictions(config, each.rows, each.scores, version, partition=partition)
            for challenger in beside:
                frame = challenger.answer(each, frame)
            tally.decide(frame)
            writer.write(frame)
        facts = writer.finish()
    for challenger in beside:
        challenger.finish()
    assert tally.sample is not None  # noqa: S101 - there is at least one batch
    return Written(
        path=path,
        facts=facts,
        counts=tally.counts,
        decisions=dict(tally.decisions),
        unseen=tally.unseen,
        sample=tally.sample,
        columns=tally.columns,
        versions=dict(tally.versions) if {*tally.versions} - {model_version} else {},
    )


def expect_contract(
    written: Written, config: UseCaseConfig, *, partition: Partition, rows: int, folder: Path
) -> None:
    """Raise where predictions are not one for each of so many rows: :class:`IntegrityError` for
    another number of them, :class:`DataError` for keys that repeat."""
    where = {"usecase": config.name, "dataset": PREDICTIONS, "partition": partition.key}
    dataset = predictions_dataset(config)
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


def predictions_order(config: UseCaseConfig) -> list[str]:
    """The columns that predictions are in the order of."""
    return list(dict.fromkeys((config.rows.time, *config.rows.key)))


def _checks(config: UseCaseConfig, objective: Objective) -> tuple[Check, ...]:
    """What is promised against the recent past: where nothing is said, that scores lie alike."""
    if config.scoring.checks is not None:
        return config.scoring.checks
    return (Distribution(kind="distribution", columns=objective.score_columns),)


def manifest(config: UseCaseConfig, written: Written, *, model_version: str) -> dict[str, Any]:
    """What is to be known of predictions: counts, histograms of scores, unseen categories."""
    hidden = config.hidden
    return {
        "model_version": model_version,
        "count": written.facts.rows,
        "decisions": dict(sorted(written.decisions.items())),
        **({"versions": dict(sorted(written.versions.items()))} if written.versions else {}),
        "scores": written.counts["scores"],
        "unseen": {
            name: {
                "rows": sum(found.values()),
                "categories": len(found),
                "most": {} if name in hidden else dict(most(found)[:SHOWN]),
            }
            for name, found in sorted(written.unseen.items())
        },
    }
