"""What the runs of a night happened to cost, against those before: observations."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from statistics import median

from laurel.domain.config import PREDICTIONS
from laurel.domain.partition import Partition
from laurel.domain.surroundings import Cost
from laurel.errors import NotFound
from laurel.runs.reports import list_reports
from laurel.runs.site import Site
from laurel.runs.surroundings import known_states, known_trainings
from laurel.usecase import UseCase

Observed = Mapping[str, float]

MEASURES = ("seconds", "rows_per_second", "peak_memory_bytes")
NIGHTS = 14
"""Nights that are looked back on: a fortnight says what is usual, and costs few reads."""


def find_costs(
    site: Site, usecase: UseCase, partition: Partition, *, monitored: Observed
) -> tuple[Cost, ...]:
    """What the runs of a partition cost, against the median of the fortnight before.

    monitored: what this night's own report cost. Of trainings, the newest one is compared with as
    many before it. A run that made many partitions at once is counted once.
    """
    return (
        *_made(site, usecase, partition),
        *_monitored(site, usecase, partition, monitored),
        *_trained(site, usecase, partition),
    )


def _made(site: Site, usecase: UseCase, partition: Partition) -> Iterator[Cost]:
    """Of ingesting and scoring."""
    states = known_states(site, usecase, (*sorted(usecase.config.datasets), PREDICTIONS))
    for dataset, state in sorted(states.items()):
        kind = "score" if dataset == PREDICTIONS else "ingest"
        own = state.revision(partition.key, partition.end)
        past = (state.revision(day.key, partition.end) for day in _before(partition))
        if own is None:
            continue
        runs = dict.fromkeys(each.run for each in past if each is not None and each.run != own.run)
        name = kind if kind == "score" else f"{kind}/{dataset}"
        yield from _compared(
            name,
            _observed(site, usecase, kind, own.run),
            [_observed(site, usecase, kind, run) for run in runs],
        )


def _monitored(site: Site, usecase: UseCase, partition: Partition, own: Observed) -> Iterator[Cost]:
    nights = {day.key for day in _before(partition)}
    past = list_reports(site.store, usecase.name, nights)
    runs = [_observed(site, usecase, "monitor", each.run) for each in past]
    yield from _compared("monitor", own, runs)


def _trained(site: Site, usecase: UseCase, partition: Partition) -> Iterator[Cost]:
    known = known_trainings(site.ledger(usecase).read(), partition)
    runs = [_observed(site, usecase, "train", each.run or "") for each in known[-1 - NIGHTS :]]
    if runs:
        yield from _compared("train", runs[-1], runs[:-1])


def _before(partition: Partition) -> Iterable[Partition]:
    return (partition.shifted(-number) for number in range(1, NIGHTS + 1))


def _compared(name: str, own: Observed, past: Iterable[Observed]) -> Iterator[Cost]:
    known = list(past)
    for measure in MEASURES:
        if measure not in own:
            continue
        before = [run[measure] for run in known if measure in run]
        usual = float(median(before)) if before else math.nan
        value = float(own[measure])
        ratio = value / usual if usual > 0 else math.nan
        yield Cost(name, measure, value, usual, ratio, len(before))


def _observed(site: Site, usecase: UseCase, kind: str, run: str) -> dict[str, float]:
    """The first observation beside a run; none where it was not observed."""
    key = f"runs/{usecase.name}/{kind}/{run}/observed/000001.json"
    try:
        return dict(json.loads(site.store.read(key)))
    except NotFound:
        return {}
