"""Both answers about the past: as it was known at a moment, and as corrected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from laurel.adapters.records import Catalog
from laurel.adapters.store import Store
from laurel.adapters.tables import read_table
from laurel.domain.canonical import instant
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.config import PREDICTIONS
from laurel.domain.partition import Partition
from laurel.errors import NotFound, Refused
from laurel.runs.restate_plan import CORRECTED
from laurel.runs.site import Site
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Answer:
    """The predictions of a partition, and which of the answers they are."""

    revision: Revision
    restated: bool
    csv: str

    def sentence(self) -> str:
        """Which answer it is, in a sentence."""
        found = self.revision
        how = f"as corrected by {instant(found.known_at)}" if self.restated else "as published"
        return f"{found.rows:,} predictions of {found.partition} {how}, revision {found.revision}"


def fetch_predictions(
    site: Site,
    usecase: UseCase,
    *,
    partition: Partition,
    as_of: datetime | None = None,
    as_corrected: bool = False,
    out: Path | None = None,
) -> Answer:
    """Fetch the predictions of a partition, to the file ``out`` where given.

    As known at ``as_of``, else as published last; as corrected, those of the last restatement,
    or the published ones where none reaches the partition. Raises :class:`NotFound` where there
    are none, :class:`Refused` for both at once.
    """
    if as_of and as_corrected:
        raise Refused("an answer is either as known or as corrected", usecase=usecase.name)
    state = answers(site.store, usecase.name, PREDICTIONS, as_corrected=as_corrected)
    found = state.revision(partition.key, as_of) if as_of else state.corrected(partition.key)
    if found is None:
        raise NotFound(
            "there are no such predictions",
            usecase=usecase.name,
            dataset=PREDICTIONS,
            partition=partition.key,
            found=f"nothing known at {instant(as_of)}" if as_of else "nothing published",
        )
    with site.workspace() as folder:
        file = out or folder / found.name
        site.plane.place({file: found.md5})
        csv = "" if out else read_table(file).to_csv(index=False)
    own = site.catalog(usecase, PREDICTIONS).read().revisions.get(partition.key, ())
    return Answer(revision=found, restated=found not in own, csv=csv)


def answers(store: Store, usecase: str, dataset: str, *, as_corrected: bool) -> CatalogState:
    """The catalog of a dataset; as corrected, predictions give way to those made again."""
    state = Catalog(store, usecase, dataset).read()
    if not as_corrected or dataset != PREDICTIONS:
        return state
    made = Catalog(store, usecase, CORRECTED).read()
    return CatalogState({**state.revisions, **made.revisions}, state.tree, state.nfiles)
