"""Prove the end of a probation: the entry of the ledger against its bundle, judged again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from laurel.domain.bundle import Bundle, run_id
from laurel.domain.canonical import canonical_json, digest, instant
from laurel.domain.catalog import CatalogState
from laurel.domain.config import ShadowGate
from laurel.domain.ledger import LedgerEntry, LedgerState
from laurel.domain.probation import ShadowEvidence, judge_shadow
from laurel.domain.proof import Finding
from laurel.runs.probation import EVIDENCE, ended_before_its_time

BY_THE_GATE = ("promoted", "registered", "rejected")


def prove_probation(
    place: str,
    entry: LedgerEntry,
    bundle: Bundle,
    before: LedgerState,
    catalogs: Mapping[str, CatalogState],
) -> Iterator[Finding]:
    """What contradicts that a challenger stood its time in shadow as the entry says."""
    yield from _bundle(bundle)
    yield from _judged(place, bundle)
    yield from _read(place, bundle, catalogs)
    verdict = bundle.verdict or {}
    pairs: list[tuple[str, Any, Any]] = [
        ("model version", entry.model_version, bundle.model_version),
        ("evidence", entry.evidence, verdict.get("evidence")),
        ("policy", entry.policy, verdict.get("policy")),
        ("verdict", entry.verdict, verdict.get("outcome")),
        ("inputs", entry.inputs, digest(bundle.inputs)),
        ("training", entry.bundle, bundle.inputs.get("bundle")),
    ]
    if entry.event in BY_THE_GATE:
        pairs += [
            ("event", entry.event != "rejected", verdict.get("outcome") == "promote"),
            ("reasons", list(entry.reasons), verdict.get("reasons")),
        ]
        yield from _registered(place, entry, bundle, before)
    for name, found, expected in pairs:
        fault = f"the {name} of the entry is not what the end of its probation says"
        yield from _equal(place, fault, found, expected)


def _registered(
    place: str, entry: LedgerEntry, bundle: Bundle, before: LedgerState
) -> Iterator[Finding]:
    """The challenger was on probation, until then, and asked for just that."""
    about = before.standing(entry.as_of)
    if about is None or about.probation is None or about.run != entry.run:
        fault = "the probation was ended of a model that was not on probation"
        yield Finding(place, fault, entry.model_version)
        return
    until = instant(about.probation.until)
    yield from _equal(
        place,
        "the end of the probation takes effect at another moment than it was to",
        instant(entry.effective_from),
        until,
    )
    asked = about.probation.policy.model_dump(mode="json")
    fault = "the probation was judged by other demands than it began with"
    yield from _equal(place, fault, bundle.parameters.get("shadow"), asked)
    fault = "whether the probation ended before its time is not what the entries before it say"
    yield from _equal(
        place, fault, bundle.inputs.get("ended"), ended_before_its_time(before, about)
    )


def _bundle(bundle: Bundle) -> Iterator[Finding]:
    run = run_id(
        kind="probation",
        usecase=bundle.usecase,
        at=instant(bundle.as_of) if bundle.as_of else "",
        inputs=bundle.inputs,
        code={"version": bundle.code.version},
        parameters=bundle.parameters,
    )
    fault = "the id is not that of inputs, code and parameters"
    yield from _equal(f"{bundle.prefix}/bundle.json", fault, bundle.id, run)


def _judged(place: str, bundle: Bundle) -> Iterator[Finding]:
    """What was shown, judged again by what was asked, comes out the same."""
    try:
        evidence = ShadowEvidence.model_validate(json.loads(bundle.files[EVIDENCE]))
        policy = ShadowGate.model_validate(bundle.parameters["shadow"])
        verdict = judge_shadow(evidence, policy).document()
    except (ValidationError, KeyError, ValueError) as error:
        fault = "what was shown in shadow cannot be judged again"
        yield Finding(place, fault, str(error).splitlines()[0])
        return
    kept = bundle.verdict or {}
    fault = "the evidence of the probation is not what was judged"
    yield from _equal(place, fault, evidence.digest(), kept.get("evidence"))
    yield from _equal(place, fault, evidence.ended, bundle.inputs.get("ended"))
    for name, value in json.loads(canonical_json(verdict)).items():
        fault = f"what was shown in shadow, judged again, gives other {name}"
        yield from _equal(place, fault, kept.get(name), value)


def _read(place: str, bundle: Bundle, catalogs: Mapping[str, CatalogState]) -> Iterator[Finding]:
    """Every revision that was read is one that its catalog has."""
    for name, lines in sorted(bundle.inputs.get("read", {}).items()):
        there = catalogs.get(name, CatalogState()).revisions
        for partition, number, content in lines:
            known = there.get(partition, ())
            found = known[number - 1].content_hash if 0 < number <= len(known) else "none"
            fault = f"it read another {name} {partition} revision {number} than the catalog has"
            yield from _equal(place, fault, str(content), found)


def _equal(place: str, fault: str, found: Any, expected: Any) -> Iterator[Finding]:
    if found != expected:
        yield Finding(place, fault, str(found), str(expected))
