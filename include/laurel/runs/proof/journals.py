"""The journals of a use case as an audit reads them, and who has noted their heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from laurel.adapters.records import Catalog, Ledger, RunRecords
from laurel.adapters.records.alarms import AlarmJournal
from laurel.adapters.store.ahead import ReadAhead
from laurel.domain.alarms.record import AlarmReducer
from laurel.domain.catalog import CatalogReducer
from laurel.domain.journal import Reducer
from laurel.domain.ledger import LedgerReducer
from laurel.domain.proof import Witness
from laurel.domain.run_record import RunsReducer
from laurel.errors import IntegrityError, Refused
from laurel.runs.heads import noted_heads
from laurel.runs.proof.walk import Walked, walk
from laurel.runs.site import Site

Trusted = Mapping[str, tuple[int, str]]
"""Heads kept outside the store: number and digest, by the journal's prefix."""


@dataclass(frozen=True)
class Journals:
    """The journals of a use case, walked."""

    ledger: Walked
    catalogs: Mapping[str, Walked]
    """By dataset."""
    runs: Walked
    alarms: Walked

    @property
    def every(self) -> tuple[Walked, ...]:
        """Those that are there."""
        every = (self.ledger, *self.catalogs.values(), self.runs, self.alarms)
        return tuple(each for each in every if each.entries or each.findings)


def heads(site: Site, usecase: str) -> dict[str, tuple[int, str]]:
    """Where each journal stands: to be kept outside the store, as a trusted head.

    Raises :class:`IntegrityError` where a journal is not whole: what is wrong cannot be vouched
    for; :class:`Refused` where there are no records.
    """
    every = journals(site, usecase).every
    for walked in every:
        if walked.findings:
            raise IntegrityError(
                "a journal is not whole, so its head is worth nothing",
                usecase=usecase,
                found=walked.findings[0].text(),
                hint=f"laurel audit verify {usecase}",
            )
    return {walked.prefix: (len(walked.entries), walked.head) for walked in every}


def newest_heads(site: Site, usecase: str) -> dict[str, tuple[int, str]]:
    """Where each journal stands by its newest checkpoint and the entries after it."""
    catalogs = [Catalog(site.store, usecase, name) for name in _datasets(site, usecase)]
    return noted_heads(
        Ledger(site.store, usecase),
        *catalogs,
        RunRecords(site.store, usecase),
        AlarmJournal(site.store, usecase),
    )


def journals(site: Site, usecase: str) -> Journals:
    """The journals of a use case, walked; :class:`Refused` where there are none."""
    names = _datasets(site, usecase)
    ledger = _walked(site, f"ledger/{usecase}", LedgerReducer())
    if not names and not ledger.entries and not ledger.findings:
        raise Refused(
            "the store has no records of this use case",
            usecase=usecase,
            found=site.store.url,
            hint="look at the names: laurel usecases",
        )
    return Journals(
        ledger,
        {name: _walked(site, f"catalog/{usecase}/{name}", CatalogReducer()) for name in names},
        _walked(site, f"run_records/{usecase}", RunsReducer()),
        _walked(site, f"alarms/{usecase}", AlarmReducer()),
    )


def _datasets(site: Site, usecase: str) -> list[str]:
    root = f"catalog/{usecase}/"
    return sorted({key.removeprefix(root).split("/")[0] for key in site.store.keys(root)})


def _walked(site: Site, prefix: str, reducer: Reducer[Any]) -> Walked:
    return walk(ReadAhead(site.store, f"{prefix}/"), prefix, reducer)


def witnessed(journals: Journals, trusted: Trusted) -> dict[str, list[Witness]]:
    """Every head that an entry of another journal, or somebody outside, has noted."""
    found: dict[str, list[Witness]] = {}
    for prefix, (number, digest) in trusted.items():
        found.setdefault(prefix, []).append(Witness(number, digest, "the trusted head"))
    sources = [("the ledger", journals.ledger), *journals.catalogs.items()]
    for name, walked in sources:
        for entry in walked.entries:
            for prefix, (number, digest) in entry.body.get("heads", {}).items():
                by = f"entry {entry.number} of {name}"
                found.setdefault(prefix, []).append(Witness(number, digest, by))
    return found
