"""What a run of scoring made: examined, pushed, named by its bundle, published, placed."""

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
from laurel.domain.bundle import Bundle, Code, Kind, bundle_prefix, run_id
from laurel.domain.canonical import canonical_json
from laurel.domain.config import PREDICTIONS
from laurel.errors import IntegrityError, LaurelError, ValidationFailed
from laurel.runs import refusals
from laurel.runs.heads import noted_heads
from laurel.runs.inputs import Inputs, line_of
from laurel.runs.kept import keep_night
from laurel.runs.past import SitePast, keep_profiles
from laurel.runs.place import place_predictions
from laurel.runs.site import Site
from laurel.stages.check import Examined, check_files
from laurel.stages.predictions import Written, manifest, predictions_dataset
from laurel.stages.publish import Checked, publish, push_files
from laurel.usecase import UseCase

MANIFEST = "manifest.json"
"""In the bundle of a scoring: the revision of the rows, the model, counts and histograms."""
HELD = "input.parquet"
"""In quarantine: rows that could not be scored."""
REFERENCE = 400
"""Characters that a reference tells of challengers."""
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
    shadows: tuple[str, ...] = ()
    """What became of the challengers beside it, a few words each."""

    def sentence(self) -> str:
        """What happened, in a sentence."""
        how = "published" if self.changed else "found, unchanged,"
        said = (
            f"{how} {self.rows:,} predictions of {self.partition} by {self.model_version} "
            f"(run {self.run})"
        )
        said += "".join(f"; {text}" for text in self.shadows)
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
            **({"shadows": "; ".join(self.shadows)[:REFERENCE]} if self.shadows else {}),
        }


@dataclass(frozen=True)
class Spent:
    """What a scoring has cost."""

    seconds: float
    peak_memory_bytes: int
    """Of the process that took most."""
    shards: int | None = None
    """In how many shards; their seconds are added up."""
    shadow_seconds: float | None = None
    """In challengers' own features, trees and writing; ``None`` without challengers."""

    def and_now(self, seconds: float) -> Spent:
        """With so many more seconds of this process."""
        peak = max(self.peak_memory_bytes, peak_memory())
        return replace(self, seconds=self.seconds + seconds, peak_memory_bytes=peak)

    def document(self, rows: int) -> dict[str, float]:
        """Observations of a scoring of so many rows."""
        return {
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(rows / self.seconds),
            "peak_memory_bytes": self.peak_memory_bytes,
            **({} if self.shards is None else {"shards": self.shards}),
            **({"shadow_seconds": round(self.shadow_seconds, 3)} if self.shadow_seconds else {}),
        }


def peak_memory() -> int:
    """The most memory that this process ever held, in bytes."""
    return getrusage(RUSAGE_SELF).ru_maxrss * 1024


def found_scored(
    site: Site, usecase: UseCase, *, inputs: Inputs, run: str, pages: Pages | None
) -> Scored | None:
    """What this run published already, if it is the newest revision: nothing is written then."""
    newest = site.catalog(usecase, PREDICTIONS).read().corrected(inputs.partition.key)
    if newest is None or newest.run != run:
        return None
    place_predictions(site, usecase, partitions=[inputs.partition.key])
    if pages is not None:
        pages["Data Docs"] = _docs(usecase, run)
    return scored_by(inputs, run=run, rows=newest.rows, changed=False)


def publish_scored(
    site: Site,
    usecase: UseCase,
    *,
    inputs: Inputs,
    run: str,
    written: Written,
    spent: Spent,
    folder: Path,
    pages: Pages | None,
) -> Scored:
    """Validate written predictions, publish them and place them.

    Raises :class:`ValidationFailed` where they break their suite; they are in quarantine then.
    """
    started = perf_counter()
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
    rows = written.facts.rows
    observe(site.store, bundle, spent.and_now(perf_counter() - started).document(rows))
    made = scored_by(inputs, run=run, rows=rows, changed=bool(published))
    now = site.ledger(usecase).read().champion_as_of(inputs.cutoff)
    if now is None or now.model_version == made.model_version:
        return made
    return replace(made, overtaken_by=now.model_version)


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
        raise hold_back(site, usecase, error, inputs=inputs, name=ROWS, file=written.path)
    return examined


def hold_back(
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


def score_run(usecase: UseCase, inputs: Inputs, *, kind: Kind = "score") -> str:
    """The id of the run that scores these inputs with the code and the rules of now."""
    return run_id(
        kind=kind,
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


def scored_by(inputs: Inputs, *, run: str, rows: int, changed: bool) -> Scored:
    """What a run did that ended with the champion it began with."""
    return Scored(
        run=run,
        partition=inputs.partition.key,
        model_version=inputs.champion.model_version or "",
        rows=rows,
        changed=changed,
    )
