"""What the runs of a night happened to cost, against the nights before: observations."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from statistics import median

from laurel.domain.catalog import CatalogState
from laurel.domain.config import PREDICTIONS
from laurel.domain.partition import Partition
from laurel.domain.surroundings import Cost
from laurel.errors import NotFound
from laurel.runs.site import Site
from laurel.usecase import UseCase

MEASURES = ("seconds", "rows_per_second", "peak_memory_bytes")
NIGHTS = 14
"""Nights that are looked back on: a fortnight says what is usual, and costs few reads."""


def find_costs(
    site: Site, usecase: UseCase, states: Mapping[str, CatalogState], partition: Partition
) -> tuple[Cost, ...]:
    """What ingesting and scoring the partition cost, against the median of the fortnight before.

    A run that made many partitions at once is counted once.
    """
    found: list[Cost] = []
    for dataset, state in sorted(states.items()):
        kind = "score" if dataset == PREDICTIONS else "ingest"
        own = state.revision(partition.key, partition.end)
        past = (
            state.revision(partition.shifted(-n).key, partition.end) for n in range(1, NIGHTS + 1)
        )
        if own is None:
            continue
        runs = dict.fromkeys(each.run for each in past if each is not None and each.run != own.run)
        name = kind if kind == "score" else f"{kind}/{dataset}"
        prefix = f"runs/{usecase.name}/{kind}"
        found += _compared(
            name,
            _observed(site, f"{prefix}/{own.run}"),
            [_observed(site, f"{prefix}/{run}") for run in runs],
        )
    return tuple(found)


def _compared(
    name: str, own: Mapping[str, float], past: Iterable[Mapping[str, float]]
) -> Iterator[Cost]:
    nights = list(past)
    for measure in MEASURES:
        if measure not in own:
            continue
        before = [night[measure] for night in nights if measure in night]
        usual = float(median(before)) if before else math.nan
        value = float(own[measure])
        ratio = value / usual if usual > 0 else math.nan
        yield Cost(name, measure, value, usual, ratio, len(before))


def _observed(site: Site, prefix: str) -> dict[str, float]:
    """The first observation beside a run; none where it was not observed."""
    try:
        return dict(json.loads(site.store.read(f"{prefix}/observed/000001.json")))
    except NotFound:
        return {}
