"""One run of scoring: the champion of the score cutoff → predictions, validated and published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from laurel.domain.ledger import LedgerEntry
from laurel.domain.partition import Partition
from laurel.errors import DataError
from laurel.runs.beside import load_shadows
from laurel.runs.inputs import Inputs, await_inputs, lay_model, load_given
from laurel.runs.scored import (
    HELD,
    Pages,
    Scored,
    Spent,
    found_scored,
    hold_back,
    peak_memory,
    publish_scored,
    score_run,
)
from laurel.runs.shadow import challengers_of, publish_shadows, with_shadows
from laurel.runs.site import Site
from laurel.stages.predictions import Written, expect_contract
from laurel.stages.score import Given, Scorer
from laurel.stages.shadow import WrittenShadow, write_beside
from laurel.stages.tally import REFUSED
from laurel.usecase import UseCase


def inputs_ready(site: Site, usecase: UseCase, *, partition: Partition) -> None:
    """Raise :class:`Pending` while the partition or a due decision is missing."""
    await_inputs(site, usecase, partition=partition)


def score(
    site: Site,
    usecase: UseCase,
    *,
    partition: Partition,
    pages: Pages | None = None,
    shard_rows: int | None = None,
    complete: bool = True,
) -> Scored:
    """Score a partition and publish its predictions; equal inputs publish nothing new.

    Where it is scored already, challengers that missed it score it now if ``complete``.
    In one pass, but for use cases whose ``scoring.engine`` is Dask, and where ``shard_rows`` asks
    for shards. Raises :class:`Refused` for a version that no passing gate stands behind,
    :class:`ValidationFailed` when the predictions break their suite; the rows are in quarantine
    then.
    """
    if shard_rows is not None or usecase.config.scoring.engine.kind == "dask":
        from laurel.runs.sharded import score_sharded

        made = score_sharded(site, usecase, partition=partition, rows=shard_rows, pages=pages)
        if made is not None:
            return made
    inputs = await_inputs(site, usecase, partition=partition)
    run = score_run(usecase, inputs)
    entries = challengers_of(site, usecase, inputs)
    made = found_scored(site, usecase, inputs=inputs, run=run, pages=pages)
    if made is None:
        with site.workspace() as folder:
            made = _score(
                site, usecase, inputs=inputs, entries=entries, folder=folder, run=run, pages=pages
            )
    if not complete and not made.changed:
        return made
    return with_shadows(site, usecase, made, inputs=inputs, entries=entries)


def _score(
    site: Site,
    usecase: UseCase,
    *,
    inputs: Inputs,
    entries: Sequence[LedgerEntry],
    folder: Path,
    run: str,
    pages: Pages | None,
) -> Scored:
    started = perf_counter()
    given = load_given(site, usecase, inputs=inputs, folder=folder)
    model = lay_model(site, usecase, entry=inputs.champion, folder=folder / "model")
    written, shadows = _written(
        site, usecase, inputs=inputs, entries=entries, given=given, model=model
    )
    spent = Spent(perf_counter() - started, peak_memory())
    made = publish_scored(
        site,
        usecase,
        inputs=inputs,
        run=run,
        written=written,
        spent=replace(spent, shadow_seconds=sum(each.seconds for each in shadows)),
        folder=folder,
        pages=pages,
    )
    publish_shadows(site, usecase, inputs, entries, shadows)
    return made


def _written(
    site: Site,
    usecase: UseCase,
    *,
    inputs: Inputs,
    entries: Sequence[LedgerEntry],
    given: Given,
    model: Path,
) -> tuple[Written, list[WrittenShadow]]:
    """The predictions in a file, and those of challengers; rows that cannot be scored are in
    quarantine then."""
    folder = given.file.parent.parent
    path = folder / "published" / f"{inputs.partition.key}.parquet"
    version = inputs.champion.model_version or ""
    try:
        scorer = Scorer(usecase, given, model=model)
        shadows = load_shadows(
            site, usecase, entries, given=given, beside=scorer, folder=folder, canary=inputs.canary
        )
        written = write_beside(scorer, path, model_version=version, challengers=shadows.challengers)
        expect_contract(
            written,
            usecase.config,
            partition=inputs.partition,
            rows=inputs.rows.rows,
            folder=path.parent,
        )
    except DataError as error:
        refused = path.with_name(REFUSED)
        rows = refused if refused.exists() else given.file
        held = hold_back(site, usecase, error, inputs=inputs, name=HELD, file=rows)
        raise held from error
    return written, shadows.written()
