"""A scoring in shards: planned once, scored by whoever has room, put together and published.

The plan fixes inputs and model. Shards share the store alone: each leaves what it made in a staging
place under the id of the run, which is that of a run in one pass, and what is published has the
same bytes. A shard that is there already is not scored again, so only what failed is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from laurel.adapters.tables import ROW_GROUP
from laurel.domain.partition import Partition
from laurel.domain.shard import cut_shards
from laurel.errors import DataError, LaurelError
from laurel.runs.inputs import await_inputs, lay_model, load_given
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
from laurel.runs.shard_plan import (
    Plan,
    Planned,
    expect_done,
    fetch_part,
    is_published,
    keep_shard,
    read_done,
    read_plan,
    write_plan,
)
from laurel.runs.site import Site
from laurel.stages.predictions import Written, expect_contract
from laurel.stages.shadow import WrittenShadow
from laurel.stages.shards import (
    SAMPLE,
    SCORED,
    TOLD,
    Told,
    add_told,
    cut_shard,
    put_shadow_together,
    put_together,
    shadow_file,
)
from laurel.stages.shards import score_shard as score_rows
from laurel.stages.tally import REFUSED
from laurel.usecase import UseCase

Fetch = Callable[[str], Path]
"""Gives a file of a scored shard by its name."""


def plan_shards(
    site: Site, usecase: UseCase, *, partition: Partition, rows: int | None = None
) -> Planned:
    """Choose what a partition is scored from, once for all shards of ``rows`` rows.

    rows: as the use case says when left out. Raises as :func:`await_inputs`.
    """
    inputs = await_inputs(site, usecase, partition=partition)
    run = score_run(usecase, inputs)
    each, total = rows or usecase.config.scoring.shard_rows, inputs.rows.rows
    if each is None or total <= each or is_published(site, usecase, partition, run):
        return Planned(run, ())
    if inputs.canary is not None:
        # where it fails the champion answers every row, also those of shards that are done
        return Planned(run, ())
    write_plan(site, usecase, inputs=inputs, run=run)
    cut = cut_shards(total, rows=each, group=ROW_GROUP)
    return Planned(run, tuple(shard.name for shard in cut))


def score_shard(
    site: Site, usecase: UseCase, *, partition: Partition, run: str, shard: str
) -> dict[str, Any]:
    """Score one shard of a planned run into the staging place, unless it is there already.

    Raises as :func:`laurel.runs.score.score`; rows that cannot be scored are in quarantine then.
    """
    plan = read_plan(site, usecase, partition=partition, run=run)
    piece = plan.shard(shard)
    if read_done(plan, shard) is not None or is_published(site, usecase, partition, run):
        return {"shard": shard, "rows": piece.rows, "changed": False}
    started = perf_counter()
    with site.workspace() as folder:
        whole = load_given(site, usecase, inputs=plan.inputs, folder=folder)
        model = lay_model(site, usecase, entry=plan.inputs.champion, folder=folder / "model")
        given = cut_shard(whole, piece, folder / "rows.parquet")
        version, out = plan.inputs.champion.model_version or "", folder / "out"
        beside = lay_challengers(site, usecase, plan, folder)
        try:
            made = score_rows(
                usecase, given, model=model, version=version, folder=out, challengers=beside
            )
        except DataError as error:
            raise held_shard(site, usecase, error, plan, given.file, out / REFUSED) from error
        keep_shard(plan, shard, made, seconds=perf_counter() - started, peak=peak_memory())
    return {"shard": shard, "rows": piece.rows, "changed": True}


def publish_shards(
    site: Site,
    usecase: UseCase,
    *,
    partition: Partition,
    run: str,
    shards: Sequence[str],
    pages: Pages | None = None,
) -> Scored:
    """Put the shards of a planned run together, publish, and drop what was staged.

    Raises :class:`Refused` where a shard is missing, and as :func:`laurel.runs.score.score`.
    """
    plan = read_plan(site, usecase, partition=partition, run=run)
    found = found_scored(site, usecase, inputs=plan.inputs, run=run, pages=pages)
    if found is None:
        found = _publish(site, usecase, plan, shards, pages=pages)
    with suppress(LaurelError):  # what cannot be dropped here is left to laurel gc
        plan.staging.drop()
    entries = challengers_of(site, usecase, plan.inputs)
    return with_shadows(site, usecase, found, inputs=plan.inputs, entries=entries)


def lay_challengers(site: Site, usecase: UseCase, plan: Plan, folder: Path) -> dict[str, Path]:
    """The model folders of those that score in shadow, by model version.

    One that cannot be fetched is left out: it scores the partition by itself later, if it can.
    """
    found = {}
    for entry in plan.challengers:
        version = entry.model_version or ""
        with suppress(Exception):
            own = folder / "challengers" / version
            found[version] = lay_model(site, usecase, entry=entry, folder=own)
    return found


def held_shard(
    site: Site, usecase: UseCase, error: DataError, plan: Plan, rows: Path, refused: Path
) -> DataError:
    """The error of a shard that may not be scored, once its rows are in quarantine."""
    file = refused if refused.exists() else rows
    return hold_back(site, usecase, error, inputs=plan.inputs, name=HELD, file=file)


def _publish(
    site: Site, usecase: UseCase, plan: Plan, shards: Sequence[str], *, pages: Pages | None
) -> Scored:
    started = perf_counter()
    done = {name: expect_done(plan, usecase, name) for name in shards}
    with site.workspace() as folder:
        fetch = {
            name: partial(fetch_part, plan, usecase, folder, name, each)
            for name, each in done.items()
        }
        written, told = _together(site, usecase, plan, fetch, folder)
        spent = Spent(
            seconds=sum(each["seconds"] for each in done.values()) + perf_counter() - started,
            peak_memory_bytes=max(each["peak_memory_bytes"] for each in done.values()),
            shards=len(done),
            shadow_seconds=sum(own["seconds"] for each in told for own in each.shadows.values()),
        )
        made = publish_scored(
            site,
            usecase,
            inputs=plan.inputs,
            run=plan.run,
            written=written,
            spent=spent,
            folder=folder,
            pages=pages,
        )
        shadows = _shadows_together(usecase, plan, told, fetch, folder)
        publish_shadows(site, usecase, plan.inputs, plan.challengers, shadows)
    return made


def _shadows_together(
    usecase: UseCase, plan: Plan, told: Sequence[Told], fetch: Mapping[str, Fetch], folder: Path
) -> list[WrittenShadow]:
    """What challengers said; those of which a part is missing score the partition later."""
    found = []
    for entry in plan.challengers:
        version = entry.model_version or ""
        path = folder / "shadow" / version / f"{plan.inputs.partition.key}.parquet"
        with suppress(Exception):
            files = (each(shadow_file(version)) for each in fetch.values())
            made = put_shadow_together(version, told, files, usecase.config, path)
            found += [made] if made is not None else []
    return found


def _together(
    site: Site, usecase: UseCase, plan: Plan, fetch: Mapping[str, Fetch], folder: Path
) -> tuple[Written, list[Told]]:
    config, partition, rows = usecase.config, plan.inputs.partition, plan.inputs.rows.rows
    path = folder / "published" / f"{partition.key}.parquet"
    try:
        told = [Told.of(each(TOLD).read_bytes()) for each in fetch.values()]
        whole = add_told(told, config, partition=partition, rows=rows)
        written = put_together(_in_turn(fetch.values()), whole, config, path)
        expect_contract(written, config, partition=partition, rows=rows, folder=path.parent)
    except DataError as error:
        file = folder / HELD
        site.plane.place({file: plan.inputs.rows.md5})
        raise held_shard(site, usecase, error, plan, file, folder / REFUSED) from error
    return written, told


def _in_turn(shards: Iterable[Fetch]) -> Iterator[dict[str, Path]]:
    """The files of each shard, there until the next one is asked for."""
    for fetch in shards:
        files = {name: fetch(name) for name in (SCORED, SAMPLE)}
        yield files
        for file in files.values():
            file.unlink()
