"""The ledger of a year: live, in any order, at the same time, killed; and deciders that race."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from laurel.adapters.records import Ledger
from laurel.adapters.store import Store, open_store
from laurel.adapters.store.local import LocalStore
from laurel.domain.canonical import instant
from laurel.domain.ledger import Ruling, sameness
from laurel.errors import Contention, Refused
from laurel.settings import Settings
from support.decider import WEEKS, decide_year, proposal
from support.memory import MemoryStore
from support.records import day, decision
from support.servers import S3Server, settings_on, use_credentials

TESTS = Path(__file__).resolve().parents[1]
DECIDERS = 16


@pytest.fixture(scope="module")
def live() -> Ledger:
    """A year decided week by week, as it came."""
    ledger = Ledger(MemoryStore(), "flights")
    for number in range(len(WEEKS)):
        assert ledger.decide(proposal(ledger, number))
    return ledger


@pytest.fixture
def bucket(seaweedfs: S3Server, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Store:
    use_credentials(seaweedfs, monkeypatch)
    return open_store(settings_on(seaweedfs, settings))


def test_a_year_has_promotions_rejections_and_a_champion_that_changes(live: Ledger) -> None:
    history = live.read().history
    assert len(history) == len(WEEKS) >= 52
    assert {entry.event for entry in history} == {"promoted", "rejected"}
    assert len({entry.reasons for entry in history}) > 20, "challengers met many champions"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_year_backfilled_in_any_order_is_the_ledger_of_live_running(
    live: Ledger, seed: int
) -> None:
    order = list(range(len(WEEKS)))
    random.Random(seed).shuffle(order)  # noqa: S311
    ledger = Ledger(MemoryStore(), "flights")
    decide_year(ledger, order)
    decide_year(ledger, order[::-1])  # every run cleared and repeated
    assert sameness(ledger.read()) == sameness(live.read())
    assert len(ledger.read().history) == len(WEEKS)


def test_a_year_backfilled_backwards_is_the_same_or_a_refusal_that_says_what_to_do(
    live: Ledger,
) -> None:
    ledger = Ledger(MemoryStore(), "flights")
    decide_year(ledger, list(range(len(WEEKS)))[::-1])
    assert sameness(ledger.read()) == sameness(live.read())

    jumped = Ledger(MemoryStore(), "flights")
    jumped.decide(decision(14, name="later"))
    with pytest.raises(Refused, match="a later training is decided") as refused:
        jumped.decide(decision(7, name="earlier"))
    assert "decisions are made in the order of as_of" in str(refused.value)
    assert f"backfill the trainings from {instant(day(14))} on" in str(refused.value)
    assert "laurel rollback" in str(refused.value)
    assert len(jumped.read().history) == 1


@pytest.mark.slow
def test_a_year_decided_by_processes_that_are_killed_is_the_ledger_of_live_running(
    live: Ledger, tmp_path: Path
) -> None:
    url = f"file://{tmp_path}/store"
    chance = random.Random(11)  # noqa: S311
    ledger = Ledger(LocalStore(url), "flights")
    for seed in range(8):
        writers = [start(url, 2 * seed + place) for place in range(2)]
        try:
            time.sleep(chance.uniform(0, 0.06))
        finally:
            for writer in writers:
                writer.kill()
                writer.communicate()
    last = start(url, 99)
    assert last.communicate(timeout=300)[0] == ""
    assert last.returncode == 0
    assert sameness(ledger.read()) == sameness(live.read())
    assert ledger.audit().number == len(WEEKS)


def start(url: str, seed: int) -> subprocess.Popen[str]:
    """A process that has begun to decide."""
    process = subprocess.Popen(
        [sys.executable, "-m", "support.decider", url, str(seed)],
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_of_sixteen_deciders_of_one_as_of_one_wins_and_the_others_are_told_who(
    bucket: Store,
) -> None:
    def decide(number: int) -> Ruling:
        return Ledger(bucket, "flights").decide(decision(7, inputs=f"inputs {number}"))

    with ThreadPoolExecutor(DECIDERS) as pool:
        rulings = list(pool.map(decide, range(DECIDERS)))

    (entry,) = Ledger(bucket, "flights").read().history
    assert sorted(r.outcome for r in rulings) == ["appended"] + ["bundle alone"] * (DECIDERS - 1)
    assert {ruling.entry.bundle for ruling in rulings} == {entry.bundle}


@pytest.mark.slow
def test_sixteen_deciders_that_race_lose_nothing_and_win_each_number_once(bucket: Store) -> None:
    Ledger(bucket, "flights").decide(decision(7, name="A"))

    def roll_back(number: int) -> int:
        ledger = Ledger(bucket, "flights")
        while True:
            try:
                return ledger.roll_back(
                    "A", by=f"person {number}", reason="drill", effective_from=day(30 + number)
                ).entry.number
            except Contention:  # as a task does, it tries again
                continue

    with ThreadPoolExecutor(DECIDERS) as pool:
        numbers = list(pool.map(roll_back, range(DECIDERS)))

    ledger = Ledger(bucket, "flights")
    history = ledger.audit().state.history
    assert sorted(numbers) == list(range(2, DECIDERS + 2))
    assert {e.number: e.decided_by for e in history[1:]} == {
        number: f"person {place}" for place, number in enumerate(numbers)
    }
