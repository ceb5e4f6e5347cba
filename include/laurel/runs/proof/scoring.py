"""Prove predictions: a revision of the catalog against the bundle of its scoring and the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from laurel.domain.bundle import Bundle, Kind, run_id
from laurel.domain.canonical import parse_instant
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.ledger import CROWNING, LedgerState
from laurel.domain.proof import Finding


def prove_scoring(
    revision: Revision,
    bundle: Bundle | None,
    *,
    ledger: LedgerState,
    catalogs: Mapping[str, CatalogState],
) -> Iterator[Finding]:
    """What contradicts that a champion made these predictions of these rows."""
    place = f"predictions {revision.partition} revision {revision.revision}"
    yield from prove_made(place, revision, bundle, kind="score", catalogs=catalogs)
    if bundle is not None:
        yield from _champion(place, bundle.inputs, ledger)
        yield from _canary(place, bundle.inputs, ledger)


def prove_shadow(
    revision: Revision,
    bundle: Bundle | None,
    *,
    dataset: str,
    ledger: LedgerState,
    catalogs: Mapping[str, CatalogState],
) -> Iterator[Finding]:
    """What contradicts that a challenger said this of these rows in shadow."""
    place = f"{dataset} {revision.partition} revision {revision.revision}"
    yield from prove_made(place, revision, bundle, kind="shadow", catalogs=catalogs)
    if bundle is None:
        return
    entry = ledger.version(bundle.model_version or "")
    if entry is None or entry.bundle != bundle.inputs["bundle"]:
        yield Finding(place, "the ledger does not know the challenger", bundle.model_version)


def prove_made(
    place: str,
    revision: Revision,
    bundle: Bundle | None,
    *,
    kind: Kind,
    catalogs: Mapping[str, CatalogState],
) -> Iterator[Finding]:
    """What contradicts that a run made these bytes of these rows."""
    if bundle is None:
        yield Finding(place, "the bundle of its scoring is missing", None, f"run {revision.run}")
        return
    made = {output["md5"] for output in bundle.outputs.values()}
    if revision.md5 not in made:
        fault = "the catalog publishes other bytes than the scoring made"
        yield Finding(place, fault, revision.md5, ", ".join(sorted(made)))
    run = run_id(
        kind=kind,
        usecase=bundle.usecase,
        at=revision.partition,
        inputs=bundle.inputs,
        code={"version": bundle.code.version},
        parameters=bundle.parameters,
    )
    if run != bundle.id:
        fault = "the id is not that of inputs, code and parameters"
        yield Finding(f"{bundle.prefix}/bundle.json", fault, bundle.id, run)
    for name, lines in sorted(_read(bundle.inputs, catalogs).items()):
        for partition, number, content in lines:
            known = catalogs[name].revisions.get(partition, ())
            there = known[number - 1].content_hash if number <= len(known) else "no such revision"
            if there != content:
                fault = f"it read another {name} {partition} revision {number} than the catalog has"
                yield Finding(place, fault, str(content), there)


def _champion(place: str, inputs: Mapping[str, Any], ledger: LedgerState) -> Iterator[Finding]:
    """The model reigned at the cutoff by the entries that stood then, and had passed the gate."""
    cutoff, version = parse_instant(inputs["cutoff"]), inputs["champion"]
    reigned = any(
        champion is not None
        and (champion.model_version, champion.bundle) == (version, inputs["bundle"])
        for count in range(len(ledger.history), 0, -1)
        for champion in [LedgerState(ledger.history[:count]).champion_as_of(cutoff)]
    )
    if not reigned:
        yield Finding(place, "it was scored by a model that never reigned at its cutoff", version)
    passed = any(e.model_version == version and e.event in CROWNING for e in ledger.history)
    if not passed:
        yield Finding(place, "it was scored by a model that never passed the gate", version)


def _canary(place: str, inputs: Mapping[str, Any], ledger: LedgerState) -> Iterator[Finding]:
    """The model that answered a share of the keys was let through by the gate, and known then."""
    said = inputs.get("canary")
    if said is None:
        return
    cutoff, version = parse_instant(inputs["cutoff"]), said["challenger"]
    known = [e for e in ledger.history if e.model_version == version and e.as_of <= cutoff]
    if not any(e.bundle == said["bundle"] and e.verdict == "promote" for e in known):
        yield Finding(place, "its canary is a model that the gate did not let through", version)


def _read(
    inputs: Mapping[str, Any], catalogs: Mapping[str, CatalogState]
) -> dict[str, list[list[Any]]]:
    """The revisions read, by dataset; rows are found by their content among the datasets."""
    return {name: lines for name, lines in inputs["past"].items() if name in catalogs}
