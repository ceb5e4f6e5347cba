"""A scoring in shards from one process: on the workers of an engine, or one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from laurel.adapters.engine import Engine, open_engine
from laurel.domain.partition import Partition
from laurel.runs.inputs import lay_model, load_given
from laurel.runs.scored import Pages, Scored, peak_memory
from laurel.runs.shard_plan import Plan, keep_shard, read_done, read_plan
from laurel.runs.shards import held_shard, lay_challengers, plan_shards, publish_shards
from laurel.runs.site import Site
from laurel.stages.score import Given
from laurel.stages.shards import Piece, Ready, cut_shard, score_piece
from laurel.stages.tally import REFUSED
from laurel.usecase import UseCase


def score_sharded(
    site: Site,
    usecase: UseCase,
    *,
    partition: Partition,
    rows: int | None = None,
    pages: Pages | None = None,
) -> Scored | None:
    """Score a partition in shards of ``rows`` rows by the engine of its use case, and publish.

    Shards that were scored by a run that was ended are not scored again. ``None`` where one pass
    does. Raises :class:`WorkersFault` where the engine's workers are lost, and as
    :func:`laurel.runs.score.score`.
    """
    planned = plan_shards(site, usecase, partition=partition, rows=rows)
    if not planned.shards:
        return None
    plan = read_plan(site, usecase, partition=partition, run=planned.run)
    left = [name for name in planned.shards if read_done(plan, name) is None]
    if left:
        _score(site, usecase, plan=plan, shards=left)
    return publish_shards(
        site, usecase, partition=partition, run=planned.run, shards=planned.shards, pages=pages
    )


def _score(site: Site, usecase: UseCase, *, plan: Plan, shards: list[str]) -> None:
    with site.workspace() as folder:
        given = load_given(site, usecase, inputs=plan.inputs, folder=folder)
        model = lay_model(site, usecase, entry=plan.inputs.champion, folder=folder / "model")
        ready = Ready(
            config=usecase.config,
            given=replace(given, file=Path()),
            model=_read(model),
            version=plan.inputs.champion.model_version or "",
            challengers={
                name: _read(own)
                for name, own in lay_challengers(site, usecase, plan, folder).items()
            },
        )
        config = usecase.config.scoring.engine
        with open_engine(config, folder=folder, settings=site.settings) as engine:
            started = perf_counter()
            pieces = _pieces(engine, ready, given, plan=plan, shards=shards, folder=folder)
            for name, piece in zip(shards, pieces, strict=True):
                out = _laid(piece, folder / "out")
                if piece.error is not None:
                    error, refused = piece.error, folder / "out" / REFUSED
                    raise held_shard(site, usecase, error, plan, given.file, refused) from error
                # of shards that are scored at once each has its part of the time that passes
                seconds, started = perf_counter() - started, perf_counter()
                keep_shard(plan, name, out, seconds=seconds, peak=peak_memory())


def _pieces(
    engine: Engine, ready: Ready, given: Given, *, plan: Plan, shards: list[str], folder: Path
) -> Iterator[Piece]:
    def calls() -> Iterator[tuple[object, ...]]:
        held = engine.hold(ready, lasting=True)
        for name in shards:
            shard = plan.shard(name)
            file = cut_shard(given, shard, folder / "rows.parquet").file
            yield held, shard, file.read_bytes()

    yield from engine.each(score_piece, calls())


def _read(model: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in model.iterdir()}


def _laid(piece: Piece, folder: Path) -> dict[str, Path]:
    """The files of a piece in a folder, over those of the one before."""
    folder.mkdir(exist_ok=True)
    files = {name: folder / name for name in piece.files}
    for name, data in piece.files.items():
        files[name].write_bytes(data)
    return files
