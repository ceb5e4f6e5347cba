"""What a use case has come to, read from its records: for the demo's end and for pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from laurel.adapters.records import Catalog, Ledger, find_bundle
from laurel.adapters.store import Store
from laurel.domain.bundle import bundle_prefix
from laurel.domain.canonical import instant
from laurel.domain.config import PREDICTIONS
from laurel.domain.ledger import LedgerEntry
from laurel.usecase import UseCase

REPORTS = 10


@dataclass(frozen=True)
class Data:
    """How far a dataset reaches."""

    name: str
    partitions: int
    first: str
    last: str
    rows: int


@dataclass(frozen=True)
class Decision:
    """A line of the ledger, as a reader needs it."""

    as_of: str
    event: str
    model_version: str
    effective_from: str
    decided_by: str
    reasons: tuple[str, ...]
    page: str | None
    """The key of its page in the store."""
    card: str | None = None
    """The key of the model card."""


@dataclass(frozen=True)
class ListedReport:
    """A monitoring report, as it is listed."""

    partition: str
    sentence: str
    alarms: int
    backfilled: bool
    page: str


@dataclass(frozen=True)
class ListedRestatement:
    """A report on what a correction changes, as it is listed."""

    dataset: str
    partitions: tuple[str, ...]
    known_by: str
    sentence: str
    page: str

    @property
    def span(self) -> str:
        """The corrected partitions, in words."""
        first, last = self.partitions[0], self.partitions[-1]
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True)
class Summary:
    """A use case at a glance."""

    data: tuple[Data, ...]
    decisions: tuple[Decision, ...]
    """In the ledger's order."""
    champion: Decision | None
    metrics: Mapping[str, float]
    """Of the champion on its hold-out rows."""
    reports: tuple[ListedReport, ...]
    """The newest first."""
    restatements: tuple[ListedRestatement, ...] = ()
    """The newest first."""

    @property
    def scored(self) -> int:
        """Rows with a prediction."""
        return sum(line.rows for line in self.data if line.name == PREDICTIONS)


def summarise(store: Store, usecase: UseCase) -> Summary:
    """Read the records of a use case; raises :class:`laurel.errors.StoreFault`."""
    names = (*sorted(usecase.config.datasets), PREDICTIONS)
    ledger = Ledger(store, usecase.name).read()
    champion = ledger.champion
    return Summary(
        data=tuple(line for name in names if (line := _data(store, usecase.name, name))),
        decisions=tuple(_decision(usecase.name, entry) for entry in ledger.history),
        champion=_decision(usecase.name, champion) if champion else None,
        metrics=_holdout_metrics(store, usecase.name, champion),
        reports=_reports(store, usecase.name),
        restatements=_restatements(store, usecase.name),
    )


def _holdout_metrics(store: Store, usecase: str, entry: LedgerEntry | None) -> Mapping[str, float]:
    """The metrics of a model version on its hold-out rows, from its own bundle."""
    if entry is None or entry.run is None:
        return {}
    bundle = find_bundle(store, usecase, "train", entry.run, expected=entry.bundle)
    return dict((bundle.verdict or {}).get("metrics", {})) if bundle else {}


def _data(store: Store, usecase: str, dataset: str) -> Data | None:
    revisions = Catalog(store, usecase, dataset).read().newest()
    if not revisions:
        return None
    return Data(
        name=dataset,
        partitions=len(revisions),
        first=revisions[0].partition,
        last=revisions[-1].partition,
        rows=sum(revision.rows for revision in revisions),
    )


def _decision(usecase: str, entry: LedgerEntry) -> Decision:
    prefix = bundle_prefix(usecase, "train", entry.run) if entry.run else None
    return Decision(
        as_of=instant(entry.as_of),
        event=entry.event.replace("_", " "),
        model_version=entry.model_version or "none",
        effective_from=instant(entry.effective_from),
        decided_by=entry.decided_by,
        reasons=entry.reasons,
        page=f"{prefix}/decision.html" if prefix else None,
        card=f"{prefix}/card.html" if prefix else None,
    )


def _reports(store: Store, usecase: str) -> tuple[ListedReport, ...]:
    newest = sorted(store.keys(f"reports/{usecase}/"), reverse=True)[:REPORTS]
    documents = [json.loads(store.read(key)) for key in newest]
    names = ListedReport.__dataclass_fields__
    return tuple(ListedReport(**{name: found[name] for name in names}) for found in documents)


def _restatements(store: Store, usecase: str) -> tuple[ListedRestatement, ...]:
    documents = [json.loads(store.read(key)) for key in store.keys(f"restatements/{usecase}/")]
    newest = sorted(documents, key=lambda found: (found["known_by"], found["run"]), reverse=True)
    return tuple(
        ListedRestatement(
            dataset=found["dataset"],
            partitions=tuple(found["partitions"]),
            known_by=found["known_by"],
            sentence=found["sentence"],
            page=found["page"],
        )
        for found in newest[:REPORTS]
    )
