"""The S3 store against real servers: one that honours create-only writes, one that does not."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from laurel.adapters.journal import Journal
from laurel.adapters.store import Store, open_store, probe, s3
from laurel.errors import ConfigError, Refused, StoreFault
from laurel.settings import Settings
from support.counting import Counting, says
from support.forking import run_apart, use_store_around_forks
from support.servers import HOST, S3Server, settings_on, use_credentials

pytestmark = pytest.mark.slow


@pytest.fixture
def on_seaweedfs(
    seaweedfs: S3Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    use_credentials(seaweedfs, monkeypatch)
    return settings_on(seaweedfs, settings)


@pytest.fixture
def store(on_seaweedfs: Settings) -> Store:
    return open_store(on_seaweedfs)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen(16)
        yield listener.getsockname()[1]


def test_the_probe_refuses_a_server_that_ignores_the_condition(
    rclone_s3: S3Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_credentials(rclone_s3, monkeypatch)
    store = open_store(settings_on(rclone_s3, settings))
    # Not by the probe alone: this is what would happen to a journal without it.
    assert store.create("key", b"first")
    assert store.create("key", b"second")
    with pytest.raises(Refused, match="ignores create-only writes") as refusal:
        probe(store)
    assert store.url in str(refusal.value)


def test_a_listing_of_several_pages_is_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PAGE", 7)
    names = [f"p/{folder}/{number:02d}" for folder in ("a", "a-b", "b") for number in range(10)]
    for name in names:
        assert store.create(name, b"")
    assert list(store.keys("p/")) == sorted(names)
    assert list(store.keys("p/", after="p/a/05")) == sorted(n for n in names if n > "p/a/05")


def test_stores_with_other_prefixes_do_not_see_each_other(
    seaweedfs: S3Server, on_seaweedfs: Settings
) -> None:
    one = open_store(on_seaweedfs)
    other = open_store(settings_on(seaweedfs, on_seaweedfs))
    # A prefix that merely begins like the other must not see its keys either.
    longer = open_store(replace(on_seaweedfs, store=f"{on_seaweedfs.store}x"))
    assert longer.create("a", b"")
    assert one.create("b", b"")
    assert (list(one.keys("")), list(other.keys("")), list(longer.keys(""))) == (["b"], [], ["a"])


def test_an_object_of_several_megabytes_is_written_in_one_piece(store: Store) -> None:
    data = bytes(range(256)) * 4096 * 12
    assert store.create("report.html", data)
    assert not store.create("report.html", b"other")
    assert store.read("report.html") == data


def test_wrong_credentials_are_a_clear_error_that_shows_no_secret(
    on_seaweedfs: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    store = open_store(on_seaweedfs)
    for use in (
        lambda: store.read("a"),
        lambda: store.create("a", b""),
        lambda: store.exists("a"),
        lambda: list(store.keys("")),
    ):
        with pytest.raises(ConfigError, match="look at the credentials") as error:
            use()
        assert "403" in str(error.value)
        assert "not-the-secret" not in str(error.value)


def test_no_credentials_are_a_clear_error(
    on_seaweedfs: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/none")
    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID"):
        open_store(on_seaweedfs).read("a")


def test_a_missing_bucket_is_never_an_empty_journal(on_seaweedfs: Settings) -> None:
    store = open_store(replace(on_seaweedfs, store="s3://no-such-bucket/prefix"))
    with pytest.raises(ConfigError, match="NoSuchBucket"):
        store.read("a")
    with pytest.raises(ConfigError, match="NoSuchBucket"):
        store.exists("a")
    with pytest.raises(ConfigError, match="NoSuchBucket"):
        Journal(store, "ledger/flights", Counting()).read()


def test_a_server_that_is_down_is_a_fault_within_seconds(
    on_seaweedfs: Settings, waits: list[float]
) -> None:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        endpoint = f"http://{HOST}:{unused.getsockname()[1]}"
        store = open_store(replace(on_seaweedfs, s3_endpoint=endpoint))
        with pytest.raises(StoreFault, match="did not answer") as fault:
            store.read("a")
        assert 0 < len(waits) < 4
        assert sum(waits) < 8
        assert fault.value.retryable
        assert store.url in str(fault.value)
        assert endpoint in str(fault.value)


@pytest.mark.usefixtures("waits")
def test_a_server_that_never_answers_is_a_fault(
    on_seaweedfs: Settings, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "READ_TIMEOUT", 1)
    store = open_store(replace(on_seaweedfs, s3_endpoint=f"http://{HOST}:{silent_port}"))
    with pytest.raises(StoreFault, match="ReadTimeoutError"):
        store.create("a", b"")


def test_a_forked_process_has_a_client_of_its_own(on_seaweedfs: Settings) -> None:
    run_apart(use_store_around_forks, on_seaweedfs)


def test_a_store_travels_to_another_process(store: Store) -> None:
    store.create("a", b"1")
    assert pickle.loads(pickle.dumps(store)).read("a") == b"1"  # noqa: S301


def test_the_newest_head_costs_few_requests_however_long_the_journal(
    on_seaweedfs: Settings,
) -> None:
    def requests() -> int:
        seen: list[str] = []
        store = s3.S3Store(on_seaweedfs.store, endpoint=on_seaweedfs.s3_endpoint)
        events = store._client().meta.events
        events.register("before-send.s3", lambda request, **_: seen.append(request.url), "count")
        assert Journal(store, "ledger/flights", Counting()).read().state.count == length
        events.unregister("before-send.s3", unique_id="count")
        return len(seen)

    journal = Journal(open_store(on_seaweedfs), "ledger/flights", Counting())
    costs = {}
    for length in range(1, 401):
        journal.append(says(length))
        if length in (100, 105, 200, 205, 400):
            costs[length] = requests()
    # One listing, the checkpoint, each entry after it, and one look for another.
    assert costs == {100: 3, 105: 8, 200: 3, 205: 8, 400: 3}
    assert journal.audit() == journal.read()
