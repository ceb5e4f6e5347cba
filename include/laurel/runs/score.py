"""One run of scoring: the champion of the score cutoff → predictions, validated and published."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any

from laurel.adapters.environment import code_identity, environment_identity, package_version
from laurel.adapters.gx import find_suite
from laurel.adapters.quarantine import ROWS
from laurel.adapters.records import PartitionFile, find_bundle, observe, write_bundle
from laurel.adapters.tables import table_rows
from laurel.domain.bundle import Bundle, Code, bundle_prefix, run_id
from laurel.domain.canonical import canonical_json
from laurel.domain.config import PREDICTIONS
from laurel.domain.partition import Partition
from laurel.errors import DataError, IntegrityError, LaurelError, ValidationFailed
from laurel.runs import refusals
from laurel.runs.heads import noted_heads
from laurel.runs.inputs import Inputs, choose_inputs, lay_model, line_of, load_given
from laurel.runs.kept import keep_night
from laurel.runs.past import SitePast, keep_profiles
from laurel.runs.place import place_predictions
from laurel.runs.site import Site
from laurel.stages.check import Examined, check_files
from laurel.stages.predictions import (
    REFUSED,
    Written,
    expect_contract,
    manifest,
    predictions_dataset,
    write_predictions,
)
from laurel.stages.publish import Checked, publish, push_files
from laurel.stages.score import Given, Scorer
from laurel.usecase import UseCase

MANIFEST = "manifest.json"
"""In the bundle of a scoring: the revision of the rows, the model, counts and histograms."""
Pages = MutableMapping[str, str]


@dataclass(frozen=True)
class Scored:
    """What a run of scoring did."""

    run: str
    partition: str
    model_version: str
    rows: int
    changed: bool
    overtaken_by: str | None = None
    """The version that reigns at the score cutoff since a decision made while this run was on its
    way; the run ended with the one that it began with."""

    def sentence(self) -> str:
        """What happened, in a sentence."""
        how = "published" if self.changed else "found, unchanged,"
        said = (
            f"{how} {self.rows:,} predictions of {self.partition} by {self.model_version} "
            f"(run {self.run})"
        )
        if self.overtaken_by is None:
            return said
        return (
            f"{said}; meanwhile {self.overtaken_by} came to reign then: score the partition again"
        )

    def reference(self) -> dict[str, Any]:
        """References for XCom and the asset event."""
        return {
            "run": self.run,
            "partition": self.partition,
            "model_version": self.model_version,
            "rows": self.rows,
            "changed": self.changed,
            **({"overtaken_by": self.overtaken_by} if self.overtaken_by else {}),
        }


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
    run = _run_id(usecase, inputs)
    newest = site.catalog(usecase, PREDICTIONS).read().corrected(partition.key)
    if newest is not None and newest.run == run:
        place_predictions(site, usecase, partitions=[partition.key])
        if pages is not None:
            pages["Data Docs"] = _docs(usecase, run)
        return _scored(inputs, run=run, rows=newest.rows, changed=False)
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
    examined = _examined(
        site, usecase, inputs=inputs, written=written, run=run, pages=pages, folder=folder
    )
    checked = Checked(
        path=written.path,
        facts=written.facts,
        suite=examined.validation.suite_digest,
        outcome=examined.validation.outcome,
        fingerprint=inputs.digest,
    )
    files = push_files(site.plane, {inputs.partition: checked})
    bundle = _bundle(site, usecase, inputs=inputs, file=files[0], run=run, written=written)
    known = find_bundle(site.store, usecase.name, "score", run)
    if known is None:
        keep_night(site, bundle, counts=written.counts, sample=written.sample, folder=folder)
        if examined.profile is not None:
            profiles = [(written.facts.content_hash, examined.profile)]
            keep_profiles(site, usecase, PREDICTIONS, profiles)
    elif known.outputs != bundle.outputs:
        raise IntegrityError(
            "equal inputs, code and parameters gave other predictions than before",
            usecase=usecase.name,
            partition=inputs.partition.key,
            found=files[0].content_hash,
            expected=str(known.outputs),
            detail=known.prefix,
            hint="has the environment changed? compare it with the one in the bundle",
        )
    write_bundle(site.store, known or bundle)
    published = publish(
        site.catalog(usecase, PREDICTIONS),
        site.plane,
        files,
        run=run,
        heads=noted_heads(site.ledger(usecase), site.run_records(usecase)),
    )
    place_predictions(site, usecase, partitions=[inputs.partition.key])
    seconds = perf_counter() - started
    rows = written.facts.rows
    observe(
        site.store,
        bundle,
        {
            "seconds": round(seconds, 3),
            "rows_per_second": round(rows / seconds),
            "peak_memory_bytes": getrusage(RUSAGE_SELF).ru_maxrss * 1024,
        },
    )
    made = _scored(inputs, run=run, rows=rows, changed=bool(published))
    now = site.ledger(usecase).read().champion_as_of(inputs.cutoff)
    if now is None or now.model_version == made.model_version:
        return made
    return replace(made, overtaken_by=now.model_version)


def _written(site: Site, usecase: UseCase, *, inputs: Inputs, given: Given, model: Path) -> Written:
    """The predictions in a file; rows that cannot be scored are in quarantine then."""
    path = given.file.parent.parent / "published" / f"{inputs.partition.key}.parquet"
    version = inputs.champion.model_version or ""
    try:
        scorer = Scorer(usecase, given, model=model)
        written = write_predictions(scorer, path, model_version=version)
        expect_contract(written, given, usecase.config, folder=path.parent)
    except DataError as error:
        refused = path.with_name(REFUSED)
        rows = refused if refused.exists() else given.file
        raise _held(site, usecase, error, inputs=inputs, name="input.parquet", file=rows) from error
    return written


def _examined(
    site: Site,
    usecase: UseCase,
    *,
    inputs: Inputs,
    written: Written,
    run: str,
    pages: Pages | None,
    folder: Path,
) -> Examined:
    """What suite and checks say of the predictions, once they have let them through."""
    dataset, partition = predictions_dataset(usecase.config), inputs.partition
    suite = find_suite(dataset.suite, site.settings)
    past = SitePast(site, usecase, PREDICTIONS, folder=folder)
    files = {partition: written.path}
    examined = check_files(files, suite, dataset=dataset, history=past)[partition]
    validation = examined.validation
    page = _docs(usecase, run)
    site.store.create(page, validation.html.encode())
    if pages is not None:
        pages["Data Docs"] = page
    if validation.failed:
        error = validation.error(usecase.name, PREDICTIONS, partition.key)
        raise _held(site, usecase, error, inputs=inputs, name=ROWS, file=written.path)
    return examined


def _held(
    site: Site, usecase: UseCase, error: LaurelError, *, inputs: Inputs, name: str, file: Path
) -> ValidationFailed:
    """The error of what may not be published, once it is in quarantine with the reason."""
    held = refusals.hold(
        site,
        usecase,
        PREDICTIONS,
        day=inputs.partition,
        files={name: file},
        rows=table_rows(file),
        reasons=[str(error)],
    )
    return ValidationFailed(
        error.fact,
        usecase=usecase.name,
        dataset=PREDICTIONS,
        partition=inputs.partition.key,
        found=error.found,
        expected=error.expected,
        hint=error.hint,
        detail=held,
    )


def _docs(usecase: UseCase, run: str) -> str:
    return f"{bundle_prefix(usecase.name, 'score', run)}/validation.html"


def _run_id(usecase: UseCase, inputs: Inputs) -> str:
    return run_id(
        kind="score",
        usecase=usecase.name,
        at=inputs.partition.key,
        inputs=inputs.document(),
        code={"version": package_version()},
        parameters=usecase.config.scoring.model_dump(mode="json"),
    )


def _bundle(
    site: Site, usecase: UseCase, *, inputs: Inputs, file: PartitionFile, run: str, written: Written
) -> Bundle:
    version = inputs.champion.model_version or ""
    said = {
        "rows": line_of(inputs.rows),
        **manifest(usecase.config, written, model_version=version),
    }
    return Bundle(
        id=run,
        kind="score",
        usecase=usecase.name,
        partitions=(inputs.partition.key,),
        model_version=inputs.champion.model_version,
        code=Code(**code_identity(site.settings.checkout)),
        environment=environment_identity(),
        parameters=usecase.config.scoring.model_dump(mode="json"),
        inputs=inputs.document(),
        outputs={
            f"{PREDICTIONS}/{file.name}": {
                "md5": file.md5,
                "size": file.size,
                "content_hash": file.content_hash,
                "rows": file.rows,
            }
        },
        files={MANIFEST: canonical_json(said).decode()},
    )


def _scored(inputs: Inputs, *, run: str, rows: int, changed: bool) -> Scored:
    return Scored(
        run=run,
        partition=inputs.partition.key,
        model_version=inputs.champion.model_version or "",
        rows=rows,
        changed=changed,
    )
