"""What a restatement leaves in the store: predictions, page, document, bundle, a line in a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from laurel.adapters.environment import code_identity, environment_identity
from laurel.adapters.records import PartitionFile, write_bundle
from laurel.domain.bundle import Bundle, Code, bundle_prefix
from laurel.domain.canonical import canonical_json, digest
from laurel.domain.catalog import Revision
from laurel.domain.config import PREDICTIONS
from laurel.errors import IntegrityError
from laurel.pages.restatement import render_restatement
from laurel.runs.inputs import Inputs
from laurel.runs.night import Served
from laurel.runs.restate_plan import CORRECTED, Plan
from laurel.runs.site import Site
from laurel.stages.publish import publish
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Again:
    """A scoring of then, made again."""

    then: Bundle
    known: Revision
    made: Bundle
    inputs: Inputs
    served: Served


def publish_corrected(
    site: Site, usecase: UseCase, *, plan: Plan, run: str, again: Sequence[Again]
) -> None:
    """Name the predictions as corrected in their own catalog; equal content adds nothing."""
    files = []
    for each in again:
        output = each.made.outputs[f"{PREDICTIONS}/{each.known.partition}.parquet"]
        files.append(
            PartitionFile(
                partition=each.known.partition,
                known_at=plan.known_by,
                corrected_at=plan.known_by,
                **output,
            )
        )
    if files:
        publish(site.catalog(usecase, CORRECTED), site.plane, files, run=run)


def write_restatement(
    site: Site,
    usecase: UseCase,
    *,
    plan: Plan,
    run: str,
    again: Sequence[Again],
    document: Mapping[str, Any],
) -> None:
    """Write document and page, then the bundle that names them.

    Raises :class:`IntegrityError` where an interrupted run wrote another answer before.
    """
    bundle = Bundle(
        id=run,
        kind="restate",
        usecase=usecase.name,
        partitions=tuple(sorted(plan.corrected)),
        code=Code(**code_identity(site.settings.checkout)),
        environment=environment_identity(),
        inputs={**plan.inputs(), "report": digest(document)},
        outputs={
            f"{CORRECTED}/{each.known.partition}.parquet": dict(
                each.made.outputs[f"{PREDICTIONS}/{each.known.partition}.parquet"]
            )
            for each in again
        },
    )
    page = render_restatement(document, title=usecase.config.title)
    for name, data in (("html", page.encode()), ("json", canonical_json(document))):
        key = f"{bundle.prefix}/restatement.{name}"
        if not site.store.create(key, data) and site.store.read(key) != data:
            raise IntegrityError(
                "the same restatement gave another answer than before",
                usecase=usecase.name,
                detail=key,
                hint="has the environment changed since it was interrupted?",
            )
    write_bundle(site.store, bundle)


def list_restatement(
    site: Site, usecase: UseCase, *, run: str, document: Mapping[str, Any]
) -> None:
    """Name the restatement where pages look for the newest ones."""
    site.store.create(
        f"restatements/{usecase.name}/{run}.json",
        canonical_json(
            {
                "run": run,
                "dataset": document["dataset"],
                "partitions": [each["partition"] for each in document["partitions"]],
                "known_by": document["known_by"],
                "sentence": document["sentence"],
                "page": f"{bundle_prefix(usecase.name, 'restate', run)}/restatement.html",
            }
        ),
    )
