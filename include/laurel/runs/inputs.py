"""What a partition is scored from: chosen from the records, then fetched and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from laurel.adapters.tables import empty_table
from laurel.domain.canonical import digest, instant, parse_instant
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.config import Dataset
from laurel.domain.data import FileRef
from laurel.domain.history import cutoff_of, stamp
from laurel.domain.ledger import LedgerEntry, due_as_of, settled
from laurel.domain.partition import Partition
from laurel.domain.window import lookback
from laurel.errors import IntegrityError, Pending, Refused
from laurel.runs.answering import Answering, canary_of, read_answering
from laurel.runs.probation import conclude_due
from laurel.runs.site import Site
from laurel.runs.stamping import stamped
from laurel.runs.train import model_files
from laurel.stages.score import Given
from laurel.stages.snapshot import known_revisions
from laurel.usecase import UseCase

COUNTS = "counts.json"
"""Beside the bundle of a scoring: the partition over the bins of the champion's profile."""
NIGHT_SAMPLE = "sample.parquet"
"""Beside it: a few of the partition's feature rows."""


@dataclass(frozen=True)
class Inputs:
    """What a partition is scored from: revisions by dataset, and the champion."""

    partition: Partition
    cutoff: datetime
    champion: LedgerEntry
    rows_name: str
    rows: Revision
    past: Mapping[str, tuple[Revision, ...]]
    canary: Answering | None = None
    """The challenger that answers a share of the keys, where one does."""

    def document(self) -> dict[str, Any]:
        """Plain JSON values, for the run's id and bundle."""
        return {
            "cutoff": instant(self.cutoff),
            "champion": self.champion.model_version,
            "bundle": self.champion.bundle,
            "rows": line_of(self.rows),
            "past": {name: [*map(line_of, lines)] for name, lines in sorted(self.past.items())},
            **({"canary": self.canary.document()} if self.canary else {}),
        }

    def read(self) -> dict[str, list[list[Any]]]:
        """Every revision read, by dataset."""
        found = {name: [*map(line_of, lines)] for name, lines in sorted(self.past.items())}
        found[self.rows_name].append(line_of(self.rows))
        return found

    @property
    def digest(self) -> str:
        """The digest of all of it."""
        return digest(self.document())


def await_inputs(site: Site, usecase: UseCase, *, partition: Partition) -> Inputs:
    """What a partition is scored from now, once the probations that are over by its score cutoff
    are ended.

    Raises as :func:`choose_inputs`, and :class:`Pending` while a probation cannot be judged.
    """
    conclude_due(site, usecase, t=cutoff_of(partition, usecase.config))
    return choose_inputs(site, usecase, partition=partition)


def choose_inputs(
    site: Site,
    usecase: UseCase,
    *,
    partition: Partition,
    champion: LedgerEntry | None = None,
) -> Inputs:
    """Choose by the records alone what a partition is scored from.

    ``champion`` is who reigned at the score cutoff unless given; one that is given answers alone.
    Raises :class:`Pending` while something may still come, :class:`Refused` where no champion
    reigns at the cutoff.
    """
    config = usecase.config
    cutoff = cutoff_of(partition, config)
    states = {name: site.catalog(usecase, name).read() for name in sorted(config.datasets)}
    (rows,) = known_revisions(
        usecase,
        config.rows_name,
        state=states[config.rows_name],
        partitions=(partition,),
        as_of=partition.end,
    )
    canary = None
    if champion is None:
        champion = champion_of(site, usecase, cutoff=cutoff, partition=partition)
        canary = canary_of(site, usecase, cutoff=cutoff)
    past = {
        name: known_revisions(
            usecase,
            name,
            state=state,
            partitions=_past_days(usecase, partition, name=name, cutoff=cutoff),
            as_of=cutoff,
        )
        for name, state in states.items()
    }
    return Inputs(
        partition=partition,
        cutoff=cutoff,
        champion=champion,
        rows_name=config.rows_name,
        rows=rows,
        past=past,
        canary=canary,
    )


def read_inputs(
    site: Site,
    usecase: UseCase,
    document: Mapping[str, Any],
    *,
    partition: Partition,
    champion: LedgerEntry,
) -> Inputs:
    """The inputs that :meth:`Inputs.document` told of, from the catalogs.

    Raises :class:`IntegrityError` where a catalog has another revision than is named.
    """
    name = usecase.config.rows_name
    states = {each: site.catalog(usecase, each).read() for each in usecase.config.datasets}

    def revision(each: str, line: list[Any]) -> Revision:
        return _revision(states[each], usecase.name, each, line)

    return Inputs(
        partition=partition,
        cutoff=parse_instant(document["cutoff"]),
        champion=champion,
        rows_name=name,
        rows=revision(name, document["rows"]),
        past={
            each: tuple(revision(each, line) for line in lines)
            for each, lines in document["past"].items()
        },
        canary=read_answering(document.get("canary"), site.ledger(usecase).read()),
    )


def _revision(state: CatalogState, usecase: str, dataset: str, line: list[Any]) -> Revision:
    """The revision that a line of a bundle means: partition, number, content hash."""
    partition, number, content = str(line[0]), int(line[1]), str(line[2])
    known = state.revisions.get(partition, ())
    found = known[number - 1] if 0 < number <= len(known) else None
    if found is None or found.content_hash != content:
        raise IntegrityError(
            "the catalog does not have the revision that the run read",
            usecase=usecase,
            dataset=dataset,
            partition=partition,
            found=found.content_hash if found else f"{len(known)} revisions",
            expected=f"revision {number}, content {content}",
        )
    return found


def champion_of(
    site: Site, usecase: UseCase, *, cutoff: datetime, partition: Partition
) -> LedgerEntry:
    """The champion at a score cutoff, once every decision due by then is settled."""
    config = usecase.config
    state = site.ledger(usecase).read()
    due = due_as_of(
        config.training.schedule,
        start=config.training.start,
        lag=config.decision_lag,
        t=cutoff,
    )
    if not settled(state, due, t=cutoff):
        raise Pending(
            "a decision due by the score cutoff is not made yet",
            usecase=usecase.name,
            partition=partition.key,
            found=f"newest decision: {_moment(state.newest_as_of)}",
            expected=f"a decision for as_of {_moment(due)}",
            hint=f"run {usecase.name}_train for it, or settle it: laurel decline {usecase.name}",
        )
    entry = state.champion_as_of(cutoff)
    if entry is None or not state.passed(entry.model_version or ""):
        raise Refused(
            "no champion with a passing gate reigned at the score cutoff: nothing is scored",
            usecase=usecase.name,
            partition=partition.key,
            found=f"no promotion effective by {instant(cutoff)}",
            hint="train until the gate promotes a challenger, or score later partitions",
        )
    return entry


def load_given(site: Site, usecase: UseCase, *, inputs: Inputs, folder: Path) -> Given:
    """Fetch the chosen revisions, each checked against its md5, and stamp them."""
    config = usecase.config
    files = {
        folder / "inputs" / name / f"{revision.partition}.parquet": revision.md5
        for name, lines in inputs.past.items()
        for revision in lines
    }
    own = folder / "inputs" / "rows.parquet"
    site.plane.place({**files, own: inputs.rows.md5})
    tables = {
        name: _stamped(folder / "inputs" / name, lines, spec=config.datasets[name])
        for name, lines in inputs.past.items()
    }
    return Given(
        partition=inputs.partition,
        file=own,
        past_rows=tables[config.rows_name].drop(columns="known_at"),
        labels=tables[config.labels_name].drop(columns="partition"),
        context={name: tables[name] for name in config.context_names},
    )


def lay_model(site: Site, usecase: UseCase, *, entry: LedgerEntry, folder: Path) -> Path:
    """Fetch the files of a model version; their bytes are those its ledger entry stands for."""
    files = model_files(site, usecase, run=entry.run or "", bundle=entry.bundle or "")
    return lay_files(site, files, folder=folder)


def lay_files(site: Site, files: Mapping[str, FileRef], *, folder: Path) -> Path:
    """Fetch the files of a model into a folder, each checked against its md5."""
    for name, ref in files.items():
        site.plane.get(FileRef(ref.md5, ref.size), folder / name)
    return folder


def _past_days(
    usecase: UseCase, partition: Partition, *, name: str, cutoff: datetime
) -> tuple[Partition, ...]:
    """The earlier partitions that features look at and that are complete at the cutoff."""
    config = usecase.config
    days = lookback(config, partition.day)
    if days is None:
        return ()
    first = config.first_of(name)
    return tuple(day for day in days if day.end <= cutoff and day.start >= first)


def _stamped(folder: Path, lines: tuple[Revision, ...], *, spec: Dataset) -> pd.DataFrame:
    return stamped(folder, lines) if lines else _empty(spec)


def _empty(spec: Dataset) -> pd.DataFrame:
    frame = empty_table(spec)
    return stamp(frame, partition="1970-01-01", known_at="1970-01-01T00:00:00Z")


def line_of(revision: Revision) -> list[Any]:
    """A revision as bundles name it: partition, number, content hash."""
    return [revision.partition, revision.revision, revision.content_hash]


def _moment(moment: datetime | None) -> str:
    return instant(moment) if moment else "none"
