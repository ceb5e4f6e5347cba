"""A release is an entry of the catalog like any other, with a person and a reason."""

from __future__ import annotations

from dataclasses import replace

from laurel.adapters.records import Catalog
from laurel.domain.canonical import canonical_json
from laurel.domain.catalog import CatalogReducer, CatalogState, Release
from support.memory import MemoryStore
from support.records import Trees, day, partition_file

NOTE = Release("ann", "a real blizzard", quarantine="9f86d081", failures="a" * 64)
REDUCER = CatalogReducer()


def published(*, released: bool) -> CatalogState:
    catalog, trees = Catalog(MemoryStore(), "flights", "departures"), Trees()
    one, other = partition_file("2013-07-01"), partition_file("2013-07-02")
    if released:
        other = replace(other, outcome="released", release=NOTE)
    for number, file in enumerate((one, other)):
        catalog.publish([file], merge=trees.merge, run="run", published_at=day(1000 + number))
    return catalog.read()


def test_a_release_is_read_back_from_the_journal_and_from_a_checkpoint() -> None:
    state = published(released=True)
    revision = state.corrected("2013-07-02")
    assert revision is not None
    assert (revision.outcome, revision.release) == ("released", NOTE)
    dumped = REDUCER.dump(state)
    assert REDUCER.load(dumped) == state
    assert canonical_json(REDUCER.dump(REDUCER.load(dumped))) == canonical_json(dumped)


def test_without_releases_entries_and_checkpoints_are_as_they_were() -> None:
    state = published(released=False)
    dumped = REDUCER.dump(state)
    assert "released" not in dumped
    assert REDUCER.load(dumped) == state
    assert all(revision.release is None for revision in state.newest())
