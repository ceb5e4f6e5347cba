"""A running embedded stack for tests: a free port, a home of its own, gone at the end.

    from support.stack import stack, stack_environ  # fixtures of the session

A module that needs other use cases or DAGs overrides ``stack_environ``, or calls
:func:`running_stack` itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from laurel.errors import NotFound
from laurel.local.api import ApiClient
from laurel.local.environment import airflow_environment
from laurel.local.stack import down, up
from laurel.settings import Settings, load_settings
from support.servers import free_ports

PARSED_SECONDS = 300


@dataclass(frozen=True)
class RunningStack:
    """What a test needs of a stack that is up."""

    settings: Settings
    api: ApiClient
    environ: Mapping[str, str]
    """The caller's environment it was started with."""
    seconds: float
    """How long the start took."""

    def switch_on(self, dag_id: str) -> None:
        """Unpause a DAG, once Airflow has parsed it: ``up`` does not wait for ever for that."""
        deadline = time.monotonic() + PARSED_SECONDS
        while True:
            try:
                return self.api.unpause(dag_id)
            except NotFound:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    @property
    def airflow(self) -> dict[str, str]:
        """The environment of its Airflow processes."""
        return airflow_environment(self.settings, self.environ)


@contextmanager
def running_stack(home: Path, environ: Mapping[str, str] | None = None) -> Iterator[RunningStack]:
    """Start a stack under ``home``, with extra variables, and stop it in the end."""
    given = {**clean_environ(), **(environ or {})}
    given.update(LAUREL_HOME=str(home), LAUREL_PORT=str(free_port()))
    settings = load_settings(given)
    try:
        found = up(settings, environ=given)
        with found.api() as api:
            yield RunningStack(settings, api, given, found.seconds)
    finally:
        down(settings)


def clean_environ() -> dict[str, str]:
    """Our environment without what a developer's shell says of Airflow and Laurel."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "LAUREL_"))
    }


def free_port() -> int:
    """A port nobody listens on now; none that an outgoing connection could take meanwhile."""
    (port,) = free_ports(1)
    return port


@pytest.fixture(scope="session")
def stack_environ() -> dict[str, str]:
    """Extra variables of the stack; override it in a module of its own."""
    return {}


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory, stack_environ: dict[str, str]
) -> Iterator[RunningStack]:
    """One stack for the whole session."""
    with running_stack(tmp_path_factory.mktemp("stack"), stack_environ) as running:
        yield running
