"""The embedded stack with a real PostgreSQL and a real Airflow."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from laurel.errors import LaurelError, Refused
from laurel.local.environment import base_url, run_airflow
from laurel.local.layout import layout
from laurel.local.leftovers import find_leftovers
from laurel.local.stack import POOLS, down, status, up
from laurel.local.state import marks_of, read_record
from laurel.settings import load_settings
from support.stack import RunningStack, free_port, running_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE = 300
"""Seconds that a step may take on a machine that is busy with other things."""

DAGS = """
import datetime
import time

from airflow.sdk import DAG, CronDataIntervalTimetable, task

DAILY = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
START = datetime.datetime(2013, 1, 1, tzinfo=datetime.timezone.utc)

with DAG("steady", schedule=DAILY, start_date=START, catchup=False):

    @task
    def one():
        return 1

    @task
    def two(number):
        print(number)

    two(one())

with DAG("broken", schedule=None, start_date=START):

    @task
    def fall():
        raise ValueError("the bridge is out")

    fall()

with DAG("slow", schedule=None, start_date=START):

    @task
    def sleep():
        time.sleep(900)

    sleep()
"""


def day(number: int) -> datetime:
    return datetime(2013, 1, number, tzinfo=UTC)


def wait_until(true: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("stack")
    # Too long a path for a Unix socket, with signs that mean something to configuration files.
    home = folder / "100% of a home" / ("deep" * 25)
    (folder / "dags").mkdir()
    (folder / "dags" / "trivial.py").write_text(DAGS)
    with running_stack(home, {"AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags")}) as stack:
        yield stack
        sockets = layout(stack.settings).sockets
        assert sockets.parent != layout(stack.settings).root
    assert not sockets.exists()


def processes(running: RunningStack) -> list[psutil.Process]:
    places = layout(running.settings)
    found = []
    for pid in find_leftovers(marks_of(places, read_record(places))):
        with suppress(psutil.NoSuchProcess):  # the DAG processor's children come and go
            found.append(psutil.Process(pid))
    return found


def doors_of(process: psutil.Process) -> set[tuple[str, int]]:
    """The addresses on which a process listens; none once it has ended."""
    try:
        connections = process.net_connections("inet")
    except psutil.NoSuchProcess:
        return set()
    return {
        (connection.laddr.ip, connection.laddr.port)
        for connection in connections
        if connection.status == psutil.CONN_LISTEN
    }


def lives(process: psutil.Process) -> bool:
    """Whether it runs; a zombie is dead, and waits for its parent, which is this test."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pids(running: RunningStack) -> dict[str, int]:
    return {part.name: part.pid for part in status(running.settings).parts}


def test_every_part_runs_and_is_healthy(running: RunningStack) -> None:
    found = status(running.settings)

    assert found.up
    assert set(found.health.values()) == {"healthy"}
    assert {dag["dag_id"] for dag in running.api.dags()} == {"steady", "broken", "slow"}
    assert running.api.import_errors() == {}


def test_nothing_listens_but_the_api_server_on_loopback(running: RunningStack) -> None:
    doors = {door for process in processes(running) for door in doors_of(process)}

    assert doors == {("127.0.0.1", running.settings.port)}


def test_an_anonymous_caller_is_turned_away(running: RunningStack) -> None:
    answer = httpx.get(f"{base_url(running.settings)}/api/v2/dags", trust_env=False)

    assert answer.status_code == 401


def test_keys_and_sockets_are_closed_to_other_users(running: RunningStack) -> None:
    places = layout(running.settings)

    for file in (places.keys, places.passwords):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for folder in (places.root, places.sockets, places.database):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_second_up_changes_nothing(running: RunningStack) -> None:
    before = pids(running)

    again = up(running.settings, environ=running.environ)

    assert not again.created
    assert again.seconds < running.seconds
    assert pids(running) == before


def test_pools_are_created_once(running: RunningStack) -> None:
    for name, (slots, description) in POOLS.items():
        assert running.api.get(f"/pools/{name}")["slots"] == slots
        assert not running.api.ensure_pool(name, slots, description)


def test_the_command_line_reads_the_same_database(running: RunningStack) -> None:
    done = run_airflow(running.settings, "dags", "list", "-o", "plain", environ=running.environ)

    assert done.returncode == 0
    assert "steady" in done.stdout


def test_another_home_on_the_same_port_is_told_who_holds_it(
    running: RunningStack, tmp_path: Path
) -> None:
    taken = {**running.environ, "LAUREL_HOME": str(tmp_path)}

    with pytest.raises(LaurelError) as refusal:
        up(load_settings(taken), environ=taken)

    assert f"process {pids(running)['api-server']}" in str(refusal.value)
    assert "LAUREL_PORT=" in str(refusal.value)
    assert not status(load_settings(taken)).leftovers


def test_another_port_for_a_running_home_is_refused(running: RunningStack) -> None:
    other = {**running.environ, "LAUREL_PORT": str(free_port())}

    with pytest.raises(Refused, match="another address"):
        up(load_settings(other), environ=other)


def test_a_backfill_runs_through_the_scheduler_and_again_only_when_asked(
    running: RunningStack,
) -> None:
    running.api.unpause("steady")
    seen: list[dict[str, int]] = []

    backfill = running.api.create_backfill("steady", day(1), day(3))
    assert backfill
    runs = running.api.wait_for_backfill(
        backfill, timeout=PATIENCE, watch=lambda c: seen.append(dict(c))
    )

    assert [run.logical_date for run in runs] == [day(1), day(2), day(3)]
    assert seen[-1] == {"success": 3}
    assert running.api.backfill(backfill.number).completed_at
    assert running.api.create_backfill("steady", day(1), day(3)) is None
    again = running.api.create_backfill("steady", day(2), day(2), reprocess="completed")
    assert again
    assert len(running.api.wait_for_backfill(again, timeout=PATIENCE)) == 1


def test_a_failed_run_ends_the_waiting_with_the_task_s_last_words(running: RunningStack) -> None:
    running.api.unpause("broken")
    run = running.api.trigger("broken")

    with pytest.raises(LaurelError) as failure:
        running.api.wait_for_runs(lambda: [running.api.run("broken", run.run_id)], timeout=PATIENCE)

    assert "in the task fall" in str(failure.value)
    assert "the bridge is out" in str(failure.value)


def test_a_killed_scheduler_is_restarted_and_the_log_says_so(running: RunningStack) -> None:
    running.api.unpause("slow")
    sleeper = running.api.trigger("slow")
    wait_until(lambda: [task.state for task in running.api.tasks(sleeper)] == ["running"])
    before = pids(running)["scheduler"]
    workers = psutil.Process(before).children(recursive=True)
    assert workers

    psutil.Process(before).kill()
    wait_until(lambda: pids(running)["scheduler"] not in (0, before))

    log = (layout(running.settings).logs / "supervisor.log").read_text()
    assert "exited: scheduler (terminated by SIGKILL; not expected)" in log
    # The old one's workers would hold its tasks for ever.
    wait_until(lambda: not [worker for worker in workers if lives(worker)])
    running.api.unpause("steady")
    backfill = running.api.create_backfill("steady", day(5), day(5))
    assert backfill
    assert running.api.wait_for_backfill(backfill, timeout=PATIENCE)


def test_down_leaves_no_process_even_when_the_supervisor_was_killed(running: RunningStack) -> None:
    everything = processes(running)
    record = read_record(layout(running.settings))
    assert record
    stranger = psutil.Popen(["sleep", "900"], cwd=running.settings.home)

    os.kill(record.supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not record.supervisor.alive)
    assert not status(running.settings).up
    assert status(running.settings).leftovers
    stopped = down(running.settings)

    assert stopped
    assert not [process for process in everything if lives(process)]
    assert stranger.is_running()
    assert down(running.settings) == 0
    stranger.kill()
    stranger.wait()
