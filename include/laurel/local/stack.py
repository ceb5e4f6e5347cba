"""The embedded stack as a whole: up, down, status."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from laurel.errors import LaurelError, Refused
from laurel.local.api import ApiClient
from laurel.local.environment import airflow_environment, base_url
from laurel.local.keys import USER, read_keys, write_passwords
from laurel.local.layout import Layout, create_folders, layout
from laurel.local.leftovers import MARK, find_leftovers, stop
from laurel.local.metadata import ensure_tables, wait_for_database
from laurel.local.ports import check_port
from laurel.local.postgres import prepare_database
from laurel.local.readiness import wait_for_airflow
from laurel.local.state import Record, alone, marks_of, read_record, write_record
from laurel.local.supervision import (
    STOP_SECONDS,
    Part,
    find_parts,
    start_airflow,
    start_supervisor,
    wait_for_supervisor,
)
from laurel.settings import Settings

Progress = Callable[[str], None]
"""Told, in a few words, what is being done."""

POOLS = {"laurel_heavy": (1, "training and other work that uses many cores and much memory")}
"""Pools that the DAGs name: slots unless ``LAUREL_HEAVY_SLOTS`` says otherwise, description."""


LEFTOVER_SECONDS = 5
"""How long what a dead supervisor left behind may take to stop before it is killed."""

LIVING = ("STARTING", "RUNNING", "BACKOFF")


@dataclass(frozen=True)
class Stack:
    """A running stack: its address, its login, and whether it was started by this call."""

    settings: Settings
    url: str
    user: str
    password: str
    created: bool
    seconds: float
    import_errors: Mapping[str, str]

    def api(self) -> ApiClient:
        """A client of its API server."""
        return ApiClient(self.url, user=self.user, password=self.password)


@dataclass(frozen=True)
class Status:
    """What can be seen of a stack from outside."""

    up: bool
    """The supervisor runs and every part with it."""
    url: str
    parts: tuple[Part, ...]
    leftovers: tuple[int, ...]
    """Processes of the stack without a supervisor."""
    health: Mapping[str, str]
    """What the API server says of each component; empty when it does not answer."""


def up(
    settings: Settings,
    *,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> Stack:
    """Start the stack, or find it already up and change nothing.

    ``environ`` stands for the caller's environment. Raises :class:`LaurelError`: a port in use and
    by whom, a part that does not start with the end of its log.
    """
    tell = progress or (lambda _: None)
    began = time.monotonic()
    places = layout(settings)
    create_folders(places)
    with alone(places):
        record = read_record(places)
        if record and record.supervisor.alive and _is_whole(places):
            return _found(settings, record, began, timeout=timeout)
        if find_leftovers(marks_of(places, record)):
            tell("a stack that is not whole was left here: stopping it first")
            _down(places, tell)
        check_port(settings.host, settings.port)
        environment = airflow_environment(settings, environ)
        record = _start_database(settings, environment, tell)
        errors = _start_airflow(settings, record, tell, timeout=timeout)
    return _stack(settings, created=True, began=began, errors=errors)


def down(settings: Settings, *, progress: Progress | None = None) -> int:
    """Stop the stack and everything it started; returns how many processes ran.

    Raises :class:`LaurelError` if a process cannot be stopped.
    """
    tell = progress or (lambda _: None)
    places = layout(settings)
    if not places.root.is_dir():
        return 0
    with alone(places):
        return _down(places, tell)


def status(settings: Settings) -> Status:
    """Look at the stack without changing anything."""
    places = layout(settings)
    record = read_record(places)
    alive = record is not None and record.supervisor.alive
    parts = find_parts(places) if alive else ()
    url = record.url if record else base_url(settings)
    return Status(
        up=bool(parts) and all(part.state == "RUNNING" for part in parts),
        url=url,
        parts=parts,
        leftovers=() if alive or not record else tuple(find_leftovers(marks_of(places, record))),
        health=_health(url) if alive else {},
    )


def login(settings: Settings) -> tuple[str, str]:
    """User and password of the UI and of the API."""
    return USER, read_keys(layout(settings)).password


def _start_database(settings: Settings, environment: Mapping[str, str], tell: Progress) -> Record:
    places = layout(settings)
    write_passwords(places, read_keys(places))
    if not (places.database / "PG_VERSION").exists():
        tell("creating the database")
    prepare_database(places)
    stack = uuid.uuid4().hex
    tell("starting PostgreSQL")
    supervisor = start_supervisor(
        places, {**environment, MARK: stack, "SPT_NOENV": "1", "PYTHONUNBUFFERED": "1"}
    )
    record = Record(stack, base_url(settings), _dags(environment), supervisor)
    write_record(places, record)
    with _undone_on_failure(places):
        wait_for_supervisor(places, supervisor)
        wait_for_database(places)
        tell("looking after Airflow's tables")
        ensure_tables(settings, environment)
    return record


def _start_airflow(
    settings: Settings, record: Record, tell: Progress, *, timeout: float
) -> dict[str, str]:
    places = layout(settings)
    with _undone_on_failure(places):
        tell("starting Airflow: API server, scheduler, DAG processor, triggerer")
        start_airflow(places)
        with _client(settings) as api:
            errors = wait_for_airflow(api, places, folder=record.folder, tell=tell, timeout=timeout)
            for name, (_, description) in POOLS.items():
                # as many as the threads of a training were counted by
                api.ensure_pool(name, settings.heavy_slots, description)
    return errors


def _is_whole(places: Layout) -> bool:
    """Whether every part runs or is being started: none stopped, none given up."""
    parts = find_parts(places)
    return bool(parts) and all(part.state in LIVING for part in parts)


def _dags(environment: Mapping[str, str]) -> str | None:
    if "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST" in environment:
        return None
    return environment["AIRFLOW__CORE__DAGS_FOLDER"]


def _found(settings: Settings, record: Record, began: float, *, timeout: float) -> Stack:
    if record.url != base_url(settings):
        raise Refused(
            "this home's stack is up at another address",
            found=record.url,
            expected=base_url(settings),
            hint="use that address, or `laurel down` first",
        )
    places = layout(settings)
    with _client(settings) as api:
        errors = wait_for_airflow(
            api, places, folder=record.folder, tell=lambda _: None, timeout=timeout
        )
    return _stack(settings, created=False, began=began, errors=errors)


def _stack(settings: Settings, *, created: bool, began: float, errors: Mapping[str, str]) -> Stack:
    user, password = login(settings)
    seconds = time.monotonic() - began
    return Stack(settings, base_url(settings), user, password, created, seconds, errors)


def _client(settings: Settings) -> ApiClient:
    user, password = login(settings)
    return ApiClient(base_url(settings), user=user, password=password)


def _down(places: Layout, tell: Progress) -> int:
    record = read_record(places)
    marks = marks_of(places, record)
    running = find_leftovers(marks)
    if record and record.supervisor.alive:
        tell("stopping Airflow, then PostgreSQL")
        # Airflow's parts stop together, then the database; each side has STOP_SECONDS.
        stop([record.supervisor.pid], patience=2 * STOP_SECONDS + 10)
    remains = find_leftovers(marks)
    if remains:
        tell(f"stopping {len(remains)} processes left behind")
        stop(remains, patience=LEFTOVER_SECONDS)
    stubborn = find_leftovers(marks)
    if stubborn:
        raise LaurelError(
            "some processes cannot be stopped",
            found=", ".join(map(str, stubborn)),
            expected="no process of this stack",
            hint="they may belong to another user, or wait for a disk",
        )
    places.state.unlink(missing_ok=True)
    if places.sockets.parent != places.root:
        shutil.rmtree(places.sockets, ignore_errors=True)
    return len(running)


def _health(url: str) -> dict[str, str]:
    try:
        with ApiClient(url, user="", password="", timeout=5) as api:
            answer = api.health()
    except LaurelError:
        return {}
    return {name: str((value or {}).get("status")) for name, value in answer.items()}


@contextmanager
def _undone_on_failure(places: Layout) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _down(places, lambda _: None)
        raise
