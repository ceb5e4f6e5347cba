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
from laurel.runs.proof.alarms import prove_calibrations
from laurel.runs.proof.journals import Trusted, alarm_journals, journals, witnessed
from laurel.runs.proof.scoring import prove_scoring
from laurel.runs.proof.statement import read_statements
from laurel.runs.proof.training import Decision, prove_decision
from laurel.runs.proof.walk import Walked
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
) -> Proof:
    """Prove ledger, catalogs, decisions and predictions of a use case, from their bytes.

    Airflow is not asked, nor is the use case's folder: what a record claims is recomputed from
    other records, objects and commits. trusted: heads that somebody kept outside the store. keys:
    public keys, by fingerprint, whose signed statements are believed.

    Raises :class:`Refused` where the store has no records of it, :class:`StoreFault`.
    """
    ledger, catalogs = journals(site, usecase)
    alarms = alarm_journals(site, usecase)
    found = _Found()
    for walked in (ledger, *catalogs.values(), *alarms):
        found.findings += walked.findings
    witnesses = witnessed(ledger, catalogs, trusted or {})
    for said in read_statements(site.store, usecase, keys or {}):
        if isinstance(said, tuple):
            witnesses.setdefault(said[0], []).append(said[1])
        else:
            found.take([said])
    every = (ledger, *catalogs.values(), *alarms)
    chains = [_chain(walked, witnesses, found) for walked in every]
    for prefix in sorted(witnesses.keys() - {chain.prefix for chain in chains}):
        noted = max(witnesses[prefix])
        found.findings.append(Finding(prefix, "the journal is gone", None, f"noted by {noted.by}"))
    decided = _folded(ledger, LedgerReducer(), found) or LedgerState()
    states: dict[str, CatalogState] = {}
    for name, walked in catalogs.items():
        states[name] = _folded(walked, CatalogReducer(), found) or CatalogState()
    for walked in alarms:
        found.take(prove_calibrations(site, usecase, _folded(walked, AlarmReducer(), found)))
    inventory = open_inventory(site.settings)
    decisions = _decisions(site, usecase, decided, states, inventory=inventory, found=found)
    scored = _scorings(site, usecase, decided, states, found=found)
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
        },
    )


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
    if bundle is None and kind == "train":
        place = f"runs/{usecase}/{kind}/{run}/bundle.json"
        found.findings.append(Finding(place, "the bundle that the ledger names is missing"))
    return bundle
