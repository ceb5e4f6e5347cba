"""A scoring in shards: planned once, scored by whoever has room, put together and published.

The plan fixes inputs and model. Shards share the store alone: each leaves what it made in a staging
place under the id of the run, which is that of a run in one pass, and what is published has the
same bytes. A shard that is there already is not scored again, so only what failed is repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from laurel.adapters.dvc.staging import Staging
from laurel.adapters.records import find_bundle
from laurel.adapters.tables import ROW_GROUP
from laurel.domain.canonical import canonical_json
from laurel.domain.config import PREDICTIONS
from laurel.domain.partition import Partition
from laurel.domain.shard import Shard, cut_shards, read_shard
from laurel.errors import DataError, Refused, StoreFault
from laurel.runs.inputs import Inputs, await_inputs, lay_model, load_given, read_inputs
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
from laurel.runs.shadow import challengers_of, with_shadows
from laurel.runs.site import Site
from laurel.stages.predictions import Written, expect_contract
from laurel.stages.shards import SAMPLE, SCORED, TOLD, Told, add_told, cut_shard, put_together
from laurel.stages.shards import score_shard as score_rows
from laurel.stages.tally import REFUSED
from laurel.usecase import UseCase

PLAN, DONE = "plan.json", "done.json"
"""Staged for a run, and for each of its shards when all its files are there."""


@dataclass(frozen=True)
class Planned:
    """The shards in which a run is to be scored."""

    run: str
    shards: tuple[str, ...]
    """Their names, in the order of the rows; none where one pass does."""

    def sentence(self) -> str:
        """What is to be done, in a sentence."""
        if not self.shards:
            return "no shards: the partition is scored already, or fits into one"
        return f"{len(self.shards)} shards of run {self.run}"


@dataclass(frozen=True)
class Plan:
    """What the shards of a run are scored from."""

    run: str
    inputs: Inputs
    staging: Staging

    def shard(self, name: str) -> Shard:
        """The shard of a name; raises :class:`DataError` for what is none."""
        return read_shard(name, total=self.inputs.rows.rows)


def plan_shards(
    site: Site, usecase: UseCase, *, partition: Partition, rows: int | None = None
) -> Planned:
    """Choose what a partition is scored from, once for all shards of ``rows`` rows.

    rows: as the use case says when left out. Raises as :func:`await_inputs`.
    """
    inputs = await_inputs(site, usecase, partition=partition)
    run = score_run(usecase, inputs)
    each, total = rows or usecase.config.scoring.shard_rows, inputs.rows.rows
    if each is None or total <= each or _is_published(site, usecase, partition, run):
        return Planned(run, ())
    if inputs.canary is not None:
        # where it fails the champion answers every row, also those of shards that are done
        return Planned(run, ())
    plan = {"usecase": usecase.name, "partition": partition.key, "inputs": inputs.document()}
    _staging(site, usecase, run).write(PLAN, canonical_json(plan))
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
    if read_done(plan, shard) is not None or _is_published(site, usecase, partition, run):
        return {"shard": shard, "rows": piece.rows, "changed": False}
    started = perf_counter()
    with site.workspace() as folder:
        whole = load_given(site, usecase, inputs=plan.inputs, folder=folder)
        model = lay_model(site, usecase, entry=plan.inputs.champion, folder=folder / "model")
        given = cut_shard(whole, piece, folder / "rows.parquet")
        version, out = plan.inputs.champion.model_version or "", folder / "out"
        try:
            made = score_rows(usecase, given, model=model, version=version, folder=out)
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
    started = perf_counter()
    plan = read_plan(site, usecase, partition=partition, run=run)
    found = found_scored(site, usecase, inputs=plan.inputs, run=run, pages=pages)
    if found is None:
        done = {name: _expect_done(plan, usecase, name) for name in shards}
        with site.workspace() as folder:
            written = _together(site, usecase, plan, done, folder)
            spent = Spent(
                seconds=sum(each["seconds"] for each in done.values()) + perf_counter() - started,
                peak_memory_bytes=max(each["peak_memory_bytes"] for each in done.values()),
                shards=len(done),
            )
            found = publish_scored(
                site,
                usecase,
                inputs=plan.inputs,
                run=run,
                written=written,
                spent=spent,
                folder=folder,
                pages=pages,
            )
    plan.staging.drop()
    entries = challengers_of(site, usecase, plan.inputs)
    return with_shadows(site, usecase, found, inputs=plan.inputs, entries=entries)


def read_plan(site: Site, usecase: UseCase, *, partition: Partition, run: str) -> Plan:
    """The plan of a run, with inputs and model as it fixed them.

    Raises :class:`Refused` where it is gone, or the code or the rules have changed since.
    """
    staging = _staging(site, usecase, run)
    data = staging.read(PLAN)
    # without a plan, a task is repeated after all was done
    known = find_bundle(site.store, usecase.name, "score", run) if data is None else None
    document = json.loads(data)["inputs"] if data is not None else known and known.inputs
    inputs = _inputs(site, usecase, document, partition=partition) if document else None
    if inputs is None or score_run(usecase, inputs) != run:
        raise Refused(
            "the plan of a scoring is gone, or the use case is another one by now",
            usecase=usecase.name,
            partition=partition.key,
            found="nothing" if inputs is None else f"run {score_run(usecase, inputs)}",
            expected=f"run {run}",
            hint="clear the task plan with those after it; are all workers of the same version?",
        )
    return Plan(run, inputs, staging)


def read_done(plan: Plan, shard: str) -> dict[str, Any] | None:
    """What is known of a shard that was scored; ``None`` of any other."""
    data = plan.staging.read(f"{shard}/{DONE}")
    return None if data is None else dict(json.loads(data))


def keep_shard(
    plan: Plan, shard: str, files: Mapping[str, Path], *, seconds: float, peak: int
) -> None:
    """Stage the files of a scored shard, then say that they are all there."""
    md5s = {name: plan.staging.put(f"{shard}/{name}", file) for name, file in files.items()}
    cost = {"seconds": round(seconds, 3), "peak_memory_bytes": peak}
    plan.staging.write(f"{shard}/{DONE}", canonical_json({"files": md5s, **cost}))


def held_shard(
    site: Site, usecase: UseCase, error: DataError, plan: Plan, rows: Path, refused: Path
) -> DataError:
    """The error of a shard that may not be scored, once its rows are in quarantine."""
    file = refused if refused.exists() else rows
    return hold_back(site, usecase, error, inputs=plan.inputs, name=HELD, file=file)


def _together(
    site: Site, usecase: UseCase, plan: Plan, done: Mapping[str, dict[str, Any]], folder: Path
) -> Written:
    config, partition, rows = usecase.config, plan.inputs.partition, plan.inputs.rows.rows
    path = folder / "published" / f"{partition.key}.parquet"
    fetch = partial(_fetched, plan, usecase, folder)
    try:
        told = [Told.of(fetch(name, each, TOLD).read_bytes()) for name, each in done.items()]
        whole = add_told(told, config, partition=partition, rows=rows)
        files = _in_turn({name: partial(fetch, name, each) for name, each in done.items()})
        written = put_together(files, whole, config, path)
        expect_contract(written, config, partition=partition, rows=rows, folder=path.parent)
    except DataError as error:
        file = folder / HELD
        site.plane.place({file: plan.inputs.rows.md5})
        raise held_shard(site, usecase, error, plan, file, folder / REFUSED) from error
    return written


def _in_turn(fetchers: Mapping[str, Any]) -> Iterator[dict[str, Path]]:
    """The files of each shard, there until the next one is asked for."""
    for fetch in fetchers.values():
        files = {name: fetch(name) for name in (SCORED, SAMPLE)}
        yield files
        for file in files.values():
            file.unlink()


def _fetched(
    plan: Plan, usecase: UseCase, folder: Path, shard: str, done: dict[str, Any], name: str
) -> Path:
    """A file of a scored shard; a shard that is damaged counts as not scored from now on."""
    target = folder / shard / name
    if not plan.staging.get(f"{shard}/{name}", target, md5=done["files"][name]):
        plan.staging.drop(shard)
        raise _missing(plan, usecase, shard, f"{name} is damaged, or was dropped")
    return target


def _expect_done(plan: Plan, usecase: UseCase, shard: str) -> dict[str, Any]:
    done = read_done(plan, shard)
    if done is None:
        raise _missing(plan, usecase, shard, "it is not in the staging place")
    return done


def _missing(plan: Plan, usecase: UseCase, shard: str, found: str) -> Refused:
    return Refused(
        "a shard of the scoring is missing, so nothing is published",
        usecase=usecase.name,
        partition=plan.inputs.partition.key,
        found=f"shard {shard}: {found}",
        hint="clear the task of this shard with those after it; others are not scored again",
    )


def _inputs(
    site: Site, usecase: UseCase, document: dict[str, Any], *, partition: Partition
) -> Inputs:
    champion = site.ledger(usecase).read().version(document["champion"])
    if champion is None:
        raise StoreFault(
            "the ledger does not know the model of a plan",
            usecase=usecase.name,
            partition=partition.key,
            found=document["champion"],
        )
    return read_inputs(site, usecase, document, partition=partition, champion=champion)


def _is_published(site: Site, usecase: UseCase, partition: Partition, run: str) -> bool:
    newest = site.catalog(usecase, PREDICTIONS).read().corrected(partition.key)
    return newest is not None and newest.run == run


def _staging(site: Site, usecase: UseCase, run: str) -> Staging:
    return Staging(site.settings, f"score/{usecase.name}/{run}")
