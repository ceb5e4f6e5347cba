"""One run of ingest: pull → validate → publish, or quarantine with the reasons."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

from laurel.adapters.gx import find_suite
from laurel.adapters.quarantine import REFUSED, ROWS
from laurel.adapters.records import observe
from laurel.adapters.sources import open_source
from laurel.adapters.sources.contract import SourceState
from laurel.adapters.spent import spent_since
from laurel.adapters.tables import TableFacts, file_facts
from laurel.adapters.tables.spool import Landed
from laurel.domain.canonical import digest, instant
from laurel.domain.catalog import CatalogState
from laurel.domain.config import Dataset
from laurel.domain.partition import Partition, partitions
from laurel.runs import refusals
from laurel.runs.ingested import Ingested
from laurel.runs.past import SitePast, keep_failures, keep_profiles
from laurel.runs.site import Site
from laurel.stages.check import Examined, check_files
from laurel.stages.publish import Checked, publish, push_files
from laurel.stages.pull import Pulled, Refusal, pull
from laurel.usecase import UseCase

Pages = MutableMapping[str, str]
PAGES = 20
"""Data Docs kept of a range at most; the reasons of each refused partition are in quarantine."""


def ingest(
    site: Site,
    usecase: UseCase,
    *,
    dataset: str,
    start: datetime,
    end: datetime,
    pages: Pages | None = None,
) -> Ingested:
    """Pull ``[start, end)`` of a dataset and publish what its suite lets through.

    A partition whose source has not changed since it was published is not pulled again. Good
    partitions of a range are published even when others fail; the failing ones are put into
    quarantine untouched and then :class:`ValidationFailed` is raised. Raises :class:`ConfigError`
    for an unknown dataset or suite, :class:`DataError` for a source that cannot be read at all.
    """
    spec = usecase.dataset(dataset)
    first = usecase.config.first_of(dataset)
    if start < end <= first:
        return Ingested(usecase.name, dataset, run="")
    with site.workspace() as folder:
        run = _Run(site, usecase, dataset, spec, folder, pages)
        return run.over(list(partitions(max(start, first), end)))


@dataclass(frozen=True)
class _Run:
    """A run over partitions of one dataset, in a folder of its own."""

    site: Site
    usecase: UseCase
    dataset: str
    spec: Dataset
    folder: Path
    pages: Pages | None

    def over(self, days: Sequence[Partition]) -> Ingested:
        started = perf_counter()
        suite = find_suite(self.spec.suite, self.site.settings)
        promise = digest([suite.read_text(), self.spec.model_dump(mode="json")])
        source = open_source(
            self.usecase,
            self.dataset,
            settings=self.site.settings,
            connections=self.site.connections,
        )
        states = {day: _under(state, promise) for day, state in source.states(days).items()}
        before = self.site.catalog(self.usecase, self.dataset).read()
        run = self._id(days, states)
        todo = [day for day in days if not _unchanged(before, day, states[day])]
        pulled = pull(source, self.usecase, self.dataset, days=todo, folder=self.folder)
        tables = {day: landed.path for day, landed in pulled.landed.items()}
        found = check_files(
            tables,
            suite,
            dataset=self.spec,
            history=SitePast(self.site, self.usecase, self.dataset, self.folder / "past"),
            refused={day: landed.refused_rows for day, landed in pulled.landed.items()},
        )
        good = _good(pulled, found, states)
        self._keep(f"runs/{self.usecase.name}/ingest/{run}", found, good)
        # Held before the rest is published: then the source counts as unchanged, and is not read.
        split = self._hold_split(pulled, found)
        published = self._publish(good, run=run)
        self.site.run_records(self.usecase).enter("ingest", run, grown=True)
        self._observe(run, pulled, started=started)
        refused = {**pulled.refused, **self._failed(pulled, found, before)}
        if refused:
            refusals.refuse(self.site, self.usecase, self.dataset, refused=refused)
        return Ingested(
            usecase=self.usecase.name,
            dataset=self.dataset,
            run=run,
            published=published,
            unchanged=len(days) - len(published),
            warnings=tuple(
                day.key for day, one in found.items() if one.validation.outcome == "warnings"
            ),
            restated=tuple(key for key in published if key in before.revisions),
            split=split,
        )

    def _id(self, days: Sequence[Partition], states: Mapping[Partition, SourceState]) -> str:
        asked = [self.usecase.name, self.dataset, instant(days[0].start), instant(days[-1].end)]
        return digest([*asked, [states[day].fingerprint for day in days]])[:16]

    def _publish(self, good: Mapping[Partition, Checked], *, run: str) -> tuple[str, ...]:
        if not good:
            return ()
        files = push_files(self.site.plane, good)
        catalog = self.site.catalog(self.usecase, self.dataset)
        return publish(catalog, self.site.plane, files, run=run).partitions

    def _keep(
        self,
        prefix: str,
        found: Mapping[Partition, Examined],
        good: Mapping[Partition, Checked],
    ) -> None:
        """Keep profiles, what was not met, and the Data Docs of what is worth a look, the newest
        partition in any case."""
        profiles = [
            (ready.facts.content_hash, profile)
            for day, ready in good.items()
            if (profile := found[day].profile) is not None
        ]
        keep_profiles(self.site, self.usecase, self.dataset, profiles)
        validations = {day: one.validation for day, one in found.items()}
        keep_failures(self.site, prefix, self.dataset, validations)
        newest = max(found, default=None)
        shown = [day for day, one in sorted(validations.items()) if one.failures]
        for day in dict.fromkeys([newest, *shown[:PAGES]] if newest else []):
            key = f"{prefix}/validation/{self.dataset}-{day.key}.html"
            self.site.store.create(key, validations[day].html.encode())
            if self.pages is not None:
                self.pages["Data Docs"] = key

    def _failed(
        self, pulled: Pulled, found: Mapping[Partition, Examined], before: CatalogState
    ) -> dict[Partition, Refusal]:
        """What the suite refused, but for rows that a person has released since."""
        return {
            day: Refusal(
                one.validation.error(self.usecase.name, self.dataset, day.key),
                refusals.files_of(pulled.landed[day]),
                rows=pulled.landed[day].rows + pulled.landed[day].refused_rows,
            )
            for day, one in found.items()
            if one.validation.failed and not _released(before, day, pulled.landed[day])
        }

    def _hold_split(self, pulled: Pulled, found: Mapping[Partition, Examined]) -> dict[str, int]:
        """Put the rows into quarantine that were taken out of partitions; how many of each."""
        held = {}
        for day, one in sorted(found.items()):
            landed = pulled.landed[day]
            off = one.split
            if one.validation.failed or not (landed.refused_rows or off):
                continue
            files = {ROWS: off.file} if off else {}
            files |= {REFUSED: landed.refused} if landed.refused else {}
            held[day.key] = landed.refused_rows + (off.rows if off else 0)
            reasons = [*landed.reasons, *(off.reasons if off else ())]
            refusals.hold(
                self.site,
                self.usecase,
                self.dataset,
                day=day,
                files=files,
                rows=held[day.key],
                reasons=reasons,
                split=True,
            )
        return held

    def _observe(self, run: str, pulled: Pulled, *, started: float) -> None:
        rows = sum(landed.rows for landed in pulled.landed.values())
        said = {
            "partitions": len(pulled.landed) + len(pulled.refused),
            **spent_since(started, rows=rows),
        }
        observe(self.site.store, f"runs/{self.usecase.name}/ingest/{run}", said)


def _under(state: SourceState, promise: str) -> SourceState:
    """The state of a source as read under a contract and a suite: other promises, another state."""
    fingerprint = digest([state.fingerprint, promise])
    return SourceState(fingerprint, state.settled, state.corrected_at)


def _unchanged(before: CatalogState, day: Partition, state: SourceState) -> bool:
    newest = before.corrected(day.key)
    return newest is not None and state.settled and newest.fingerprint == state.fingerprint


def _released(before: CatalogState, day: Partition, landed: Landed) -> bool:
    newest = before.corrected(day.key)
    if newest is None or newest.release is None or landed.facts is None:
        return False
    return newest.content_hash == landed.facts.content_hash


def _good(
    pulled: Pulled,
    found: Mapping[Partition, Examined],
    states: Mapping[Partition, SourceState],
) -> dict[Partition, Checked]:
    return {
        day: Checked(
            path=one.file,
            facts=_facts(one, pulled.landed[day]),
            suite=one.validation.suite_digest,
            outcome=one.validation.outcome,
            fingerprint=states[day].fingerprint,
            corrected_at=states[day].corrected_at,
        )
        for day, one in found.items()
        if not one.validation.failed
    }


def _facts(one: Examined, landed: Landed) -> TableFacts:
    """What is known of the table that may be published; a split has made it another one."""
    if landed.facts is not None and one.file == landed.path:
        return landed.facts
    return file_facts(one.file)
