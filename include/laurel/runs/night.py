"""What a night's report is made of: read from the records, fetched and joined."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from laurel.adapters.quarantine import list_quarantine
from laurel.adapters.records import find_bundle
from laurel.adapters.tables import read_table
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import instant
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.config import PREDICTIONS
from laurel.domain.history import (
    KNOWN_AT,
    PARTITION,
    cutoff_of,
    fold_labels,
    join_labels,
    stamp,
)
from laurel.domain.lateness import count_labels
from laurel.domain.ledger import LedgerEntry
from laurel.domain.partition import Partition
from laurel.domain.report import ChampionFacts, DataWarning, Quarantined
from laurel.errors import IntegrityError, NotFound, Pending
from laurel.runs.inputs import COUNTS, Inputs, choose_inputs, lay_files, line_of, load_given
from laurel.runs.past import said_of
from laurel.runs.settling import Said, said_of_night
from laurel.runs.site import Site
from laurel.runs.train import named_training, trained_files
from laurel.runs.train_serve import Learned, newest_learned
from laurel.stages.monitor import MonitorInput
from laurel.stages.score import Scores
from laurel.stages.score import score as score_rows
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Served:
    """The model that made the predictions of a night."""

    model_version: str
    entry: LedgerEntry
    """The champion, as the ledger names it."""
    training: Bundle
    """The run that made the model."""

    def facts(self, profile: Mapping[str, Any]) -> ChampionFacts:
        """What a report says of it."""
        return ChampionFacts(
            model_version=self.model_version,
            as_of=self.entry.as_of,
            since=self.entry.effective_from,
            holdout=_holdout(self.training),
            profile=profile,
        )


@dataclass(frozen=True)
class Night:
    """The revisions that a report rests on, all known at the partition's end."""

    partition: Partition
    predictions: Revision
    past: tuple[Revision, ...]
    """Predictions of the trailing window."""
    labels: tuple[Revision, ...]
    held: tuple[Quarantined, ...]
    """Rows of the partition that wait in quarantine."""
    served: Served
    again: Inputs
    """What the partition would be scored from now, to compare with what was published."""
    alarms: Said
    """What is known of alarms."""
    learned: Learned | None = None
    """The newest training, whose frame is compared with features as scored; none for a night
    again."""

    def document(self, labels: str) -> dict[str, Any]:
        """Plain JSON values, for the run's id and bundle; ``labels`` names their dataset."""
        read = {name: [*lines] for name, lines in self.again.read().items()}
        known = [line for line in map(line_of, self.labels) if line not in read.get(labels, ())]
        read[labels] = [*read.get(labels, ()), *known]
        read[PREDICTIONS] = [*map(line_of, self.past), line_of(self.predictions)]
        said = {
            "read": read,
            "quarantine": [item.id for item in self.held],
            "alarms": self.alarms.document(),
        }
        return {**said, "learned": self.learned.training.id} if self.learned else said


def choose_night(site: Site, usecase: UseCase, *, partition: Partition) -> Night:
    """Choose by the records alone what the report of a partition rests on.

    Raises :class:`Pending` when there are no predictions.
    """
    days = usecase.config.monitoring.reference_days
    predictions = site.catalog(usecase, PREDICTIONS).read()
    labels = site.catalog(usecase, usecase.config.labels_name).read()
    own = predictions.revision(partition.key, partition.end)
    if own is None:
        raise Pending(
            "the partition has no predictions yet",
            usecase=usecase.name,
            dataset=PREDICTIONS,
            partition=partition.key,
            hint=f"run {usecase.name}_score for it",
        )
    served = _served(site, usecase, own=own, partition=partition)
    return Night(
        partition=partition,
        predictions=own,
        past=_known(predictions, partition, first=-days, last=-1),
        labels=_known(labels, partition, first=-days, last=0),
        held=_held(site, usecase, partition=partition),
        served=served,
        again=choose_inputs(site, usecase, partition=partition, champion=served.entry),
        alarms=said_of_night(site, usecase, partition),
        learned=newest_learned(site, usecase, cutoff=cutoff_of(partition, usecase.config)),
    )


def gather(site: Site, usecase: UseCase, *, night: Night, folder: Path) -> MonitorInput:
    """Fetch what the night's report is made of, each file checked against its md5."""
    partition, own = night.partition, night.predictions
    again = _score_again(site, usecase, night=night, folder=folder)
    served = _load(site, (*night.past, own), folder=folder / "past")
    labels = _load(site, night.labels, folder=folder / "labels")
    return MonitorInput(
        partition=partition,
        champion=night.served.facts(again.profile),
        features=again.features,
        predictions=_load(site, (own,), folder=folder / "own"),
        trailing=_matured(usecase, predictions=served, labels=labels),
        trailing_counts=_counts(site, usecase, night=night),
        newest=_newest(site, usecase, partition=partition),
        warnings=_warnings(site, usecase, partition=partition),
        quarantine=night.held,
        rescored=again.scores,
        labels=count_labels(served, labels, usecase.config, last=night.labels[-1].partition)
        if night.labels
        else None,
        observed=_observed(site, usecase, own=own),
    )


def _known(
    state: CatalogState, partition: Partition, *, first: int, last: int
) -> tuple[Revision, ...]:
    days = (partition.shifted(n) for n in range(first, last + 1))
    found = (state.revision(day.key, partition.end) for day in days)
    return tuple(revision for revision in found if revision is not None)


def _held(site: Site, usecase: UseCase, *, partition: Partition) -> tuple[Quarantined, ...]:
    return tuple(
        Quarantined(dataset=item.dataset, id=item.id, reasons=item.reasons)
        for item in list_quarantine(site.store, usecase.name)
        if item.partition == partition.key
    )


def scoring_of(site: Site, usecase: UseCase, run: str) -> Bundle | None:
    """The bundle of the run that made predictions, as they were known or as corrected."""
    known = find_bundle(site.store, usecase.name, "score", run)
    return known or find_bundle(site.store, usecase.name, "restate", run)


def _served(site: Site, usecase: UseCase, *, own: Revision, partition: Partition) -> Served:
    scoring = find_bundle(site.store, usecase.name, "score", own.run)
    if scoring is None:
        raise NotFound(
            "the run that published the predictions has no bundle",
            usecase=usecase.name,
            partition=partition.key,
            found=own.run,
        )
    version = scoring.model_version or ""
    entry = site.ledger(usecase).read().version(version)
    if entry is None or entry.run is None:
        raise IntegrityError(
            "the ledger does not know the version that made the predictions",
            usecase=usecase.name,
            partition=partition.key,
            found=version,
        )
    training = named_training(site, usecase, run=entry.run, bundle=entry.bundle or "")
    return Served(model_version=version, entry=entry, training=training)


def _score_again(site: Site, usecase: UseCase, *, night: Night, folder: Path) -> Scores:
    """The model's scores on the features as they are known now."""
    given = load_given(site, usecase, inputs=night.again, folder=folder / "given")
    files = trained_files(site, night.served.training)
    return score_rows(usecase, given, model=lay_files(site, files, folder=folder / "model"))


def _holdout(training: Bundle) -> Mapping[str, float]:
    checks = (training.verdict or {}).get("metrics", {})
    return {name: float(value) for name, value in checks.items() if value is not None}


def _load(site: Site, revisions: tuple[Revision, ...], *, folder: Path) -> pd.DataFrame:
    paths = {folder / f"{revision.partition}.parquet": revision for revision in revisions}
    site.plane.place({path: revision.md5 for path, revision in paths.items()})
    frames = [
        stamp(read_table(path), partition=revision.partition, known_at=instant(revision.known_at))
        for path, revision in paths.items()
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _matured(usecase: UseCase, *, predictions: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Predictions with the labels that had arrived; the label is missing where none had."""
    config = usecase.config
    plain = predictions.drop(columns=KNOWN_AT)
    if labels.empty:
        return plain.assign(label=float("nan"))
    folded = fold_labels(labels.drop(columns=PARTITION), config)
    columns = [*config.labels.key, config.label.column, KNOWN_AT]
    joined = join_labels(plain, folded[columns], config, how="left")
    return joined.rename(columns={config.label.column: "label"})


def _counts(site: Site, usecase: UseCase, *, night: Night) -> dict[str, Any]:
    """Counts of earlier days over the model's profile; other models had other bins."""
    found = {}
    for revision in night.past:
        bundle = scoring_of(site, usecase, revision.run)
        if bundle is not None and bundle.model_version == night.served.model_version:
            found[revision.partition] = json.loads(site.store.read(f"{bundle.prefix}/{COUNTS}"))
    return found


def _newest(site: Site, usecase: UseCase, *, partition: Partition) -> dict[str, Partition | None]:
    found: dict[str, Partition | None] = {}
    for name in (*sorted(usecase.config.datasets), PREDICTIONS):
        state = site.catalog(usecase, name).read()
        known = (
            revision.partition
            for revision in state.newest()
            if revision.partition <= partition.key
            and state.revision(revision.partition, partition.end)
        )
        last = max(known, default=None)
        found[name] = Partition.of(last) if last else None
    return found


def _warnings(site: Site, usecase: UseCase, *, partition: Partition) -> tuple[DataWarning, ...]:
    found = []
    for name, spec in sorted(usecase.config.datasets.items()):
        revision = site.catalog(usecase, name).read().revision(partition.key, partition.end)
        if revision is not None:
            texts = said_of(site, usecase, name, revision)
            found += [DataWarning(dataset=name, suite=spec.suite, text=text) for text in texts]
    return tuple(found)


def _observed(site: Site, usecase: UseCase, *, own: Revision) -> Mapping[str, float]:
    prefix = f"runs/{usecase.name}/score/{own.run}/observed/"
    keys = list(site.store.keys(prefix))
    return json.loads(site.store.read(keys[-1])) if keys else {}
