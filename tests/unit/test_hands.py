"""Hands: processes that do a part of a stage's work, and what becomes of them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.adapters import hands
from laurel.domain.window import Days, TrainingWindow

PATIENCE = 60
JOBS = """
import os, signal, sys, threading, time
from laurel.adapters.hands import apart, hands, offer, spread
from laurel.errors import DataError, LaurelError

def hands_of():
    from laurel.adapters.hands import _HANDS
    return _HANDS

def pids(item, *given):
    yield item, os.getpid(), *given

def refuse(item):
    if item:
        raise DataError("no such day", usecase="toy", found=item)
    yield item

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def wait(folder):
    with open(f"{folder}/{os.getpid()}", "w"):
        time.sleep(600)
"""


def run(script: str, *words: str) -> str:
    """What a script prints that has these jobs, in an interpreter of its own."""
    command = [sys.executable, "-c", JOBS + script, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_what_hands_find_comes_back_in_order() -> None:
    said = run(
        "offer(3); assert hands() == 3\n"
        "found = list(spread(pids, ['a', 'b', 'c'], 7))\n"
        "print([each[0] for each in found], found[0][2], len({each[1] for each in found}))\n"
        "print(found[0][1] == os.getpid(), found[1][1] == os.getpid())"
    )
    assert said.split("\n")[:2] == ["['a', 'b', 'c'] 7 3", "True False"]


def test_an_error_of_a_hand_is_raised_as_it_was() -> None:
    said = run(
        "offer(2)\ntry: list(spread(refuse, [0, 1]))\nexcept DataError as error: print(error)"
    )
    assert said.splitlines() == ["no such day", "  where:    use case toy", "  found:    1"]


def test_a_hand_that_was_killed_is_a_lack_of_memory_that_may_be_retried() -> None:
    said = run(
        "offer(2); taken = apart(die)\n"
        "try: taken()\n"
        "except LaurelError as error: print(type(error).__name__, error.retryable, error.fact)"
    )
    assert said.startswith("OutOfMemory True a process that did a part of the work was killed")


def test_a_hand_that_ended_before_its_job_came_is_told_as_one_that_was_lost() -> None:
    said = run(
        "offer(2); pid = hands_of()[-1].pid; os.kill(pid, signal.SIGKILL)\n"
        "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)\n"
        "try: apart(pids, 1)()\n"
        "except LaurelError as error: print(type(error).__name__)"
    )
    assert said == "OutOfMemory\n"


def test_a_process_with_threads_is_not_forked() -> None:
    said = run(
        "threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\n"
        "offer(4); print(hands())"
    )
    assert said == "1\n"


def test_a_job_goes_to_the_hand_that_has_its_module_ready() -> None:
    said = run(
        "def found(): return os.getpid(), 'colorsys' in sys.modules\n"
        "offer(2, ready=['colorsys']); assert hands() == 2\n"
        "mine, other = apart(found, ready='colorsys')(), apart(found, ready='colorsys')()\n"
        "print(mine[0] != os.getpid(), mine[1], other == (os.getpid(), False), hands())"
    )
    assert said == "True True True 2\n"


def test_a_module_that_cannot_be_imported_is_told_by_the_job_that_needs_it() -> None:
    said = run(
        "def job(): import no_such_module\n"
        "offer(2, ready=['no_such_module'])\n"
        "try: apart(job, ready='no_such_module')()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    assert said == "ModuleNotFoundError No module named 'no_such_module'\n"


def test_more_jobs_than_hands_are_done_here() -> None:
    said = run("offer(2)\nprint(len(list(spread(pids, range(9)))), hands())")
    assert said == "9 1\n"


@pytest.mark.parametrize("busy", [True, False])
def test_hands_end_with_a_process_that_is_killed(tmp_path: Path, busy: bool) -> None:
    script = "offer(2); print('there', flush=True)\n"
    script += "taken = apart(wait, sys.argv[1])\n" if busy else ""
    command = [sys.executable, "-c", JOBS + script + "time.sleep(600)", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        _until(lambda: not busy or any(tmp_path.iterdir()))
        process.kill()
        # a hand that lived would hold the other end of what it prints to
        assert process.communicate(timeout=PATIENCE) == ("", None)


def _until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not there() and time.monotonic() < end:
        time.sleep(0.02)


def test_without_hands_work_is_done_where_it_is_asked_for() -> None:
    done: list[int] = []

    def work(item: int) -> Iterator[int]:
        done.append(item)
        yield item * 2

    assert hands.hands() == 1
    taken = hands.apart(done.append, 9)
    assert done == []
    assert list(hands.spread(work, [1, 2])) == [2, 4]
    taken()
    assert done == [1, 2, 9]


@given(
    st.integers(1, 40), st.integers(1, 9), st.integers(1, 9), st.integers(0, 5), st.integers(1, 6)
)
def test_every_day_of_a_window_is_the_share_of_one(
    train: int, validation: int, holdout: int, embargo: int, count: int
) -> None:
    from laurel.stages.featurize import _shares

    first = date(2024, 1, 1)
    ends = [train, validation, embargo, holdout]
    starts = [first + timedelta(days=sum(ends[:place])) for place in range(4)]
    parts = [
        Days(start, start + timedelta(days=n - 1)) for start, n in zip(starts, ends, strict=True)
    ]
    window = TrainingWindow(
        usecase="toy",
        as_of=None,  # type: ignore[arg-type]
        label_delay_days=0,
        embargo_days=embargo,
        history=None,
        train=parts[0],
        validation=parts[1],
        holdout=parts[3],
    )
    shares = _shares(window, count)
    days = [partition.day for part in (parts[0], parts[1], parts[3]) for partition in part]
    assert 1 <= len(shares) <= count
    assert all(sum(day in share for share in shares) == 1 for day in days)
    assert [share.first for share in shares] == sorted(share.first for share in shares)
    owned = [sum(day in share for day in days) for share in shares]
    assert max(owned) - min(owned) <= 1 or len(days) < count
