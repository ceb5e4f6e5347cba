"""Shadows of a scoring: what challengers say of the same rows, published apart from what
consumers read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from laurel.adapters.environment import code_identity, environment_identity
from laurel.adapters.records import PartitionFile, find_bundle, observe, write_bundle
from laurel.domain.bundle import Bundle, Code
from laurel.domain.canonical import canonical_json
from laurel.domain.challengers import shadows_at
from laurel.domain.ledger import LedgerEntry
from laurel.runs.heads import noted_heads
from laurel.runs.inputs import Inputs, lay_model, line_of, load_given
from laurel.runs.scored import Scored, score_run
from laurel.runs.site import Site
from laurel.stages.predictions import write_predictions
from laurel.stages.publish import Checked, publish, push_files
from laurel.stages.score import Scorer
from laurel.stages.shadow import WrittenShadow, in_words
from laurel.usecase import UseCase

PREFIX = "shadow-"
"""How such datasets begin: no dataset of a use case has a hyphen in its name."""
MANIFEST = "manifest.json"
FAILED = "failed.json"
"""In the bundle of a shadow that could not score: why."""
UNCHECKED = "unchecked"
"""What the catalog says of a shadow's suite: it is asked when the model reigns."""


def shadow_dataset(model_version: str) -> str:
    """The dataset that holds what a challenger said in shadow.

    >>> shadow_dataset("toy-20240212-1a2b3c4d")
    'shadow-toy-20240212-1a2b3c4d'
    """
    return f"{PREFIX}{model_version}"


def is_shadow(dataset: str) -> bool:
    """Whether a catalog is of what a challenger said in shadow.

    >>> is_shadow("shadow-toy-20240212-1a2b3c4d"), is_shadow("predictions")
    (True, False)
    """
    return dataset.startswith(PREFIX)


def shadow_inputs(inputs: Inputs, entry: LedgerEntry) -> Inputs:
    """What a challenger scores a partition from: what the champion does."""
    return replace(inputs, champion=entry, canary=None)


def shadow_run(usecase: UseCase, inputs: Inputs) -> str:
    """The id of the run in which a challenger scores these inputs in shadow."""
    return score_run(usecase, inputs, kind="shadow")


def challengers_of(site: Site, usecase: UseCase, inputs: Inputs) -> tuple[LedgerEntry, ...]:
    """The challengers of a scoring, in order of as_of; its canary is among them."""
    config = usecase.config
    state = site.ledger(usecase).read()
    asked, lag = config.scoring.shadow, config.decision_lag
    found = {e.as_of: e for e in shadows_at(state, inputs.cutoff, lag=lag, asked=asked)}
    if inputs.canary is not None:
        found[inputs.canary.entry.as_of] = inputs.canary.entry
    return tuple(entry for _, entry in sorted(found.items()))


def find_shadow(site: Site, usecase: UseCase, inputs: Inputs, entry: LedgerEntry) -> Bundle | None:
    """The bundle of a challenger's shadow of a scoring, once all of it is published."""
    run = shadow_run(usecase, shadow_inputs(inputs, entry))
    bundle = find_bundle(site.store, usecase.name, "shadow", run)
    if bundle is None or failed(bundle):
        return bundle
    published = site.catalog(usecase, shadow_dataset(entry.model_version or "")).read()
    made = {output["md5"] for output in bundle.outputs.values()}
    there = published.revisions.get(inputs.partition.key, ())
    return bundle if any(revision.md5 in made for revision in there) else None


def failed(bundle: Bundle) -> bool:
    """Whether the challenger could not score the partition."""
    return not bundle.outputs


def publish_shadows(
    site: Site,
    usecase: UseCase,
    inputs: Inputs,
    entries: Sequence[LedgerEntry],
    written: Sequence[WrittenShadow],
) -> None:
    """Publish what challengers said beside a scoring; what cannot be published is left out.

    The next run of the scoring looks for it (:func:`complete_shadows`).
    """
    named = {entry.model_version: entry for entry in entries}
    for each in written:
        with suppress(Exception):
            publish_shadow(site, usecase, inputs, named[each.model_version], each)


def with_shadows(
    site: Site, usecase: UseCase, made: Scored, *, inputs: Inputs, entries: Sequence[LedgerEntry]
) -> Scored:
    """What a scoring made, with its challengers: those that missed it score it now.

    No fault of theirs makes the scoring fail: it is told instead.
    """
    if not entries:
        return made
    try:
        complete_shadows(site, usecase, inputs, entries)
        return replace(made, shadows=tell_shadows(site, usecase, inputs, entries))
    except Exception as error:
        return replace(made, shadows=(f"challengers did not score it ({in_words(error)})",))


def publish_shadow(
    site: Site, usecase: UseCase, inputs: Inputs, entry: LedgerEntry, written: WrittenShadow
) -> Bundle | None:
    """Publish what a challenger said, or record that it failed; equal content adds nothing.

    ``None`` where a fault of the machine or the store left nothing to record: the next run of the
    scoring tries again.
    """
    if written.passing:
        return None
    own = shadow_inputs(inputs, entry)
    files: tuple[PartitionFile, ...] = ()
    dataset = shadow_dataset(entry.model_version or "")
    if written.facts is not None:
        checked = Checked(
            path=written.path,
            facts=written.facts,
            suite=UNCHECKED,
            outcome=UNCHECKED,
            fingerprint=own.digest,
        )
        files = push_files(site.plane, {inputs.partition: checked})
    made = _bundle(site, usecase, own, written, {f"{dataset}/{each.name}": each for each in files})
    known = find_bundle(site.store, usecase.name, "shadow", made.id)
    if known is not None and known.outputs != made.outputs:
        return known  # what was recorded first stands: a fault then, or one now
    write_bundle(site.store, known or made)
    if files:
        heads = noted_heads(site.ledger(usecase), site.run_records(usecase))
        publish(site.catalog(usecase, dataset), site.plane, files, run=made.id, heads=heads)
    cost = {"seconds": round(written.seconds, 3), "shares_features": float(written.shares)}
    observe(site.store, made, cost)
    return known or made


def _bundle(
    site: Site,
    usecase: UseCase,
    own: Inputs,
    written: WrittenShadow,
    files: Mapping[str, PartitionFile],
) -> Bundle:
    said = {"rows": line_of(own.rows), "decisions": dict(sorted(written.decisions.items()))}
    texts = {MANIFEST: canonical_json(said).decode()}
    if written.fault is not None:
        texts = {FAILED: canonical_json({"fault": in_words(written.fault)}).decode()}
    return Bundle(
        id=shadow_run(usecase, own),
        kind="shadow",
        usecase=usecase.name,
        partitions=(own.partition.key,),
        model_version=own.champion.model_version,
        code=Code(**code_identity(site.settings.checkout)),
        environment=environment_identity(),
        parameters=usecase.config.scoring.model_dump(mode="json"),
        inputs=own.document(),
        outputs={
            name: {
                "md5": file.md5,
                "size": file.size,
                "content_hash": file.content_hash,
                "rows": file.rows,
            }
            for name, file in files.items()
        },
        files=texts,
    )


def fault_of(bundle: Bundle) -> str:
    """Why a challenger could not score a partition."""
    return str(json.loads(bundle.files[FAILED])["fault"])


def complete_shadows(
    site: Site, usecase: UseCase, inputs: Inputs, entries: Sequence[LedgerEntry]
) -> None:
    """Score a published partition in the shadow of those challengers that missed it.

    A killed run leaves some, and so does a fault of the machine or the store.
    """
    for entry in entries:
        if find_shadow(site, usecase, inputs, entry) is None:
            with site.workspace() as folder:
                _alone(site, usecase, inputs, entry, folder)


def _alone(site: Site, usecase: UseCase, inputs: Inputs, entry: LedgerEntry, folder: Path) -> None:
    version = entry.model_version or ""
    path = folder / "published" / f"{inputs.partition.key}.parquet"
    given = load_given(site, usecase, inputs=inputs, folder=folder)
    began = perf_counter()
    try:
        model = lay_model(site, usecase, entry=entry, folder=folder / "model")
        scorer = Scorer(usecase, given, model=model)
        made = write_predictions(scorer, path, model_version=version)
        written = WrittenShadow(version, path, made.facts, made.decisions)
    except Exception as error:
        written = WrittenShadow(version, path, fault=error)
    seconds = perf_counter() - began
    publish_shadow(site, usecase, inputs, entry, replace(written, seconds=seconds))


def tell_shadows(
    site: Site, usecase: UseCase, inputs: Inputs, entries: Sequence[LedgerEntry]
) -> tuple[str, ...]:
    """What became of the challengers of a scoring, a few words each."""
    found = []
    for entry in entries:
        bundle = find_shadow(site, usecase, inputs, entry)
        state = "is missing: score the partition again" if bundle is None else "in shadow"
        if bundle is not None and failed(bundle):
            state = f"failed in shadow ({fault_of(bundle)})"
        found.append(f"{entry.model_version} {state}")
    return tuple(found)
