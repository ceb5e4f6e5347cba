"""The catalog: what was published, and which of it was known when."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.adapters.records import Catalog, PartitionFile, Published
from laurel.adapters.store.local import LocalStore
from laurel.domain.canonical import canonical_json
from laurel.domain.catalog import CatalogReducer, CatalogState, Revision, sameness
from laurel.domain.data import FileRef, TreeRef
from laurel.errors import ConfigError, DataError, IntegrityError, StoreFault
from support.memory import MemoryStore
from support.records import DAY, FaultyStore, Trees, day, partition_file

TODAY = day(1000)
KEYS = ["2013-07-01", "2013-07-02", "2013-07-03", "2013-07-04"]


def publish(
    catalog: Catalog, *files: PartitionFile, trees: Trees, at: int = 1000, run: str = "run 1"
) -> Published:
    return catalog.publish(files, merge=trees.merge, run=run, published_at=day(at))


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(MemoryStore(), "flights", "departures")


@pytest.fixture
def trees() -> Trees:
    return Trees()


def test_a_history_loaded_in_bulk_today_is_known_as_it_would_have_been(
    catalog: Catalog, trees: Trees
) -> None:
    publish(catalog, *map(partition_file, KEYS), trees=trees)
    state = catalog.read()
    assert state.revision("2013-07-02", day(2)) is not None
    assert state.revision("2013-07-02", day(2) - timedelta(microseconds=1)) is None
    assert [r.partition for r in state.window(day(0), day(4), as_of=day(3))] == KEYS[:3]
    assert state.missing(day(0), day(4), as_of=day(3)) == ("2013-07-04",)


def test_publishing_equal_content_again_adds_nothing(catalog: Catalog, trees: Trees) -> None:
    first = publish(catalog, *map(partition_file, KEYS), trees=trees)
    head = catalog.head()
    other_writer = [replace(partition_file(key), md5="0" * 32, fingerprint="2") for key in KEYS]
    again = publish(catalog, *other_writer, trees=trees, run="run 2")
    assert first
    assert first.partitions == tuple(KEYS)
    assert not again
    assert again.partitions == ()
    assert again.head.state == head.state
    assert catalog.head() == head
    assert trees.calls == 1


def test_a_restatement_is_known_from_its_publishing(catalog: Catalog, trees: Trees) -> None:
    publish(catalog, *map(partition_file, KEYS), trees=trees)
    added = publish(
        catalog, *map(partition_file, KEYS[:1]), partition_file(KEYS[1], "b"), trees=trees, at=2000
    )
    assert added.partitions == (KEYS[1],)
    state = catalog.read()
    before, after = state.revision(KEYS[1], day(1999)), state.revision(KEYS[1], day(2000))
    assert before is not None
    assert after is not None
    assert (before.revision, before.content_hash) == (1, "hash of a")
    assert (after.revision, after.content_hash) == (2, "hash of b")
    assert state.corrected(KEYS[1]) == after
    assert state.newest()[1] == after


def test_a_restatement_is_known_from_the_correction_time_of_its_source(
    catalog: Catalog, trees: Trees
) -> None:
    publish(catalog, partition_file(KEYS[0]), trees=trees)
    publish(catalog, partition_file(KEYS[0], "b", corrected_at=day(9)), trees=trees)
    publish(catalog, partition_file(KEYS[0], "c", corrected_at=day(0)), trees=trees)
    state = catalog.read()
    assert [r.known_at for r in state.revisions[KEYS[0]]] == [day(1), day(9), day(1)]
    chosen = state.revision(KEYS[0], day(10))
    assert chosen is not None
    assert chosen.revision == 3


def test_content_that_returns_is_a_revision_of_its_own(catalog: Catalog, trees: Trees) -> None:
    for content in "aba":
        publish(catalog, partition_file(KEYS[0], content), trees=trees)
    assert sameness(catalog.read()) == {KEYS[0]: ["hash of a", "hash of b", "hash of a"]}


def test_an_entry_names_what_it_restates_and_witnesses_other_journals(
    catalog: Catalog, trees: Trees
) -> None:
    store = MemoryStore()
    catalog = Catalog(store, "flights", "departures")
    publish(catalog, partition_file(KEYS[0]), trees=trees)
    catalog.publish(
        [partition_file(KEYS[0], "b")],
        merge=trees.merge,
        run="run 2",
        published_at=TODAY,
        heads={"ledger/flights": (7, "abc")},
    )
    body = json.loads(store.read("catalog/flights/departures/entries/0000000002.json"))["body"]
    assert body["partitions"][0]["restates"] == 1
    assert body["heads"] == {"ledger/flights": [7, "abc"]}
    assert body["run"] == "run 2"


def test_the_number_of_files_of_a_published_dataset_never_falls(
    catalog: Catalog, trees: Trees
) -> None:
    publish(catalog, *map(partition_file, KEYS), trees=trees)
    head = catalog.head()

    def forgetful(base: str | None, files: Mapping[str, FileRef]) -> TreeRef:
        return TreeRef("bad.dir", 1, len(files))

    with pytest.raises(IntegrityError, match="does not hold its partitions") as caught:
        catalog.publish(
            [partition_file(KEYS[0], "b")], merge=forgetful, run="run 2", published_at=TODAY
        )
    assert (caught.value.usecase, caught.value.dataset) == ("flights", "departures")
    assert catalog.head() == head


def test_a_partition_named_twice_or_no_partition_is_refused(catalog: Catalog, trees: Trees) -> None:
    with pytest.raises(DataError, match="twice"):
        publish(catalog, partition_file(KEYS[0]), partition_file(KEYS[0], "b"), trees=trees)
    with pytest.raises(ConfigError, match="not a partition"):
        publish(catalog, replace(partition_file(KEYS[0]), partition="july"), trees=trees)
    assert catalog.read() == CatalogState()


def test_a_catalog_that_cannot_be_read_is_an_error_and_never_empty() -> None:
    with pytest.raises(StoreFault, match="use case flights, dataset departures") as caught:
        Catalog(FaultyStore(), "flights", "departures").read()
    assert caught.value.retryable


def test_two_writers_of_different_partitions_lose_neither(tmp_path: Path) -> None:
    store, trees = LocalStore(f"file://{tmp_path}/store"), Trees()
    gate = threading.Barrier(2)

    def work(keys: list[str]) -> None:
        gate.wait()
        for key in keys:
            publish(Catalog(store, "flights", "departures"), partition_file(key), trees=trees)

    threads = [threading.Thread(target=work, args=(KEYS[i::2],)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = Catalog(store, "flights", "departures").read()
    assert sorted(state.revisions) == KEYS
    assert state.tree is not None
    assert sorted(trees.trees[state.tree]) == [f"{key}.parquet" for key in KEYS]
    assert state.nfiles == 4


publications = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(KEYS),
            st.sampled_from("abc"),
            st.none() | st.integers(0, 30).map(day),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda item: item[0],
    ),
    max_size=12,
)
Publications = list[list[tuple[str, str, datetime | None]]]
moments = st.integers(0, 40).map(day)


def _published(said: Publications, *, into: Catalog | None = None, trees: Trees) -> Catalog:
    catalog = into or Catalog(MemoryStore(), "flights", "departures")
    for number, files in enumerate(said):
        chosen = [partition_file(k, content, corrected_at=at) for k, content, at in files]
        publish(catalog, *chosen, trees=trees, at=10 + number)
    return catalog


@given(said=publications, as_of=moments)
def test_nothing_known_after_as_of_is_ever_read(said: Publications, as_of: datetime) -> None:
    state = _published(said, trees=Trees()).read()
    for revision in state.window(day(0), day(4), as_of=as_of):
        assert revision.known_at <= as_of
        later = state.revisions[revision.partition][revision.revision :]
        assert all(other.known_at > as_of for other in later)


@given(said=publications, more=publications)
def test_publishing_changes_nothing_that_was_known_before_it_became_known(
    said: Publications, more: Publications
) -> None:
    trees = Trees()
    catalog = _published(said, trees=trees)
    before = catalog.read()
    after = _published(more, into=catalog, trees=trees).read()
    for key in KEYS:
        old, new = before.revisions.get(key, ()), after.revisions.get(key, ())
        assert new[: len(old)] == old
        first_news = min((r.known_at for r in new[len(old) :]), default=None)
        for moment in map(day, range(40)):
            if first_news is None or moment < first_news:
                assert after.revision(key, moment) == before.revision(key, moment)
    assert after.nfiles >= before.nfiles


@given(said=publications)
def test_publishing_all_of_it_again_adds_nothing(said: Publications) -> None:
    trees = Trees()
    catalog = _published(said, trees=trees)
    state = catalog.read()
    newest: Publications = [
        [(r.partition, r.content_hash.removeprefix("hash of "), None)] for r in state.newest()
    ]
    assert _published(newest, into=catalog, trees=trees).read() == state


@given(said=publications)
def test_the_dump_of_a_catalog_is_json_and_loads_to_the_same(said: Publications) -> None:
    state = _published(said, trees=Trees()).read()
    reducer = CatalogReducer()
    written = canonical_json(reducer.dump(state))
    assert reducer.load(json.loads(written)) == state


def test_the_dump_of_ten_years_of_days_stays_below_two_megabytes() -> None:
    revisions = {}
    for number in range(3650):
        key = (day(number)).date().isoformat()
        revisions[key] = (
            Revision(
                partition=key,
                revision=1,
                md5=f"{number:032x}",
                content_hash=f"{number:064x}",
                size=123456,
                rows=1000,
                fingerprint="f" * 64,
                suite="5" * 64,
                outcome="passed",
                known_at=day(number) + DAY,
                published_at=day(number) + DAY,
                tree=f"{number:032x}.dir",
                run=f"{number:016x}",
            ),
        )
    dump = canonical_json(CatalogReducer().dump(CatalogState(revisions, "x.dir", 3650)))
    assert len(dump) < 2_000_000
