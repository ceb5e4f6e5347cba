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
from typing import Any

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
from laurel.stages.shadow import Challenger, WrittenShadow, in_words
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
    challengers: Mapping[str, Mapping[str, bytes]]
    """The files of those that score in shadow, by model version."""


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
    shadows: Mapping[str, Mapping[str, Any]]
    """What became of each challenger, by model version."""

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
            shadows=said["shadows"],
        )


def cut_shard(given: Given, shard: Shard, file: Path) -> Given:
    """The same with the rows of a shard alone, in a file of their own."""
    cut_rows(given.file, file, first=shard.first, stop=shard.stop)
    return replace(given, file=file, shard=shard)


def score_shard(
    usecase: UseCase,
    given: Given,
    *,
    model: Path,
    version: str,
    folder: Path,
    challengers: Mapping[str, Path] | None = None,
) -> dict[str, Path]:
    """Score the rows of a shard into the files of a folder, by name.

    challengers: the model folders of those in shadow, by model version. Raises as
    :func:`write_predictions`, whose :data:`REFUSED` is in the folder then.
    """
    scorer = Scorer(usecase, given, model=model)
    beside, shadows = _beside(usecase, given, scorer, challengers or {}, folder)
    written = write_predictions(scorer, folder / SCORED, model_version=version, beside=beside)
    shadows += [each.written() for each in beside]
    write_table(written.sample, folder / SAMPLE, durable=False)
    said = {
        "counts": written.counts,
        "decisions": written.decisions,
        "unseen": written.unseen,
        "columns": [*written.columns.items()],
        "shadows": {each.model_version: _told_of(each) for each in shadows},
    }
    (folder / TOLD).write_bytes(canonical_json(said))
    scored = [each.path.name for each in shadows if each.facts is not None]
    return {name: folder / name for name in (SCORED, SAMPLE, TOLD, *scored)}


def shadow_file(version: str) -> str:
    """What a challenger said of a shard.

    >>> shadow_file("toy-20240212-1a2b3c4d")
    'shadow-toy-20240212-1a2b3c4d.parquet'
    """
    return f"shadow-{version}.parquet"


def _beside(
    usecase: UseCase, given: Given, scorer: Scorer, challengers: Mapping[str, Path], folder: Path
) -> tuple[list[Challenger], list[WrittenShadow]]:
    """The challengers of a shard, and those that cannot be loaded."""
    beside, broken = [], []
    for version, model in challengers.items():
        path = folder / shadow_file(version)
        try:
            own = Scorer(usecase, given, model=model, beside=scorer)
            beside.append(Challenger(version, own, path))
        except Exception as error:
            broken.append(WrittenShadow(version, path, fault=error))
    return beside, broken


def _told_of(shadow: WrittenShadow) -> dict[str, Any]:
    return {
        "decisions": shadow.decisions,
        "fault": None if shadow.fault is None else in_words(shadow.fault),
        "passing": shadow.passing,
        "seconds": shadow.seconds,
        "shares": shadow.shares,
    }


def score_piece(ready: Ready, shard: Shard, rows: bytes) -> Piece:
    """As :func:`score_shard`, of what travels and into what travels: for workers of an engine.

    rows: the shard as a Parquet file.
    """
    with TemporaryDirectory(prefix="laurel-shard-") as name:
        folder = Path(name)
        file = folder / "rows.parquet"
        file.write_bytes(rows)
        model = _laid(ready.model, folder / "model")
        challengers = {
            name: _laid(files, folder / "challengers" / name)
            for name, files in ready.challengers.items()
        }
        given = replace(ready.given, file=file, shard=shard)
        usecase = UseCase(folder=folder, config=ready.config)
        out = folder / "out"
        try:
            made = score_shard(
                usecase,
                given,
                model=model,
                version=ready.version,
                folder=out,
                challengers=challengers,
            )
        except DataError as error:
            refused = out / REFUSED
            return Piece({REFUSED: refused.read_bytes()} if refused.exists() else {}, error)
        return Piece({each: path.read_bytes() for each, path in made.items()})


def _laid(files: Mapping[str, bytes], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


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
    return Told(counts, dict(decisions), unseen, told[0].columns, {})


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


def put_shadow_together(
    version: str,
    told: Sequence[Told],
    shards: Iterator[Path],
    config: UseCaseConfig,
    path: Path,
) -> WrittenShadow | None:
    """What a challenger said of all shards, in their order; the fault of the first that it had.

    ``None`` where it missed one, or another try may end otherwise: then it scores the partition by
    itself.
    """
    own = [each.shadows.get(version) for each in told]
    if any(each is None or each["passing"] for each in own):
        return None
    said = [each for each in own if each is not None]
    seconds = sum(each["seconds"] for each in said)
    shares = all(each["shares"] for each in said)
    faults = [each["fault"] for each in said if each["fault"] is not None]
    if faults:
        fault = DataError(faults[0])
        return WrittenShadow(version, path, fault=fault, seconds=seconds, shares=shares)
    decisions: Counter[str] = Counter()
    for each in said:
        decisions.update(each["decisions"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with OrderedWriter(path, predictions_order(config), folder=path.parent) as writer:
        for file in shards:
            for part in iter_table(file):
                writer.write(part)
        facts = writer.finish()
    return WrittenShadow(version, path, facts, dict(decisions), seconds=seconds, shares=shares)
