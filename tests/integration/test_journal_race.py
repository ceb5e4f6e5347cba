"""Many writers of one journal, on real stores: nothing is lost, nothing is won twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from laurel.adapters.journal import Journal
from laurel.adapters.store import Store, open_store
from laurel.domain.journal import GENESIS, Entry
from laurel.settings import Settings
from support.counting import Counting, Tally, witness
from support.servers import S3Server, settings_on, use_credentials

TESTS = Path(__file__).resolve().parents[1]
WRITERS = 8


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def store(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Store:
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("seaweedfs")
        use_credentials(server, monkeypatch)
        settings = settings_on(server, settings)
    return open_store(settings)


def open_race(store: Store) -> Journal[Tally]:
    return Journal(store, "race", Counting())


def start_writer(store: Store, tag: str, count: int) -> subprocess.Popen[str]:
    """A process that is ready to append; it starts when told to."""
    return subprocess.Popen(
        [sys.executable, "-m", "support.journal_writer", store.url, tag, str(count)],
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def await_ready(writer: subprocess.Popen[str]) -> None:
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"


def go(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    writer.stdin.write("go\n")
    writer.stdin.flush()


def expect_true_history(store: Store, won: dict[str, Sequence[int]]) -> list[Entry]:
    """Every number won once, by whom it says, decided on the very head it was appended to."""
    entries = list(open_race(store).entries())
    by_writer = {tag: [e.number for e in entries if e.body["tag"] == tag] for tag in won}
    assert by_writer == {tag: list(numbers) for tag, numbers in won.items()}
    assert sorted(n for numbers in won.values() for n in numbers) == [e.number for e in entries]
    total, previous = 0, GENESIS
    for number, entry in enumerate(entries, start=1):
        shown = {"number": number - 1, "digest": previous, "total": total}
        assert entry.body["shown"] == shown
        assert entry.body["amount"] == number
        total, previous = total + number, entry.digest
    head = open_race(store).audit()
    assert (head.number, head.digest, head.state.total) == (len(entries), previous, total)
    assert open_race(store).read() == head
    return entries


def test_eight_threads_append_and_nothing_is_lost(store: Store) -> None:
    shared = open_race(store)

    def write(tag: str) -> list[int]:
        # Half of them share one journal object, half open their own.
        journal = shared if int(tag[1:]) % 2 else open_race(store)
        appended = (journal.append(witness(tag))[1] for _ in range(15))
        return [entry.number for entry in appended if entry is not None]

    tags = [f"t{number}" for number in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        won = dict(zip(tags, pool.map(write, tags), strict=True))
    entries = expect_true_history(store, won)
    assert len(entries) == WRITERS * 15
    assert list(store.keys("race/checkpoints/")) == ["race/checkpoints/1/0000000100.json"]


@pytest.mark.slow
def test_eight_processes_append_and_nothing_is_lost(store: Store) -> None:
    writers = {f"p{number}": start_writer(store, f"p{number}", 15) for number in range(WRITERS)}
    try:
        for writer in writers.values():
            await_ready(writer)
        for writer in writers.values():
            go(writer)
        said = {tag: writer.communicate(timeout=120)[0] for tag, writer in writers.items()}
    finally:
        for writer in writers.values():
            writer.kill()
            writer.wait()
    assert {tag: writer.returncode for tag, writer in writers.items()} == dict.fromkeys(writers, 0)
    won = {tag: [int(line) for line in text.split()] for tag, text in said.items()}
    assert len(expect_true_history(store, won)) == WRITERS * 15


def read_lines(writer: subprocess.Popen[str], count: int) -> list[int]:
    assert writer.stdout is not None
    return [int(writer.stdout.readline()) for _ in range(count)]


def kill(writer: subprocess.Popen[str]) -> list[int]:
    """Kill it where it stands; what it had said since."""
    writer.kill()
    writer.wait()
    assert writer.stdin is not None
    assert writer.stdout is not None
    with writer.stdout, writer.stdin:
        return [int(line) for line in writer.stdout.read().split("\n")[:-1]]


@pytest.mark.slow
def test_writers_killed_at_any_moment_leave_a_whole_journal(settings: Settings) -> None:
    store = open_store(settings)
    chance = random.Random(7)  # noqa: S311
    total = 0
    for round_ in range(12):
        tags = [f"r{round_}w{number}" for number in range(2)]
        writers = [start_writer(store, tag, 100_000) for tag in tags]
        try:
            for writer in writers:
                await_ready(writer)
            for writer in writers:
                go(writer)
            first = read_lines(writers[0], chance.randrange(1, 40))
            time.sleep(chance.uniform(0, 0.01))
        finally:
            said = [kill(writer) for writer in writers]
        said[0] = first + said[0]
        # What a writer said it had won is there; one more may have been won and not been said.
        entries = list(open_race(store).entries())
        for tag, numbers in zip(tags, said, strict=True):
            mine = [entry.number for entry in entries if entry.body["tag"] == tag]
            assert mine[: len(numbers)] == numbers
            assert len(mine) - len(numbers) <= 1
        head = open_race(store).audit()
        assert head.number == len(entries) > total
        total = head.number
    # The journal goes on as if nothing had happened, and what was being written is no key.
    assert open_race(store).append(witness("after"))[0].number == total + 1
    numbers = [int(key[-15:-5]) for key in store.keys("race/entries/")]
    assert numbers == list(range(1, total + 2))
