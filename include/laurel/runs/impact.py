"""Impact: which trainings, decisions, predictions and reports rest on a revision."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from laurel.adapters.records import Catalog, Ledger
from laurel.adapters.records.uses import find_uses
from laurel.domain.catalog import CatalogState
from laurel.domain.config import PREDICTIONS
from laurel.domain.impact import Impact, trace
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, NotFound
from laurel.runs.site import Site
from laurel.usecase import UseCase


def impact(
    site: Site,
    usecase: UseCase,
    *,
    dataset: str,
    partitions: Sequence[Partition],
    revision: int | None = None,
) -> Impact:
    """All that rests on these partitions of a dataset, read from the records.

    Asked about are the revisions that a newer one has superseded, or the only one; with
    ``revision`` exactly that one. Raises :class:`ConfigError` for an unknown dataset,
    :class:`NotFound` for a partition or revision that is not published.
    """
    state = _catalog(site, usecase, dataset)
    asked = {
        partition.key: _asked(state, usecase, dataset, partition, revision)
        for partition in partitions
    }
    return trace_impact(site, usecase, dataset=dataset, asked=asked, state=state)


def trace_impact(
    site: Site,
    usecase: UseCase,
    *,
    dataset: str,
    asked: dict[str, tuple[int, ...]],
    state: CatalogState,
) -> Impact:
    """All that rests on these revisions, by partition, of a dataset with that catalog."""
    uses = find_uses(
        site.store,
        usecase.name,
        rows=usecase.config.rows_name,
        memory=site.settings.home / "uses",
    )
    items = trace(
        uses,
        dataset=dataset,
        wanted=asked,
        ledger=Ledger(site.store, usecase.name).read(),
        predictions=Catalog(site.store, usecase.name, PREDICTIONS).read(),
    )
    newest = {key: len(state.revisions[key]) for key in asked}
    return Impact(usecase.name, dataset, asked, newest, items)


def _catalog(site: Site, usecase: UseCase, dataset: str) -> CatalogState:
    known = (*sorted(usecase.config.datasets), PREDICTIONS)
    if dataset not in known:
        near = difflib.get_close_matches(dataset, known, n=1)
        raise ConfigError(
            "the use case has no such dataset",
            usecase=usecase.name,
            found=dataset,
            expected=", ".join(known),
            hint=f"did you mean {near[0]!r}?" if near else None,
        )
    return Catalog(site.store, usecase.name, dataset).read()


def _asked(
    state: CatalogState, usecase: UseCase, dataset: str, partition: Partition, revision: int | None
) -> tuple[int, ...]:
    count = len(state.revisions.get(partition.key, ()))
    if count == 0 or (revision is not None and not 1 <= revision <= count):
        raise NotFound(
            "this partition has no such revision" if count else "this partition is not published",
            usecase=usecase.name,
            dataset=dataset,
            partition=partition.key,
            found=f"revisions 1 to {count}" if count else "no revision",
            expected=f"revision {revision}" if revision is not None else None,
            hint=f"see: laurel catalog {usecase.name} {dataset}",
        )
    return (revision,) if revision is not None else tuple(range(1, max(count, 2)))
