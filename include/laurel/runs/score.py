"""One run of scoring: the champion of the score cutoff → predictions, validated and published."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from laurel.domain.partition import Partition
from laurel.errors import DataError
from laurel.runs.inputs import Inputs, choose_inputs, lay_model, load_given
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
from laurel.runs.site import Site
from laurel.stages.predictions import Written, expect_contract, write_predictions
from laurel.stages.score import Given, Scorer
from laurel.stages.tally import REFUSED
from laurel.usecase import UseCase


def inputs_ready(site: Site, usecase: UseCase, *, partition: Partition) -> None:
    """Raise :class:`Pending` while the partition or a due decision is missing."""
    choose_inputs(site, usecase, partition=partition)


def score(
    site: Site, usecase: UseCase, *, partition: Partition, pages: Pages | None = None
) -> Scored:
    """Score a partition and publish its predictions; equal inputs publish nothing new.

    Raises :class:`Refused` for a version that no passing gate stands behind,
    :class:`ValidationFailed` when the predictions break their suite; the rows are in quarantine
    then.
    """
    inputs = choose_inputs(site, usecase, partition=partition)
    run = score_run(usecase, inputs)
    found = found_scored(site, usecase, inputs=inputs, run=run, pages=pages)
    if found is not None:
        return found
    with site.workspace() as folder:
        return _score(site, usecase, inputs=inputs, folder=folder, run=run, pages=pages)


def _score(
    site: Site,
    usecase: UseCase,
    *,
    inputs: Inputs,
    folder: Path,
    run: str,
    pages: Pages | None,
) -> Scored:
    started = perf_counter()
    given = load_given(site, usecase, inputs=inputs, folder=folder)
    model = lay_model(site, usecase, entry=inputs.champion, folder=folder / "model")
    written = _written(site, usecase, inputs=inputs, given=given, model=model)
    return publish_scored(
        site,
        usecase,
        inputs=inputs,
        run=run,
        written=written,
        spent=Spent(perf_counter() - started, peak_memory()),
        folder=folder,
        pages=pages,
    )


def _written(site: Site, usecase: UseCase, *, inputs: Inputs, given: Given, model: Path) -> Written:
    """The predictions in a file; rows that cannot be scored are in quarantine then."""
    path = given.file.parent.parent / "published" / f"{inputs.partition.key}.parquet"
    version = inputs.champion.model_version or ""
    try:
        scorer = Scorer(usecase, given, model=model)
        written = write_predictions(scorer, path, model_version=version)
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
    return written
