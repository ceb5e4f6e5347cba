"""What a night's report is made of: read from the records, fetched and joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from laurel.adapters.quarantine import list_quarantine
from laurel.adapters.records import find_bundle
from laurel.adapters.tables import read_table
from laurel.adapters.xgboost import SAMPLE
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import digest
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.config import PREDICTIONS
from laurel.domain.history import cutoff_of
from laurel.domain.ledger import LedgerEntry
from laurel.domain.partition import Partition
from laurel.domain.realising import sliced_columns
from laurel.domain.report import ChampionFacts, Quarantined
from laurel.errors import IntegrityError, NotFound, Pending
from laurel.runs.inputs import Inputs, choose_inputs, line_of
from laurel.runs.kept import (
    kept_nights,
    newest_partitions,
    scoring_of,
    warnings_of,
)
from laurel.runs.night_seen import see_night
from laurel.runs.night_shadows import NightShadow, find_night_shadows, shadows_beside
from laurel.runs.settling import Said, said_of_night
from laurel.runs.shadow import shadow_dataset
from laurel.runs.site import Site
from laurel.runs.surroundings import (
    Surroundings,
    find_dependencies,
    find_schema_changes,
    find_staleness,
    find_volumes,
    known_states,
)
from laurel.runs.trailing import load_trailing
from laurel.runs.train import named_training
from laurel.runs.train_serve import Learned, newest_learned
from laurel.stages.monitor import MonitorInput
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
    rows: tuple[Revision, ...]
    """The raw rows of the window, for the columns that performance is sliced by; none where there
    are no such columns."""
    again: Inputs
    """What the partition would be scored from now, to compare with what was published."""
    alarms: Said
    """What is known of alarms."""
    learned: Learned | None = None
    """The newest training, whose frame is compared with features as scored; none for a night
    again."""
    around: Surroundings | None = None
    """What surrounded the model; ``None`` where that is not looked at."""
    shadows: tuple[NightShadow, ...] = ()
    """The challengers beside it."""

    def document(self, labels: str) -> dict[str, Any]:
        """Plain JSON values, for the run's id and bundle; ``labels`` names their dataset."""
        read = {name: [*lines] for name, lines in self.again.read().items()}
        known = [line for line in map(line_of, self.labels) if line not in read.get(labels, ())]
        read[labels] = [*read.get(labels, ()), *known]
        read[PREDICTIONS] = [*map(line_of, self.past), line_of(self.predictions)]
        for shadow in self.shadows:
            read[shadow_dataset(shadow.version)] = [*map(line_of, shadow.revisions)]
        faults = {shadow.version: shadow.fault for shadow in self.shadows if shadow.fault}
        sliced = {"sliced": [*map(line_of, self.rows)]} if self.rows else {}
        around = {"around": digest(self.around.document())} if self.around else {}
        said = {
            "read": read,
            "quarantine": [item.id for item in self.held],
            "alarms": self.alarms.document(),
            **sliced,
            **around,
            **({"shadows": faults} if faults else {}),
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
    again = choose_inputs(site, usecase, partition=partition, champion=served.entry)
    return Night(
        partition=partition,
        predictions=own,
        past=_known(predictions, partition, first=-days, last=-1),
        labels=_known(labels, partition, first=-days, last=0),
        held=_held(site, usecase, partition=partition),
        rows=sliced_rows(site, usecase, partition=partition),
        served=served,
        again=again,
        alarms=said_of_night(site, usecase, partition),
        learned=newest_learned(site, usecase, cutoff=cutoff_of(partition, usecase.config)),
        shadows=find_night_shadows(site, usecase, inputs=again, served=own, partition=partition),
    )


def survey(site: Site, usecase: UseCase, *, night: Night, folder: Path) -> Night:
    """The night with what surrounded the model; ``folder`` is for what has to be fetched."""
    partition, served = night.partition, night.served
    states = _states(site, usecase)
    scoring = scoring_of(site, usecase, night.predictions.run)
    before = scoring_of(site, usecase, night.past[-1].run) if night.past else None
    datasets = {name: state for name, state in states.items() if name != PREDICTIONS}
    days = usecase.config.monitoring.reference_days
    around = Surroundings(
        staleness=find_staleness(
            site, usecase, partition=partition, champion=served.entry, folder=folder
        ),
        volumes=find_volumes(states, partition, days=days),
        dependencies=find_dependencies(
            site, scoring=scoring or served.training, training=served.training, before=before
        ),
        schemas=find_schema_changes(site, usecase, datasets, partition),
    )
    return replace(night, around=around)


def gather(site: Site, usecase: UseCase, *, night: Night, folder: Path) -> MonitorInput:
    """Fetch what the night's report is made of, each file checked against its md5."""
    partition, own = night.partition, night.predictions
    profile, seen = see_night(
        site,
        usecase,
        inputs=night.again,
        predictions=own,
        training=night.served.training,
        folder=folder,
    )
    trailing = load_trailing(
        site,
        usecase,
        served=(*night.past, own),
        labels=night.labels,
        rows=night.rows,
        folder=folder / "trailing",
    )
    version = night.served.model_version
    counts, samples = kept_nights(
        site, usecase, night.past, version=version, folder=folder / "samples"
    )
    around, sample = night.around, folder / "model" / SAMPLE
    states = _states(site, usecase)
    return MonitorInput(
        partition=partition,
        champion=night.served.facts(profile),
        seen=seen,
        trailing=trailing.rows,
        sampled=trailing.sampled,
        trailing_counts=counts,
        newest=newest_partitions(states, partition=partition),
        warnings=warnings_of(site, usecase, states, partition),
        quarantine=night.held,
        labels=trailing.labels,
        reference=read_table(sample) if sample.is_file() else None,
        samples=samples,
        staleness=around.staleness if around else None,
        volumes=around.volumes if around else (),
        dependencies=around.dependencies if around else None,
        schemas=around.schemas if around else (),
        shadows=shadows_beside(
            site,
            usecase,
            night.shadows,
            partition=partition,
            trailing=trailing,
            folder=folder / "shadows",
        ),
    )


def _known(
    state: CatalogState, partition: Partition, *, first: int, last: int
) -> tuple[Revision, ...]:
    days = (partition.shifted(n) for n in range(first, last + 1))
    found = (state.revision(day.key, partition.end) for day in days)
    return tuple(revision for revision in found if revision is not None)


def sliced_rows(site: Site, usecase: UseCase, *, partition: Partition) -> tuple[Revision, ...]:
    """The raw rows of a night's window, each as it was known when it was scored."""
    config = usecase.config
    if not sliced_columns(config):
        return ()
    state, days = site.catalog(usecase, config.rows_name).read(), config.monitoring.reference_days
    window = (partition.shifted(number) for number in range(-days, 1))
    found = (state.revision(day.key, day.end) for day in window)
    return tuple(revision for revision in found if revision is not None)


def _held(site: Site, usecase: UseCase, *, partition: Partition) -> tuple[Quarantined, ...]:
    return tuple(
        Quarantined(dataset=item.dataset, id=item.id, reasons=item.reasons)
        for item in list_quarantine(site.store, usecase.name)
        if item.partition == partition.key
    )


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


def _holdout(training: Bundle) -> Mapping[str, float]:
    checks = (training.verdict or {}).get("metrics", {})
    return {name: float(value) for name, value in checks.items() if value is not None}


def _states(site: Site, usecase: UseCase) -> dict[str, CatalogState]:
    return known_states(site, usecase, (*sorted(usecase.config.datasets), PREDICTIONS))
