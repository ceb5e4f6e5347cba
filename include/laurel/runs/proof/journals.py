"""The journals of a use case as an audit reads them, and who has noted their heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from laurel.adapters.store.ahead import ReadAhead
from laurel.domain.alarms.record import AlarmReducer
from laurel.domain.catalog import CatalogReducer
from laurel.domain.journal import Reducer
from laurel.domain.ledger import LedgerReducer
from laurel.domain.proof import Witness
from laurel.errors import IntegrityError, Refused
from laurel.runs.proof.walk import Walked, walk
from laurel.runs.site import Site

Trusted = Mapping[str, tuple[int, str]]
"""Heads kept outside the store: number and digest, by the journal's prefix."""


def heads(site: Site, usecase: str) -> dict[str, tuple[int, str]]:
    """Where each journal stands: to be kept outside the store, as a trusted head.

    Raises :class:`IntegrityError` where a journal is not whole: what is wrong cannot be vouched
    for; :class:`Refused` where there are no records.
    """
    ledger, catalogs = journals(site, usecase)
    every = [ledger, *catalogs.values(), *alarm_journals(site, usecase)]
    for walked in every:
        if walked.findings:
            raise IntegrityError(
                "a journal is not whole, so its head is worth nothing",
                usecase=usecase,
                found=walked.findings[0].text(),
                hint=f"laurel audit verify {usecase}",
            )
    return {walked.prefix: (len(walked.entries), walked.head) for walked in every}


def journals(site: Site, usecase: str) -> tuple[Walked, dict[str, Walked]]:
    """The ledger and the catalogs of a use case, walked; :class:`Refused` where there are none."""
    root = f"catalog/{usecase}/"
    names = sorted({key.removeprefix(root).split("/")[0] for key in site.store.keys(root)})
    ledger = _walked(site, f"ledger/{usecase}", LedgerReducer())
    if not names and not ledger.entries and not ledger.findings:
        raise Refused(
            "the store has no records of this use case",
            usecase=usecase,
            found=site.store.url,
            hint="look at the names: laurel usecases",
        )
    return ledger, {name: _walked(site, f"{root}{name}", CatalogReducer()) for name in names}


def alarm_journals(site: Site, usecase: str) -> tuple[Walked, ...]:
    """The journal of a use case's alarms, walked; none where no alarm ever changed."""
    found = _walked(site, f"alarms/{usecase}", AlarmReducer())
    return (found,) if found.entries or found.findings else ()


def _walked(site: Site, prefix: str, reducer: Reducer[Any]) -> Walked:
    return walk(ReadAhead(site.store, f"{prefix}/"), prefix, reducer)


def witnessed(
    ledger: Walked, catalogs: Mapping[str, Walked], trusted: Trusted
) -> dict[str, list[Witness]]:
    """Every head that an entry of another journal, or somebody outside, has noted."""
    found: dict[str, list[Witness]] = {}
    for prefix, (number, digest) in trusted.items():
        found.setdefault(prefix, []).append(Witness(number, digest, "the trusted head"))
    sources = [("the ledger", ledger), *catalogs.items()]
    for name, walked in sources:
        for entry in walked.entries:
            for prefix, (number, digest) in entry.body.get("heads", {}).items():
                by = f"entry {entry.number} of {name}"
                found.setdefault(prefix, []).append(Witness(number, digest, by))
    return found
