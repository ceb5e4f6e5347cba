"""What nights leave behind for later ones: counts, samples, warnings, what they cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from laurel.adapters.environment import installed_versions
from laurel.adapters.records import find_bundle, write_environment
from laurel.adapters.tables import read_table, write_table
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import canonical_json
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts
from laurel.domain.report import DataWarning
from laurel.errors import NotFound
from laurel.runs.inputs import COUNTS, NIGHT_SAMPLE
from laurel.runs.past import said_of
from laurel.runs.site import Site
from laurel.usecase import UseCase


def keep_night(
    site: Site, bundle: Bundle, *, counts: Counts, sample: pd.DataFrame, folder: Path
) -> None:
    """Keep beside a scoring what reports of this night and of later ones are made of."""
    site.store.create(f"{bundle.prefix}/{COUNTS}", canonical_json(counts))
    file = folder / NIGHT_SAMPLE
    write_table(sample, file, durable=False)
    site.store.create(f"{bundle.prefix}/{NIGHT_SAMPLE}", file.read_bytes())
    write_environment(site.store, installed_versions())


def scoring_of(site: Site, usecase: UseCase, run: str) -> Bundle | None:
    """The bundle of the run that made predictions, as they were known or as corrected."""
    known = find_bundle(site.store, usecase.name, "score", run)
    return known or find_bundle(site.store, usecase.name, "restate", run)


def kept_nights(
    site: Site, usecase: UseCase, past: Sequence[Revision], *, version: str, folder: Path
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Counts and samples of earlier days by one model: others had other bins."""
    counts, samples = {}, {}
    for revision in past:
        bundle = scoring_of(site, usecase, revision.run)
        if bundle is None or bundle.model_version != version:
            continue
        counts[revision.partition] = json.loads(site.store.read(f"{bundle.prefix}/{COUNTS}"))
        path = folder / f"{revision.partition}.parquet"
        try:
            data = site.store.read(f"{bundle.prefix}/{NIGHT_SAMPLE}")
        except NotFound:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        samples[revision.partition] = read_table(path)
    return counts, samples


def newest_partitions(
    states: Mapping[str, CatalogState], *, partition: Partition
) -> dict[str, Partition | None]:
    """The newest partition of each dataset that was known at the end of this one."""
    found: dict[str, Partition | None] = {}
    for name, state in states.items():
        known = (
            key
            for key in state.revisions
            if key <= partition.key and state.revision(key, partition.end)
        )
        last = max(known, default=None)
        found[name] = Partition.of(last) if last else None
    return found


def warnings_of(
    site: Site, usecase: UseCase, states: Mapping[str, CatalogState], partition: Partition
) -> tuple[DataWarning, ...]:
    """What the suites of the partition's datasets warned of."""
    found = []
    for name, spec in sorted(usecase.config.datasets.items()):
        revision = states[name].revision(partition.key, partition.end)
        if revision is not None:
            texts = said_of(site, usecase, name, revision)
            found += [DataWarning(dataset=name, suite=spec.suite, text=text) for text in texts]
    return tuple(found)
