"""What was done once, done again as corrected: a training, or the scoring of a partition.

Only the data differ. The partitions are those that the run of then read, each at its newest
revision by a bound of knowledge and known from when it was first known; configuration, feature
code and suites are those of its bundle. Nothing is appended to the ledger or to the predictions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from laurel.adapters.environment import code_identity, environment_identity, installed_versions
from laurel.adapters.gx import find_suite
from laurel.adapters.records import Catalog, find_bundle, write_bundle, write_environment
from laurel.adapters.warm import begin_stages
from laurel.domain.bundle import Bundle, Code, model_version, run_id
from laurel.domain.canonical import canonical_json, instant, parse_instant
from laurel.domain.catalog import CatalogState, Revision, as_corrected
from laurel.domain.config import PREDICTIONS, Scoring, UseCaseConfig
from laurel.domain.journal import Head
from laurel.domain.partition import Partition
from laurel.domain.window import read_window
from laurel.errors import ConfigError
from laurel.runs.answering import read_answering
from laurel.runs.beside import write_answers
from laurel.runs.code import code_digest
from laurel.runs.inputs import COUNTS, Inputs, lay_files, load_given
from laurel.runs.night import Served
from laurel.runs.site import Site
from laurel.runs.train import named_training, run_stages, trained_files
from laurel.runs.train_pages import write_pages
from laurel.stages.check import check_files
from laurel.stages.predictions import predictions_dataset
from laurel.stages.snapshot import Snapshot
from laurel.usecase import UseCase

Twins = Mapping[str, Bundle]
"""Model version of then → the training made again as corrected."""


class CorrectedCatalog(Catalog):
    """A catalog, read as if each correction known by a moment had been there at first."""

    known_by: datetime

    def head(self) -> Head[CatalogState]:
        head = super().head()
        return replace(head, state=as_corrected(head.state, self.known_by))


@dataclass(frozen=True)
class CorrectedSite(Site):
    """A site whose catalogs are read as corrected; nothing is published through it."""

    known_by: datetime

    def catalog(self, usecase: UseCase, dataset: str) -> Catalog:
        found = CorrectedCatalog(self.store, usecase.name, dataset)
        found.known_by = self.known_by
        return found


def corrected_site(site: Site, known_by: datetime, *, bound: datetime) -> CorrectedSite:
    """The site as corrected by ``known_by``, or by a run's own bound where that is later."""
    return CorrectedSite(site.settings, site.store, site.plane, known_by=max(known_by, bound))


def train_again(
    site: Site, usecase: UseCase, *, then: Bundle, known_by: datetime, twins: Twins
) -> Bundle:
    """Train a challenger again as corrected, against the champion of then as corrected.

    A repeated call finds its own bundle. Raises what a stage that failed says, and
    :class:`ConfigError` for a configuration of then that this version cannot read.
    """
    assert then.as_of is not None  # noqa: S101 - a training bundle has one by construction
    seen = corrected_site(site, known_by, bound=then.as_of)
    chosen = _snapshot(seen, usecase, then=then)
    champion = _champion(site, usecase, then.inputs["champion"], twins=twins)
    with site.workspace() as folder:
        old, own = _as_then(site, then, folder / "then")
        code = code_digest(old, own.settings)
        inputs = {
            "training": then.id,
            "window": chosen.digest,
            "champion": champion["model_version"],
        }
        run = run_id(
            kind="restate",
            usecase=usecase.name,
            at=instant(then.as_of),
            inputs=inputs,
            code={"digest": code},
            parameters=then.parameters,
        )
        known = find_bundle(site.store, usecase.name, "restate", run)
        if known is not None:
            write_bundle(site.store, known)
            return known
        work = folder / "run"
        work.mkdir()
        with begin_stages(own.settings.cache) as warm:
            made = run_stages(
                own, old, chosen=chosen, champion=champion, folder=work, run=run, warm=warm
            )
        bundle = Bundle(
            id=run,
            kind="restate",
            usecase=usecase.name,
            as_of=then.as_of,
            model_version=model_version(usecase.name, then.as_of, run),
            code=Code(**code_identity(site.settings.checkout), digest=code),
            environment=environment_identity(),
            parameters=then.parameters,
            inputs={
                **inputs,
                **chosen.read(),
                "card": then.inputs.get("card", {}),
            },
            outputs=made.outputs,
            files=made.files,
            verdict=made.verdict,
        )
        write_pages(site, bundle, work)
    write_environment(site.store, installed_versions())
    write_bundle(site.store, bundle)
    return bundle


def served_by(site: Site, usecase: UseCase, version: str, *, twins: Twins) -> Served:
    """The model of then, or the one that its training made as corrected."""
    entry = site.ledger(usecase).read().version(version)
    assert entry is not None  # noqa: S101 - what was scored was scored by a version of the ledger
    training = twins.get(version) or named_training(
        site, usecase, run=entry.run or "", bundle=entry.bundle or ""
    )
    return Served(model_version=training.model_version or "", entry=entry, training=training)


def inputs_again(
    site: Site, usecase: UseCase, *, then: Bundle, served: Served, known_by: datetime
) -> Inputs:
    """What a scoring of then read, as corrected."""
    partition, cutoff = Partition.of(then.partitions[0]), parse_instant(then.inputs["cutoff"])
    rows, past = usecase.config.rows_name, corrected_site(site, known_by, bound=cutoff)
    own = corrected_site(site, known_by, bound=partition.end)
    return Inputs(
        partition=partition,
        cutoff=cutoff,
        champion=served.entry,
        rows_name=rows,
        rows=own.catalog(usecase, rows).read().revisions[partition.key][0],
        past={
            name: _revisions(past, usecase, name, [line[0] for line in lines])
            for name, lines in then.inputs["past"].items()
        },
        canary=read_answering(then.inputs.get("canary"), site.ledger(usecase).read()),
    )


def score_again(
    site: Site, usecase: UseCase, *, then: Bundle, inputs: Inputs, served: Served
) -> Bundle:
    """Score a partition again as corrected; its bundle names the pushed predictions.

    A repeated call finds its own bundle.
    """
    config = usecase.config.model_copy(update={"scoring": Scoring(**then.parameters)})
    usecase = replace(usecase, config=config)
    said = {**inputs.document(), "scoring": then.id, "model": served.training.digest}
    run = run_id(
        kind="restate",
        usecase=usecase.name,
        at=inputs.partition.key,
        inputs=said,
        code={"version": code_identity(site.settings.checkout)["version"]},
        parameters=then.parameters,
    )
    known = find_bundle(site.store, usecase.name, "restate", run)
    if known is not None:
        write_bundle(site.store, known)
        return known
    with site.workspace() as folder:
        output, counts = _predict(site, usecase, inputs=inputs, served=served, folder=folder)
    bundle = Bundle(
        id=run,
        kind="restate",
        usecase=usecase.name,
        partitions=(inputs.partition.key,),
        model_version=served.model_version,
        code=Code(**code_identity(site.settings.checkout)),
        environment=environment_identity(),
        parameters=then.parameters,
        inputs=said,
        outputs={f"{PREDICTIONS}/{inputs.partition.key}.parquet": output},
    )
    site.store.create(f"{bundle.prefix}/{COUNTS}", canonical_json(counts))
    write_bundle(site.store, bundle)
    return bundle


def _predict(
    site: Site, usecase: UseCase, *, inputs: Inputs, served: Served, folder: Path
) -> tuple[dict[str, Any], Any]:
    """Score, validate and push; the output as bundles name it, and the counts over the bins.

    Predictions that break their suite are kept as well: the suite's outcome is part of the answer.
    """
    given = load_given(site, usecase, inputs=inputs, folder=folder)
    files = trained_files(site, served.training)
    model = lay_files(site, files, folder=folder / "model")
    key = inputs.partition.key
    written = write_answers(
        site,
        usecase,
        inputs,
        given=given,
        model=model,
        path=folder / "published" / f"{key}.parquet",
        version=served.model_version,
    )
    spec, facts = predictions_dataset(usecase.config), written.facts
    suite = find_suite(spec.suite, site.settings)
    validation = check_files({inputs.partition: written.path}, suite, dataset=spec)[
        inputs.partition
    ].validation
    ref = site.plane.put({key: written.path})[key]
    output = {
        "md5": ref.md5,
        "size": ref.size,
        "content_hash": facts.content_hash,
        "rows": facts.rows,
        "fingerprint": inputs.digest,
        "suite": validation.suite_digest,
        "outcome": validation.outcome,
    }
    return output, written.counts


def _snapshot(seen: CorrectedSite, usecase: UseCase, *, then: Bundle) -> Snapshot:
    window = read_window(json.loads(then.files[f"data/{usecase.name}/window.json"]))
    revisions = {
        name: _revisions(seen, usecase, name, [line["partition"] for line in lines])
        for name, lines in then.inputs["datasets"].items()
    }
    return Snapshot(window=window, revisions=revisions)


def _revisions(
    seen: CorrectedSite, usecase: UseCase, dataset: str, partitions: list[str]
) -> tuple[Revision, ...]:
    state = seen.catalog(usecase, dataset).read()
    return tuple(state.revisions[key][0] for key in partitions)


def _champion(site: Site, usecase: UseCase, version: str | None, *, twins: Twins) -> dict[str, Any]:
    if version is None:
        return {"model_version": None, "run": None, "files": {}}
    training = served_by(site, usecase, version, twins=twins).training
    return {
        "model_version": training.model_version,
        "run": training.id,
        "files": trained_files(site, training),
    }


def _as_then(site: Site, then: Bundle, folder: Path) -> tuple[UseCase, Site]:
    """The use case as it was, laid out from the bundle, and the site that finds its suites."""
    own = f"include/usecases/{then.usecase}/"
    for name, text in then.files.items():
        if name.startswith((own, "expectations/")):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    try:
        config = UseCaseConfig.model_validate(then.parameters)
    except ValidationError as error:
        raise ConfigError(
            "the configuration of then is not one that this version of Laurel reads",
            usecase=then.usecase,
            found=str(error).splitlines()[0],
            detail=then.prefix,
            hint="restate with the version of the package that the bundle names",
        ) from error
    settings = replace(site.settings, suite_folders=(folder / "expectations",))
    return UseCase(folder=folder / own, config=config), replace(site, settings=settings)
