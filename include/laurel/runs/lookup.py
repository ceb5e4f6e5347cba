"""Find one published prediction: its revision, the run that made it, and what that run read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from laurel.adapters.quarantine import list_quarantine
from laurel.adapters.records import find_bundle, find_bundles
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import instant, parse_instant
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.config import PREDICTIONS
from laurel.domain.ledger import LedgerEntry
from laurel.domain.partition import Partition
from laurel.domain.rowkey import Key, key_text, near_keys
from laurel.errors import IntegrityError, LaurelError, NotFound, Refused
from laurel.runs.answering import read_answering
from laurel.runs.inputs import Inputs
from laurel.runs.restate_plan import CORRECTED
from laurel.runs.site import Site
from laurel.runs.train import named_training
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Found:
    """A revision of a partition's predictions, and all that it came from."""

    revision: Revision
    revisions: int
    """How many there are of the partition, in the same catalog."""
    restated: bool
    scoring: Bundle
    training: Bundle
    inputs: Inputs
    reigns_now: str | None
    """The champion at the cutoff by all entries there are now."""


def find_prediction(
    site: Site,
    usecase: UseCase,
    *,
    partition: Partition,
    as_of: datetime | None = None,
    as_corrected: bool = False,
    revision: int | None = None,
) -> Found:
    """Find a revision of the predictions of a partition and what it was made from.

    Raises :class:`Refused` for a choice that contradicts itself, :class:`NotFound` where there is
    no such revision, :class:`IntegrityError` where records contradict one another.
    """
    if sum([as_of is not None, as_corrected, revision is not None]) > 1:
        raise Refused(
            "choose one revision: by its number, as known at a moment, or as corrected",
            usecase=usecase.name,
        )
    restated = as_corrected and _state(site, usecase, CORRECTED).corrected(partition.key)
    state = _state(site, usecase, CORRECTED if restated else PREDICTIONS)
    found = _choose(state, partition, as_of=as_of, revision=revision)
    if found is None:
        raise _not_scored(site, usecase, partition, state, as_of=as_of, revision=revision)
    scoring = _scoring(site, usecase, found, restated=bool(restated))
    ledger = site.ledger(usecase).read()
    entry = ledger.version(str(scoring.inputs["champion"]))
    if entry is None:
        raise _contradiction(usecase, found, "the ledger does not know the version that scored it")
    cutoff = parse_instant(scoring.inputs["cutoff"])
    now = ledger.champion_as_of(cutoff)
    return Found(
        revision=found,
        revisions=len(state.revisions[partition.key]),
        restated=bool(restated),
        scoring=scoring,
        training=_training(site, usecase, scoring, entry),
        inputs=_inputs(site, usecase, scoring, entry=entry, corrected=bool(restated)),
        reigns_now=now.model_version if now else None,
    )


def answered_by(site: Site, usecase: UseCase, found: Found, version: str) -> Found:
    """The same for a row that ``version`` answered: the champion, or its canary."""
    canary = found.inputs.canary
    if version == found.scoring.model_version or canary is None:
        return found
    entry = canary.entry
    training = named_training(site, usecase, run=entry.run or "", bundle=entry.bundle or "")
    inputs = replace(found.inputs, champion=entry)
    return replace(found, training=training, inputs=inputs)


def no_such_row(
    usecase: UseCase, key: Key, table: pd.DataFrame, *, partition: Partition
) -> NotFound:
    """What to say of a key that a partition does not hold; keys that name a person are not told."""
    names = list(usecase.config.rows.key)
    rows = table[names].itertuples(index=False, name=None)
    there: Iterator[Key] = (dict(zip(names, row, strict=True)) for row in rows)
    near = [] if set(names) & usecase.config.rows.hidden else near_keys(key, there)
    return NotFound(
        "the partition has no row with this key",
        usecase=usecase.name,
        dataset=usecase.config.rows_name,
        partition=partition.key,
        found=key_text(key),
        expected=f"one of {len(table):,} keys" + (f", as {', '.join(near)}" if near else ""),
        hint="look at the date: a partition holds the rows of one day, in UTC",
    )


def _state(site: Site, usecase: UseCase, dataset: str) -> CatalogState:
    return site.catalog(usecase, dataset).read()


def _choose(
    state: CatalogState, partition: Partition, *, as_of: datetime | None, revision: int | None
) -> Revision | None:
    if as_of is not None:
        return state.revision(partition.key, as_of)
    if revision is not None:
        there = state.revisions.get(partition.key, ())
        return there[revision - 1] if 1 <= revision <= len(there) else None
    return state.corrected(partition.key)


def _not_scored(
    site: Site,
    usecase: UseCase,
    partition: Partition,
    state: CatalogState,
    *,
    as_of: datetime | None,
    revision: int | None,
) -> LaurelError:
    """Why there is no prediction, and what would make one."""
    name, key, rows = usecase.name, partition.key, usecase.config.rows_name
    where = {"usecase": name, "partition": key}
    there = state.revisions.get(key, ())
    if there:
        asked = f"revision {revision}" if revision is not None else "nothing known then"
        when = f" at {instant(as_of)}" if as_of else ""
        return NotFound(
            "there is no such revision of these predictions",
            **where,
            dataset=PREDICTIONS,
            found=f"{asked}{when}",
            expected=f"revision 1 to {len(there)}, known from {instant(there[0].known_at)} on",
        )
    held = [
        each
        for each in list_quarantine(site.store, name)
        if each.partition == key and each.dataset in (rows, PREDICTIONS) and not each.split
    ]
    published = _state(site, usecase, rows).revisions.get(key)
    if held and (not published or held[-1].dataset == PREDICTIONS):
        first = held[-1].reasons[0].splitlines()[0] if held[-1].reasons else "no reason was kept"
        return NotFound(
            "the partition is in quarantine: it was never scored",
            **where,
            dataset=held[-1].dataset,
            found=first,
            hint=f"see: laurel quarantine show {name} {held[-1].id[:12]}",
        )
    hint = f"score it: laurel score {name} {key}" if published else f"backfill {name}_ingest first"
    return NotFound(
        "the partition is not scored",
        **where,
        dataset=PREDICTIONS,
        found=f"{rows} are published, predictions are not" if published else f"no {rows} either",
        hint=hint,
    )


def _scoring(site: Site, usecase: UseCase, found: Revision, *, restated: bool) -> Bundle:
    """The bundle of the run that made these very bytes."""
    if not restated:
        bundle = find_bundle(site.store, usecase.name, "score", found.run)
        made = [bundle] if bundle else []
    else:
        made = list(find_bundles(site.store, usecase.name, "restate"))
    for bundle in made:
        output = bundle.outputs.get(f"{PREDICTIONS}/{found.name}")
        if output is not None and output["md5"] == found.md5:
            return bundle
    raise _contradiction(usecase, found, "no bundle of a run names these predictions")


def _training(site: Site, usecase: UseCase, scoring: Bundle, entry: LedgerEntry) -> Bundle:
    """The training of the model that scored: the champion's, or that made again as corrected."""
    wanted = scoring.inputs.get("model")
    if wanted is not None and wanted != entry.bundle:
        for bundle in find_bundles(site.store, usecase.name, "restate"):
            if bundle.digest == wanted:
                return bundle
    return named_training(site, usecase, run=entry.run or "", bundle=entry.bundle or "")


def _inputs(
    site: Site, usecase: UseCase, scoring: Bundle, *, entry: LedgerEntry, corrected: bool
) -> Inputs:
    """What the run read, each revision looked up by its number and content hash."""
    rows = usecase.config.rows_name
    past = {
        name: tuple(_revision(site, usecase, name, line, corrected=corrected) for line in lines)
        for name, lines in scoring.inputs["past"].items()
    }
    return Inputs(
        partition=Partition.of(scoring.partitions[0]),
        cutoff=parse_instant(scoring.inputs["cutoff"]),
        champion=entry,
        rows_name=rows,
        rows=_revision(site, usecase, rows, scoring.inputs["rows"], corrected=corrected),
        past=past,
        canary=read_answering(scoring.inputs.get("canary"), site.ledger(usecase).read()),
    )


def _revision(
    site: Site, usecase: UseCase, dataset: str, line: Sequence[Any], *, corrected: bool
) -> Revision:
    partition, number, content = str(line[0]), int(line[1]), str(line[2])
    there = _state(site, usecase, dataset).revisions.get(partition, ())
    found = there[number - 1] if 1 <= number <= len(there) else None
    if found is None or found.content_hash != content:
        raise IntegrityError(
            "the catalog does not hold the revision that a run read",
            usecase=usecase.name,
            dataset=dataset,
            partition=partition,
            found=found.content_hash if found else f"{len(there)} revision(s)",
            expected=f"revision {number}, {content}",
        )
    # as corrected, a revision counts as known from when the first one was
    return replace(found, known_at=there[0].known_at) if corrected else found


def _contradiction(usecase: UseCase, found: Revision, fact: str) -> IntegrityError:
    return IntegrityError(
        fact,
        usecase=usecase.name,
        dataset=PREDICTIONS,
        partition=found.partition,
        found=f"revision {found.revision}, run {found.run}",
        hint=f"look at the records: laurel audit {usecase.name}",
    )
