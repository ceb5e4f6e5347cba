"""Release: a person lets a partition out of quarantine, as it is, and says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from laurel.adapters.conform import conform_batch
from laurel.adapters.gx import Validation, find_suite
from laurel.adapters.quarantine import REFUSED, ROWS, Held, find_held, list_quarantine
from laurel.adapters.tables import TableFacts, TableWriter, empty_table
from laurel.adapters.tables.sorting import iter_sorted, repeated_keys
from laurel.domain.canonical import digest
from laurel.domain.catalog import CatalogState, Release, Revision
from laurel.domain.config import Dataset
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, Refused
from laurel.runs.past import keep_profiles
from laurel.runs.site import Site
from laurel.stages.check import Examined, check_files
from laurel.stages.publish import Checked, publish, push_files
from laurel.usecase import UseCase

RELEASED = "released"
"""The outcome of a partition that a person let through."""


@dataclass(frozen=True)
class Released:
    """A partition that was let through."""

    usecase: str
    dataset: str
    revision: Revision
    release: Release
    repeated: bool
    """Whether the same had been released before, so that nothing was added."""

    def sentence(self) -> str:
        """What happened, in a sentence."""
        how = "had been released" if self.repeated else "is released"
        return (
            f"{self.dataset} {self.revision.partition} {how} as revision {self.revision.revision}, "
            f"{self.revision.rows:,} rows, by {self.release.by}: {self.release.reason}"
        )


def release(
    site: Site, usecase: UseCase, id: str, *, by: str, reason: str, restate: bool = False
) -> Released:
    """Publish a held partition as it is; its suite is run again, for the Data Docs alone.

    The same release again adds nothing. Raises :class:`Refused` for rows that were split off or
    do not conform to the contract any more, and, without ``restate``, where the partition has been
    published since; :class:`NotFound` for an unknown id.
    """
    by, reason = by.strip(), reason.strip()
    if not by or not reason:
        raise ConfigError("a release needs a person and a reason", found=f"{by!r}, {reason!r}")
    held = find_held(site.store, usecase.name, id)
    before = site.catalog(usecase, held.dataset).read()
    if (earlier := released_as(before, held)) is not None and earlier.release is not None:
        return Released(usecase.name, held.dataset, earlier, earlier.release, repeated=True)
    _refuse_what_cannot_be(usecase, held, before, restate=restate)
    note = Release(by, reason, quarantine=held.id, failures=digest(list(held.reasons)))
    with site.workspace() as folder:
        path, facts = _table(site, usecase, held, folder=folder)
        return _publish(site, usecase, held, path=path, facts=facts, note=note)


def states(site: Site, usecase: UseCase, dataset: str | None = None) -> list[tuple[Held, str]]:
    """What was ever held, the newest last, and its state: held, split off, superseded, released."""
    catalogs: dict[str, CatalogState] = {}
    found = []
    for held in sorted(list_quarantine(site.store, usecase.name, dataset), key=lambda h: h.since):
        if held.dataset not in catalogs:
            catalogs[held.dataset] = site.catalog(usecase, held.dataset).read()
        found.append((held, _state(held, catalogs[held.dataset])))
    return found


def released_as(state: CatalogState, held: Held) -> Revision | None:
    """The revision as which something held was released."""
    for revision in state.revisions.get(held.partition, ()):
        if revision.release is not None and revision.release.quarantine == held.id:
            return revision
    return None


def _state(held: Held, catalog: CatalogState) -> str:
    if released_as(catalog, held) is not None:
        return RELEASED
    if held.split:
        return "split off"
    return "superseded" if _since(catalog, held) else "held"


def _since(catalog: CatalogState, held: Held) -> Revision | None:
    """The newest revision, where it was published after the partition was held."""
    newest = catalog.corrected(held.partition)
    return newest if newest is not None and newest.published_at > held.since else None


def _refuse_what_cannot_be(
    usecase: UseCase, held: Held, catalog: CatalogState, *, restate: bool
) -> None:
    if held.dataset not in usecase.config.datasets:
        raise _refused(held, "the use case has no such dataset any more", held.dataset, "")
    if held.split:
        raise _refused(
            held,
            "these rows were split off, and the rest of their partition is published",
            f"{held.rows} row(s)",
            "mend the source or the suite, then ingest the partition again",
        )
    if ROWS not in held.files or REFUSED in held.files:
        raise _refused(
            held,
            "not all of these rows could be read as the contract says",
            ", ".join(sorted(held.files)),
            "mend the source or the contract, then ingest the partition again",
        )
    newer = _since(catalog, held)
    if newer is not None and not restate:
        raise _refused(
            held,
            "the partition has been published since",
            f"revision {newer.revision} by run {newer.run}",
            "nothing needs a release; --restate puts these rows in its place all the same",
        )


def _table(site: Site, usecase: UseCase, held: Held, *, folder: Path) -> tuple[Path, TableFacts]:
    """The held rows as a table of the contract as it is now, in canonical order."""
    spec = usecase.config.datasets[held.dataset]
    raw, path = folder / "held.parquet", folder / f"{held.partition}.parquet"
    site.plane.get(held.files[ROWS], raw)
    keys, rows, examples = repeated_keys(raw, spec.key, folder=folder)
    if keys:
        raise _refused(
            held,
            f"{keys} key(s) occur more than once, in {rows} rows",
            f"e.g. {' '.join(map(str, examples[0]))}",
            "mend the source: which of the rows is right cannot be known here",
        )
    order = list(dict.fromkeys((spec.time, *spec.key)))
    with TableWriter(path) as writer:
        writer.write(empty_table(spec))
        for part in iter_sorted(raw, order, folder=folder):
            writer.write(_conforming(part, spec, usecase, held))
        facts = writer.finish()
    return path, facts


def _conforming(part: pd.DataFrame, spec: Dataset, usecase: UseCase, held: Held) -> pd.DataFrame:
    found = conform_batch(
        part,
        spec,
        textual=False,
        usecase=usecase.name,
        name=held.dataset,
        partition=held.partition,
    )
    if len(found.refused):
        raise _refused(
            held,
            "rows are not as the contract says",
            "\n".join(found.reasons[:3]),
            "mend the source or the contract, then ingest the partition again",
        )
    return found.table


def _publish(
    site: Site,
    usecase: UseCase,
    held: Held,
    *,
    path: Path,
    facts: TableFacts,
    note: Release,
) -> Released:
    day = Partition.of(held.partition)
    spec = usecase.config.datasets[held.dataset].model_copy(update={"split": None})
    suite = find_suite(spec.suite, site.settings)
    examined = check_files({day: path}, suite, dataset=spec)[day]
    run = digest([usecase.name, held.dataset, held.partition, note.document()])[:16]
    checked = Checked(
        path=path,
        facts=facts,
        suite=examined.validation.suite_digest,
        outcome=RELEASED,
        fingerprint=f"quarantine {held.id}",
    )
    (file,) = push_files(site.plane, {day: checked})
    catalog = site.catalog(usecase, held.dataset)
    _keep(site, usecase, held, run=run, examined=examined, note=note, facts=facts)
    published = publish(catalog, site.plane, [replace(file, release=note)], run=run)
    if not published:
        raise _refused(
            held,
            "these very rows are published already",
            f"content {facts.content_hash[:12]}",
            "there is nothing to release",
        )
    return Released(usecase.name, held.dataset, published.revisions[0], note, repeated=False)


def _keep(
    site: Site,
    usecase: UseCase,
    held: Held,
    *,
    run: str,
    examined: Examined,
    note: Release,
    facts: TableFacts,
) -> None:
    """Keep the Data Docs, with the release on them, and the profile of the rows."""
    if examined.profile is not None:
        keep_profiles(site, usecase, held.dataset, [(facts.content_hash, examined.profile)])
    page = _page(examined.validation, note)
    key = f"runs/{usecase.name}/release/{run}/validation/{held.dataset}-{held.partition}.html"
    site.store.create(key, page.encode())
    site.run_records(usecase).enter("release", run, grown=True)


def _page(validation: Validation, note: Release) -> str:
    said: Mapping[str, str] = {"by": note.by, "reason": note.reason}
    document = {**validation.document, "outcome": RELEASED, "released": said}
    return replace(validation, document=document).html


def _refused(held: Held, fact: str, found: str, hint: str) -> Refused:
    return Refused(
        f"this cannot be released: {fact}",
        usecase=held.usecase,
        dataset=held.dataset,
        partition=held.partition,
        found=found,
        hint=hint,
        detail=held.key,
    )
