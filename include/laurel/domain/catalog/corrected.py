"""A catalog as corrected: as if each correction known by a moment had been there at first."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from laurel.domain.catalog.state import CatalogState, Revision


def as_corrected(state: CatalogState, known_by: datetime) -> CatalogState:
    """The state in which each partition has the newest revision known by ``known_by`` alone.

    It is known from when its first revision was, so that any as_of that knew the partition knows
    it corrected; revisions keep their numbers. Partitions not known by then are left out.

    >>> as_corrected(CatalogState(), datetime(2013, 7, 1)).revisions
    {}
    """
    found = {
        partition: _corrected(revisions, known_by)
        for partition, revisions in state.revisions.items()
        if revisions[0].known_at <= known_by
    }
    return replace(state, revisions={key: (revision,) for key, revision in found.items()})


def _corrected(revisions: tuple[Revision, ...], known_by: datetime) -> Revision:
    known = [revision for revision in revisions if revision.known_at <= known_by]
    return replace(known[-1], known_at=revisions[0].known_at)
