"""Whether rows that the newest training learned from have the same features when scored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from laurel.adapters.tables import read_table
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import digest
from laurel.domain.history import PARTITION
from laurel.domain.ledger import LedgerEntry
from laurel.domain.partition import Partition
from laurel.domain.train_serve import TrainServe, compare_features, keys_of
from laurel.errors import Pending
from laurel.runs.inputs import Inputs, choose_inputs, lay_files, load_given
from laurel.runs.site import Site
from laurel.runs.train import named_training, trained_files
from laurel.stages.score import Scorer, with_text
from laurel.usecase import UseCase

SAMPLE = 20_000
"""Rows that are compared at most."""


@dataclass(frozen=True)
class Learned:
    """A training of the ledger, and its bundle."""

    entry: LedgerEntry
    training: Bundle


def newest_learned(site: Site, usecase: UseCase, *, cutoff: datetime) -> Learned | None:
    """The training with the newest as_of among those whose decision was effective by ``cutoff``.

    Scoring waited for these, so a backfilled night finds the one that the live night found.
    """
    history = site.ledger(usecase).read().history
    made = [
        entry
        for entry in history
        if entry.run and entry.event != "rolled_back" and entry.effective_from <= cutoff
    ]
    if not made:
        return None
    entry = max(made, key=lambda each: (each.as_of, each.decided_at))
    run, bundle = entry.run or "", entry.bundle or ""
    return Learned(entry, named_training(site, usecase, run=run, bundle=bundle))


def train_serve(
    site: Site, usecase: UseCase, learned: Learned, *, seed: str, folder: Path
) -> TrainServe | None:
    """Compare a day of a training's frame with the features that scoring computes for it.

    The day, and of a large one which rows, follow from ``seed`` and the training alone. ``None``
    where scoring would have had to wait: something the day looks at was not known at its cutoff.
    """
    training = learned.training
    frame, day = _sample(site, training, seed=seed, folder=folder)
    try:
        inputs = choose_inputs(site, usecase, partition=day, champion=learned.entry)
    except Pending:
        return None
    given = load_given(site, usecase, inputs=inputs, folder=folder / "given")
    model = lay_files(site, trained_files(site, training), folder=folder / "model")
    key = list(usecase.config.rows.key)
    wanted = keys_of(frame, key)
    served = pd.concat(
        [
            pd.concat([part.rows[key], with_text(part.features)], axis=1)[
                keys_of(part.rows, key).isin(wanted)
            ]
            for part in Scorer(usecase, given, model=model).encoded()
        ],
        ignore_index=True,
    )
    differing, features, example = compare_features(frame, served, key=key)
    return TrainServe(
        run=training.id,
        partition=day.key,
        rows=len(frame),
        differing=differing,
        features=features,
        example=example,
        restated=_restated(training, inputs),
    )


def _sample(
    site: Site, training: Bundle, *, seed: str, folder: Path
) -> tuple[pd.DataFrame, Partition]:
    """Rows of one day of the frame, and the day."""
    files = site.plane.tree(training.outputs[f"data/{training.usecase}/frame"]["md5"])
    names = sorted(name for name in files if not name.endswith("/none.parquet"))
    number = int(digest([seed, training.id])[:12], 16)
    file = folder / "frame.parquet"
    site.plane.get(files[names[number % len(names)]], file)
    rows = read_table(file)
    days = sorted(rows[PARTITION].unique())
    day = Partition.of(str(days[number % len(days)]))
    own = rows[rows[PARTITION] == day.key]
    step = -(-len(own) // SAMPLE)
    return own.iloc[number % step :: step].reset_index(drop=True), day


def _restated(training: Bundle, inputs: Inputs) -> tuple[str, ...]:
    """Partitions that both read, but in other revisions."""
    known: dict[tuple[str, str], set[int]] = {}
    for name, lines in training.inputs["datasets"].items():
        for line in lines:
            known.setdefault((name, line["partition"]), set()).add(line["revision"])
    return tuple(
        f"{name} {partition} (revision {max(seen)} in training, {revision} scored)"
        for name, lines in sorted(inputs.read().items())
        for partition, revision, _ in lines
        if (seen := known.get((name, partition))) and revision not in seen
    )
