"""Score a partition in shards, and put them together: the same bytes as in one pass.

A shard is scored as a partition is, from a file of its rows. What is counted of it adds up exactly,
its sample is a part of the whole's, and what is promised of the whole partition is looked at when
all shards are there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from laurel.adapters.tables import OrderedWriter, iter_table, read_table, write_table
from laurel.adapters.tables.cutting import cut_rows
from laurel.domain.canonical import canonical_json
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import check_equal_types
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts, merge
from laurel.domain.sampling import night_rows, sample_rows
from laurel.domain.shard import Shard
from laurel.errors import DataError
from laurel.stages.predictions import Written, predictions_order, write_predictions
from laurel.stages.score import Given, Scorer
from laurel.stages.tally import REFUSED, refuse_unseen
from laurel.usecase import UseCase

SCORED, SAMPLE, TOLD = "predictions.parquet", "sample.parquet", "told.json"
"""What there is of a scored shard; the last is written when the others are there."""


@dataclass(frozen=True)
class Ready:
    """What the shards of a partition are scored with; it travels to workers."""

    config: UseCaseConfig
    given: Given
    """Its file is left out: each shard brings its own rows."""
    model: Mapping[str, bytes]
    """The files of the model version."""
    version: str


@dataclass(frozen=True)
class Piece:
    """A scored shard as bytes, or the error of one that may not be scored."""

    files: Mapping[str, bytes]
    """By name; of a refused one the rows in :data:`REFUSED`, where they are known."""
    error: DataError | None = None


@dataclass(frozen=True)
class Told:
    """What was counted of a shard."""

    counts: Counts
    decisions: Mapping[str, int]
    unseen: Mapping[str, Mapping[str, int]]
    columns: Mapping[str, str]

    @classmethod
    def of(cls, data: bytes) -> Told:
        """As :func:`score_shard` told it."""
        said = json.loads(data)
        return cls(
            counts=said["counts"],
            decisions=said["decisions"],
            unseen=said["unseen"],
            # a list, since what is written as JSON loses the order of its keys
            columns=dict(said["columns"]),
        )


def cut_shard(given: Given, shard: Shard, file: Path) -> Given:
    """The same with the rows of a shard alone, in a file of their own."""
    cut_rows(given.file, file, first=shard.first, stop=shard.stop)
    return replace(given, file=file, shard=shard)


def score_shard(
    usecase: UseCase, given: Given, *, model: Path, version: str, folder: Path
) -> dict[str, Path]:
    """Score the rows of a shard into the files of a folder, by name.

    Raises as :func:`write_predictions`, whose :data:`REFUSED` is in the folder then.
    """
    scorer = Scorer(usecase, given, model=model)
    written = write_predictions(scorer, folder / SCORED, model_version=version)
    write_table(written.sample, folder / SAMPLE, durable=False)
    said = {
        "counts": written.counts,
        "decisions": written.decisions,
        "unseen": written.unseen,
        "columns": [*written.columns.items()],
    }
    (folder / TOLD).write_bytes(canonical_json(said))
    return {name: folder / name for name in (SCORED, SAMPLE, TOLD)}


def score_piece(ready: Ready, shard: Shard, rows: bytes) -> Piece:
    """As :func:`score_shard`, of what travels and into what travels: for workers of an engine.

    rows: the shard as a Parquet file.
    """
    with TemporaryDirectory(prefix="laurel-shard-") as name:
        folder = Path(name)
        model, file = folder / "model", folder / "rows.parquet"
        file.write_bytes(rows)
        model.mkdir()
        for each, data in ready.model.items():
            (model / each).write_bytes(data)
        given = replace(ready.given, file=file, shard=shard)
        usecase = UseCase(folder=folder, config=ready.config)
        out = folder / "out"
        try:
            made = score_shard(usecase, given, model=model, version=ready.version, folder=out)
        except DataError as error:
            refused = out / REFUSED
            return Piece({REFUSED: refused.read_bytes()} if refused.exists() else {}, error)
        return Piece({each: path.read_bytes() for each, path in made.items()})


def add_told(
    told: Sequence[Told], config: UseCaseConfig, *, partition: Partition, rows: int
) -> Told:
    """What was counted of all shards of a partition, in their order.

    Raises :class:`DataError` where the feature code gave other columns for one of them, or more
    rows than ``scoring.unseen`` allows are of categories that training never saw.
    """
    unseen: dict[str, Counter[str]] = {}
    decisions: Counter[str] = Counter()
    for each in told:
        check_equal_types(told[0].columns, each.columns, usecase=config.name)
        decisions.update(each.decisions)
        for name, found in each.unseen.items():
            unseen.setdefault(name, Counter()).update(found)
    refuse_unseen(config, partition, unseen, rows=rows)
    counts = reduce(merge, (each.counts for each in told))
    return Told(counts, dict(decisions), unseen, told[0].columns)


def put_together(
    shards: Iterator[Mapping[str, Path]], told: Told, config: UseCaseConfig, path: Path
) -> Written:
    """Write the predictions of shards, given in their order, into one file.

    In memory is one row group; each shard's files are asked for when those before it were read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    samples: list[pd.DataFrame] = []
    with OrderedWriter(path, predictions_order(config), folder=path.parent) as writer:
        for files in shards:
            for part in iter_table(files[SCORED]):
                writer.write(part)
            samples.append(read_table(files[SAMPLE]))
        facts = writer.finish()
    most = night_rows(len(told.columns))
    return Written(
        path=path,
        facts=facts,
        counts=told.counts,
        decisions=told.decisions,
        unseen=told.unseen,
        sample=sample_rows(pd.concat(samples, ignore_index=True), most=most),
        columns=told.columns,
    )
