from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from laurel.local.leftovers import MARK, Birth, Marks, find_group, find_leftovers, stop

SLEEP = "import time; print(flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
print(child.pid, flush=True)
child.wait()
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(code: str, **options: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, **options
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def marks(**parts: object) -> Marks:
    return replace(Marks(stack="none", supervisor=None, database=Path("/nowhere")), **parts)


def test_a_process_is_told_from_another_with_its_id() -> None:
    me = Birth.of(os.getpid())

    assert me
    assert me.alive
    assert not replace(me, ticks=me.ticks - 1).alive
    assert not replace(me, boot="another").alive


def test_a_process_that_ended_is_not_alive(start: Start) -> None:
    process = start("")
    birth = Birth.of(process.pid)
    deadline = time.monotonic() + 60
    while birth and birth.alive and time.monotonic() < deadline:
        time.sleep(0.01)

    assert Birth.of(process.pid) is None  # a zombie until it is waited for
    process.wait()
    assert Birth.of(process.pid) is None


def test_the_session_of_the_supervisor_is_found_with_all_in_it(start: Start) -> None:
    leader = start(PARENT, start_new_session=True)
    child = int(line(leader))
    found = marks(supervisor=Birth.of(leader.pid))

    assert find_leftovers(found) == sorted([leader.pid, child])
    leader.kill()
    leader.wait()
    assert find_leftovers(found) == [child]
    stop([child], patience=5)
    assert find_leftovers(found) == []


def test_a_stranger_who_got_the_recorded_id_is_spared(start: Start) -> None:
    stranger = start(SLEEP, start_new_session=True)
    birth = Birth.of(stranger.pid)
    assert birth

    assert find_leftovers(marks(supervisor=replace(birth, ticks=birth.ticks - 1))) == []
    assert find_leftovers(marks(supervisor=replace(birth, boot="before the reboot"))) == []


def test_a_process_is_found_by_its_environment_in_a_session_of_its_own(start: Start) -> None:
    ours = start(SLEEP, env={**os.environ, MARK: "this one"}, start_new_session=True)
    theirs = start(SLEEP, env={**os.environ, MARK: "that one"}, start_new_session=True)
    line(ours), line(theirs)

    assert find_leftovers(marks(stack="this one")) == [ours.pid]


def test_neither_we_nor_our_ancestors_are_leftovers() -> None:
    session = Birth.of(os.getsid(0))
    found = find_leftovers(marks(supervisor=session))

    assert os.getpid() not in found
    assert os.getppid() not in found


def test_a_process_group_is_found_without_its_leader(start: Start) -> None:
    leader = start(PARENT, process_group=0)
    child = int(line(leader))
    leader.kill()
    leader.wait()

    assert find_group(leader.pid, session=os.getsid(0)) == [child]
    assert find_group(leader.pid, session=1) == []
    stop([child], patience=5)


def test_a_process_that_ignores_the_request_is_killed(start: Start) -> None:
    stubborn = start(STUBBORN)
    line(stubborn)

    stopped = stop([stubborn.pid], patience=0.3)

    assert [process.pid for process in stopped] == [stubborn.pid]
    assert not psutil.pid_exists(stubborn.pid)


def test_stopping_what_is_gone_stops_nothing(start: Start) -> None:
    process = start("")
    process.wait()

    assert stop([process.pid], patience=1) == []
