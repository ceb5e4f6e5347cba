"""See the rows of a night: published scores beside the same model's on features as known now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from laurel.adapters.tables import iter_table, read_table, table_rows
from laurel.domain.bundle import Bundle
from laurel.domain.catalog import Revision
from laurel.errors import DataError
from laurel.runs.inputs import Inputs, lay_files, load_given
from laurel.runs.kept import scoring_of
from laurel.runs.site import Site
from laurel.runs.train import trained_files
from laurel.stages.score import BATCH, Scorer
from laurel.stages.seen import Part, Seen, see
from laurel.usecase import UseCase


def see_night(
    site: Site,
    usecase: UseCase,
    *,
    inputs: Inputs,
    predictions: Revision,
    training: Bundle,
    folder: Path,
) -> tuple[Mapping[str, Any], Seen]:
    """The model's profile, and the night's rows: published, beside the same model's scores now."""
    given = load_given(site, usecase, inputs=inputs, folder=folder / "given")
    files = trained_files(site, training)
    scorer = Scorer(usecase, given, model=lay_files(site, files, folder=folder / "model"))
    published = folder / "own.parquet"
    site.plane.place({published: predictions.md5})
    seen = see(
        usecase,
        _parts(scorer, published, _canary(site, usecase, predictions)),
        profile=scorer.profile,
        rows=scorer.rows,
        partition=inputs.partition,
    )
    return scorer.profile, seen


def _canary(site: Site, usecase: UseCase, predictions: Revision) -> str | None:
    """The challenger that answered a share of these rows, if one did."""
    scoring = scoring_of(site, usecase, predictions.run)
    said = scoring.inputs.get("canary") if scoring else None
    return None if said is None else str(said["challenger"])


def _parts(scorer: Scorer, published: Path, canary: str | None) -> Iterator[Part]:
    """Batches of features, and the predictions of the same rows, but those of a canary.

    What a canary answered is no word of the champion: its drift, its skew and what is expected of
    it are measured on the others, which are a random share.
    """
    said = iter_table(published, rows=BATCH) if scorer.rows else iter([read_table(published)])
    for batch, predictions in zip_longest(scorer.batches(rows=BATCH), said):
        if batch is None or predictions is None:
            raise DataError(
                "there is not one prediction for each row of the partition",
                usecase=scorer.config.name,
                partition=scorer.partition.key,
                found=f"{table_rows(published):,} predictions",
                expected=f"{scorer.rows:,} rows",
            )
        part = Part(batch.features, predictions, batch.scores, scorer.losses(batch))
        yield part if canary is None else _without(part, canary)


def _without(part: Part, canary: str) -> Part:
    own = (part.predictions["model_version"].astype("str") != canary).to_numpy(dtype=bool)
    frames = (part.features, part.predictions)
    features, predictions = (each.loc[own].reset_index(drop=True) for each in frames)
    losses = {name: values[own] for name, values in part.losses.items()}
    rescored = None if part.rescored is None else part.rescored[own]
    return Part(features, predictions, rescored, losses)
