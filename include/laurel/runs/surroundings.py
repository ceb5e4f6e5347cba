"""What surrounded the champion on a night, from the records that were there by its end."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from laurel.adapters.environment import changed_versions
from laurel.adapters.records import find_bundle, read_environment
from laurel.domain.bundle import Bundle, Environment
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.data import FileRef
from laurel.domain.ledger import LedgerEntry, LedgerState
from laurel.domain.partition import Partition
from laurel.domain.report import plain
from laurel.domain.surroundings import (
    AgePoint,
    Dependencies,
    SchemaChange,
    Staleness,
    Volume,
)
from laurel.errors import NotFound
from laurel.runs.past import profile_key
from laurel.runs.site import Site
from laurel.usecase import UseCase

TRAININGS = 26
"""Trainings that the curve of past champions is drawn from: half a year of weekly ones."""

_METRICS: dict[str, dict[str, Any]] = {}
"""Metrics of trainings by their md5, for the nights that one process reports on."""


@dataclass(frozen=True)
class Surroundings:
    """What a report says of what surrounds the model."""

    staleness: Staleness
    volumes: tuple[Volume, ...]
    dependencies: Dependencies
    schemas: tuple[SchemaChange, ...]

    def document(self) -> dict[str, Any]:
        """Plain JSON values: part of what a report's run depends on."""
        return {
            "staleness": plain(self.staleness),
            "volumes": plain(self.volumes),
            "dependencies": plain(self.dependencies),
            "schemas": plain(self.schemas),
        }


def find_staleness(
    site: Site,
    usecase: UseCase,
    *,
    partition: Partition,
    champion: LedgerEntry,
    folder: Path,
) -> Staleness:
    """The champion's age, and champions on later hold-outs, by what was decided by the night."""
    ledger = site.ledger(usecase).read()
    decided = known_trainings(ledger, partition)
    later = [entry for entry in decided if entry.as_of > champion.as_of]
    points = (
        _age_point(site, usecase, ledger, entry, folder=folder) for entry in decided[-TRAININGS:]
    )
    return Staleness(
        age_days=_days(champion.as_of, partition),
        reigned_days=_days(champion.effective_from, partition),
        challengers=len(later),
        curve=tuple(point for point in points if point is not None),
    )


def find_volumes(
    states: Mapping[str, CatalogState], partition: Partition, *, days: int
) -> tuple[Volume, ...]:
    """Rows of the partition in each dataset, against the median of the trailing window."""
    return tuple(
        _volume(name, state, partition, days=days) for name, state in sorted(states.items())
    )


def find_dependencies(
    site: Site, *, scoring: Bundle, training: Bundle, before: Bundle | None
) -> Dependencies:
    """What the predictions were made on, against training and the night before."""
    now = scoring.environment
    return Dependencies(
        packages=now.packages,
        trained_on=training.environment.packages,
        before=before.environment.packages if before else None,
        since_training=tuple(_changes(site, training.environment, now)),
        since_before=tuple(_changes(site, before.environment, now)) if before else (),
    )


def find_schema_changes(
    site: Site, usecase: UseCase, states: Mapping[str, CatalogState], partition: Partition
) -> tuple[SchemaChange, ...]:
    """How columns and suites of the partition differ from those of the partition before."""
    found: list[SchemaChange] = []
    for name, state in sorted(states.items()):
        now = state.revision(partition.key, partition.end)
        then = state.revision(partition.shifted(-1).key, partition.end)
        if now is not None and then is not None:
            found += _schema_changes(site, usecase, name, then=then, now=now)
    return tuple(found)


def known_trainings(ledger: LedgerState, partition: Partition) -> list[LedgerEntry]:
    """The last word on each training that was effective by a partition's end, by as_of."""
    known = (
        entry
        for entry in ledger.history
        if entry.event != "rolled_back" and entry.run and entry.effective_from <= partition.end
    )
    return sorted({entry.as_of: entry for entry in known}.values(), key=lambda e: e.as_of)


def _age_point(
    site: Site, usecase: UseCase, ledger: LedgerState, entry: LedgerEntry, *, folder: Path
) -> AgePoint | None:
    training = find_bundle(site.store, usecase.name, "train", entry.run or "")
    version = training.inputs.get("champion") if training else None
    reigning = ledger.version(version) if version else None
    said = _metrics(site, training, folder=folder) if training and reigning else None
    if said is None or reigning is None or not said.get("champion"):
        return None
    return AgePoint(
        model_version=str(version),
        age_days=(entry.as_of - reigning.as_of).total_seconds() / 86_400,
        as_of=entry.as_of,
        rows=int(said.get("compared_rows", 0)),
        metrics=said["champion"],
        challenger=said["challenger"],
    )


def _metrics(site: Site, training: Bundle, *, folder: Path) -> dict[str, Any] | None:
    output = training.outputs.get(f"data/{training.usecase}/metrics.json")
    if output is None:
        return None
    md5 = str(output["md5"])
    if md5 not in _METRICS:
        path = folder / "metrics" / f"{md5}.json"
        try:
            site.plane.get(FileRef(md5, int(output["size"])), path)
        except NotFound:
            return None
        _METRICS[md5] = json.loads(path.read_bytes())
    return _METRICS[md5]


def _volume(dataset: str, state: CatalogState, partition: Partition, *, days: int) -> Volume:
    own = state.revision(partition.key, partition.end)
    past = (state.revision(partition.shifted(-n).key, partition.end) for n in range(1, days + 1))
    rows = [revision.rows for revision in past if revision is not None]
    usual = float(median(rows)) if rows else math.nan
    return Volume(
        dataset=dataset,
        rows=own.rows if own else None,
        usual=usual,
        ratio=own.rows / usual if own and usual > 0 else math.nan,
        partitions=len(rows),
        revision=own.revision if own else None,
    )


def _changes(site: Site, then: Environment, now: Environment) -> Iterator[str]:
    for name in ("python", "machine", "libc"):
        old, new = getattr(then, name), getattr(now, name)
        if old != new:
            yield f"{name} {old} became {new}"
    if then.packages != now.packages:
        try:
            lists = [read_environment(site.store, each.packages) for each in (then, now)]
        except NotFound:
            yield "the installed versions differ; a list of them was not kept"
            return
        yield from changed_versions(*lists)


def _schema_changes(
    site: Site, usecase: UseCase, dataset: str, *, then: Revision, now: Revision
) -> Iterator[SchemaChange]:
    if then.suite != now.suite:
        yield SchemaChange(dataset, "", "its expectation suite is another", then.partition)
    before, after = (_columns(site, usecase, dataset, revision) for revision in (then, now))
    if before is None or after is None:
        return
    for column in sorted(before.keys() | after.keys()):
        change = _change(before.get(column), after.get(column))
        if change:
            yield SchemaChange(dataset, column, change, then.partition)


def _columns(
    site: Site, usecase: UseCase, dataset: str, revision: Revision
) -> dict[str, str] | None:
    try:
        text = site.store.read(profile_key(usecase.name, dataset, revision.content_hash))
    except NotFound:
        return None
    return {name: str(each["type"]) for name, each in json.loads(text)["columns"].items()}


def _change(then: str | None, now: str | None) -> str:
    if then is None:
        return f"is new, {now}"
    if now is None:
        return "is gone"
    return "" if then == now else f"was {then}, is {now}"


def _days(moment: Any, partition: Partition) -> float:
    return float((partition.end - moment).total_seconds() / 86_400)


def known_states(site: Site, usecase: UseCase, datasets: Sequence[str]) -> dict[str, CatalogState]:
    """The catalogs of some datasets, each read once."""
    return {name: site.catalog(usecase, name).read() for name in datasets}
