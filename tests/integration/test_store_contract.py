"""What every store promises, tested on each of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from laurel.adapters.store import Store, claim, claimed_by, open_store, probe
from laurel.errors import NotFound, Refused
from laurel.settings import Settings
from support.memory import MemoryStore
from support.servers import settings_on, use_credentials


@pytest.fixture(params=["memory", "local", pytest.param("s3", marks=pytest.mark.slow)])
def reopen(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Store]:
    """Opens the same store again and again."""
    if request.param == "memory":
        memory = MemoryStore()
        return lambda: memory
    if request.param == "s3":
        server = request.getfixturevalue("seaweedfs")
        use_credentials(server, monkeypatch)
        settings = settings_on(server, settings)
    return lambda: open_store(settings)


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Store:
    return reopen()


def test_what_was_created_is_read_again_by_another(reopen: Callable[[], Store]) -> None:
    data = bytes(range(256)) * 5
    assert reopen().create("runs/flights/bundle.json", data) is True
    assert reopen().read("runs/flights/bundle.json") == data


def test_an_empty_object_is_an_object(store: Store) -> None:
    assert store.create("empty", b"")
    assert store.exists("empty")
    assert store.read("empty") == b""


def test_a_second_create_changes_nothing(store: Store) -> None:
    assert store.create("a/b", b"first") is True
    assert store.create("a/b", b"second") is False
    assert store.create("a/b", b"first") is False
    assert store.read("a/b") == b"first"


def test_a_key_that_is_missing_is_not_found(store: Store) -> None:
    store.create("a/b/c", b"")
    for key in ("a/b/missing", "missing", "a", "a/b", "a/b/c/d"):
        assert not store.exists(key)
        with pytest.raises(NotFound, match="there is no such key"):
            store.read(key)


def test_a_key_exists_only_in_full(store: Store) -> None:
    store.create("a/bundle.json", b"")
    assert store.exists("a/bundle.json")
    assert not store.exists("a/bundle")
    assert not store.exists("a/bundle.jso")


def test_keys_are_listed_ascending_as_whole_strings(store: Store) -> None:
    # In the order of bytes "-" and "." come before "/", which folders would get wrong.
    names = ["a", "a-b/x", "a.b", "b/1", "b/10", "b/2/deep/er", "b-1", "b.1", "c0", "b/2.z", "B"]
    for name in names:
        store.create(f"p/{name}", b"")
    assert list(store.keys("p/")) == sorted(f"p/{name}" for name in names)
    assert list(store.keys("")) == list(store.keys("p/"))


def test_a_prefix_need_not_end_at_a_part(store: Store) -> None:
    for name in ("runs/train/1", "runs/train/12", "runs/trains", "runs/score/1"):
        store.create(name, b"")
    assert list(store.keys("runs/train")) == ["runs/train/1", "runs/train/12", "runs/trains"]
    assert list(store.keys("runs/train/1")) == ["runs/train/1", "runs/train/12"]
    assert list(store.keys("runs/train/")) == ["runs/train/1", "runs/train/12"]
    assert list(store.keys("nothing/here/")) == []


def test_keys_come_after_the_one_named_whether_it_exists_or_not(store: Store) -> None:
    names = ["p/a/1", "p/a/2", "p/b/1", "p/b/2/x", "p/c"]
    for name in names:
        store.create(name, b"")
    for after in [*names, "p/a", "p/a/11", "p/b/", "p/b/2", "p/b/3", "o", "q"]:
        assert list(store.keys("p/", after=after)) == [name for name in names if name > after]


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "..", "a/../b", ".", ".a/b", "a/.b", "a b", "ä", "a\n", "a\\b"]
)
def test_a_key_that_could_lead_elsewhere_is_refused(store: Store, key: str) -> None:
    for use in (store.read, store.exists, lambda key: store.create(key, b"")):
        with pytest.raises(Refused, match="not a key"):
            use(key)
    if key and key != "a/":
        with pytest.raises(Refused, match="not a key"):
            list(store.keys(key))


def test_of_eight_threads_that_create_one_key_one_wins(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        for round_ in range(5):
            datas = [f"{round_}-{writer}".encode() * 50 for writer in range(8)]
            key = f"race/{round_}"
            won = list(pool.map(lambda data, key=key: store.create(key, data), datas))
            assert won.count(True) == 1
            assert store.read(key) == datas[won.index(True)]


def test_the_probe_accepts_it_again_and_again(store: Store) -> None:
    probe(store)
    probe(store)


def test_a_store_has_one_scheduler_of_record(reopen: Callable[[], Store]) -> None:
    assert claimed_by(reopen()) is None
    claim(reopen(), "production")
    claim(reopen(), "production")
    with pytest.raises(Refused, match="another scheduler of record") as refusal:
        claim(reopen(), "laptop")
    assert (refusal.value.found, refusal.value.expected) == ("production", "laptop")
    assert claimed_by(reopen()) == "production"


def test_of_many_schedulers_that_claim_at_once_one_gets_it(store: Store) -> None:
    def get(name: str) -> bool:
        try:
            claim(store, name)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(get, [f"scheduler-{number}" for number in range(8)]))
    assert got.count(True) == 1
    assert claimed_by(store) == f"scheduler-{got.index(True)}"
