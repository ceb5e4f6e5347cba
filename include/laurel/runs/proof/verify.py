"""Verify a use case's records from the store and git alone, and say where the proof ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from laurel.adapters.dvc.inventory import Inventory, open_inventory
from laurel.adapters.records import find_bundle
from laurel.domain.alarms.record import AlarmReducer
from laurel.domain.bundle import Bundle, Kind
from laurel.domain.catalog import CatalogReducer, CatalogState
from laurel.domain.config import PREDICTIONS
from laurel.domain.journal import Reducer
from laurel.domain.ledger import LedgerReducer, LedgerState
from laurel.domain.proof import Chain, Finding, Proof, Witness, judge_witnesses
from laurel.errors import IntegrityError
from laurel.runs.audit import audit_store
from laurel.runs.proof.alarms import prove_calibrations
from laurel.runs.proof.journals import Trusted, journals, witnessed
from laurel.runs.proof.probation import prove_probation
from laurel.runs.proof.runs import prove_runs
from laurel.runs.proof.scoring import prove_scoring, prove_shadow
from laurel.runs.proof.statement import read_statements
from laurel.runs.proof.training import Decision, prove_decision
from laurel.runs.proof.walk import Walked
from laurel.runs.shadow import is_shadow
from laurel.runs.site import Site


@dataclass
class _Found:
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def take(self, found: Iterable[Finding | str]) -> None:
        for each in found:
            if isinstance(each, Finding):
                self.findings.append(each)
            else:
                self.remarks.append(each)


def verify(
    site: Site,
    usecase: str,
    *,
    trusted: Trusted | None = None,
    keys: Mapping[str, bytes] | None = None,
    hashed: float = 1.0,
) -> Proof:
    """Prove all records of a use case and the objects they name, from their bytes.

    Airflow is not asked, nor is the use case's folder: what a record claims is recomputed from
    other records, objects and commits. trusted: heads that somebody kept outside the store. keys:
    public keys, by fingerprint, whose signed statements are believed. hashed: the share of the
    objects whose bytes are read, 0 to 1; the others are looked for, with their size.

    Raises :class:`Refused` where the store has no records of it, :class:`StoreFault`.
    """
    walked = journals(site, usecase)
    ledger, catalogs = walked.ledger, walked.catalogs
    found = _Found()
    for each in walked.every:
        found.findings += each.findings
    witnesses = witnessed(walked, trusted or {})
    for said in read_statements(site.store, usecase, keys or {}):
        if isinstance(said, tuple):
            witnesses.setdefault(said[0], []).append(said[1])
        else:
            found.take([said])
    chains = [_chain(each, witnesses, found) for each in walked.every]
    for prefix in sorted(witnesses.keys() - {chain.prefix for chain in chains}):
        noted = max(witnesses[prefix])
        if not noted.number:
            continue
        found.findings.append(Finding(prefix, "the journal is gone", None, f"noted by {noted.by}"))
    decided = _folded(ledger, LedgerReducer(), found) or LedgerState()
    states: dict[str, CatalogState] = {}
    for name, catalog in catalogs.items():
        states[name] = _folded(catalog, CatalogReducer(), found) or CatalogState()
    if walked.alarms.entries:
        log = _folded(walked.alarms, AlarmReducer(), found)
        found.take(prove_calibrations(site, usecase, log))
    inventory = open_inventory(site.settings)
    decisions = _decisions(site, usecase, decided, states, inventory=inventory, found=found)
    scored = _scorings(site, usecase, decided, states, found=found)
    found.take(prove_runs(site.store, usecase, walked.runs))
    objects = _objects(site, usecase, hashed=hashed, found=found)
    return Proof(
        url=site.store.url,
        usecase=usecase,
        chains=tuple(chains),
        findings=tuple(dict.fromkeys(found.findings)),
        remarks=tuple(dict.fromkeys(found.remarks)),
        counts={
            "entries": sum(chain.entries for chain in chains),
            "decisions": decisions,
            "scorings": scored,
            "runs": len(walked.runs.entries),
            "objects": objects,
        },
    )


def _objects(site: Site, usecase: str, *, hashed: float, found: _Found) -> int:
    """Every object that the records name is there, and of the chosen share the bytes are right."""
    audit = audit_store(site, usecase=usecase, hashed=hashed)
    for damage in audit.damages:
        if damage.fault != "wrong record":  # those are found above, each by itself
            named = f", named by {damage.by[0].text()}" if damage.by else ""
            fault = f"the object is {damage.fault}{named}"
            found.take([Finding(damage.what, fault, str(damage.found), str(damage.expected))])
    if hashed < 1:
        found.take([f"the bytes of {1 - hashed:.0%} of the objects, but that they have their size"])
    return audit.counts["objects"]


def _chain(walked: Walked, witnesses: Mapping[str, list[Witness]], found: _Found) -> Chain:
    (proved, by), wrong = judge_witnesses(
        walked.prefix, walked.digests, witnesses.get(walked.prefix, ())
    )
    found.findings += wrong
    return Chain(walked.prefix, len(walked.entries), walked.head, proved, by)


def _folded(walked: Walked, reducer: Reducer[Any], found: _Found) -> Any:
    """The fold of all entries that can be read; ``None`` where one cannot be folded."""
    try:
        return reduce(reducer.apply, walked.entries, reducer.initial())
    except (IntegrityError, KeyError) as error:
        place = f"{walked.prefix}, its fold"
        found.findings.append(Finding(place, "an entry cannot be folded", repr(error)[:100]))
        return None


def _decisions(
    site: Site,
    usecase: str,
    ledger: LedgerState,
    catalogs: Mapping[str, CatalogState],
    *,
    inventory: Inventory,
    found: _Found,
) -> int:
    count = 0
    for place, entry in enumerate(ledger.history):
        if entry.run is None or entry.bundle is None:
            continue
        bundle = _bundle(site, usecase, "train", entry.run, found=found, expected=entry.bundle)
        if bundle is not None:
            decision = Decision(entry, bundle, LedgerState(ledger.history[:place]))
            found.take(prove_decision(site, inventory, decision, catalogs))
            count += 1
        if entry.concluded is not None:
            run, named = entry.concluded.run, entry.concluded.bundle
            shown = _bundle(site, usecase, "probation", run, found=found, expected=named)
            where, before = f"ledger/{usecase}, entry {entry.number}", ledger.history[:place]
            if shown is not None:
                found.take(prove_probation(where, entry, shown, LedgerState(before), catalogs))
    return count


def _scorings(
    site: Site,
    usecase: str,
    ledger: LedgerState,
    catalogs: Mapping[str, CatalogState],
    *,
    found: _Found,
) -> int:
    count = 0
    published = catalogs.get(PREDICTIONS, CatalogState()).revisions
    for revision in (each for _, revisions in sorted(published.items()) for each in revisions):
        bundle = _bundle(site, usecase, "score", revision.run, found=found)
        found.take(prove_scoring(revision, bundle, ledger=ledger, catalogs=catalogs))
        count += 1
    for name, state in sorted(catalogs.items()):
        if not is_shadow(name):
            continue
        for revision in (each for _, known in sorted(state.revisions.items()) for each in known):
            bundle = _bundle(site, usecase, "shadow", revision.run, found=found)
            found.take(
                prove_shadow(revision, bundle, dataset=name, ledger=ledger, catalogs=catalogs)
            )
    return count


def _bundle(
    site: Site, usecase: str, kind: Kind, run: str, *, found: _Found, expected: str | None = None
) -> Bundle | None:
    try:
        bundle = find_bundle(site.store, usecase, kind, run, expected=expected)
    except IntegrityError as error:
        place = f"runs/{usecase}/{kind}/{run}/bundle.json"
        said = [None if each is None else str(each)[:100] for each in (error.found, error.expected)]
        found.findings.append(Finding(place, error.fact, *said))
        return None
    if bundle is None and kind in ("train", "probation"):
        place = f"runs/{usecase}/{kind}/{run}/bundle.json"
        found.findings.append(Finding(place, "the bundle that the ledger names is missing"))
    return bundle
