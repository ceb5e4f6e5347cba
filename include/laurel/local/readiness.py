"""Wait until Airflow does its work: every component beats, every DAG file is parsed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from laurel.errors import LaurelError
from laurel.local.api import ApiClient
from laurel.local.layout import Layout
from laurel.local.supervision import LOG, find_parts

COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
PARSE_SECONDS = 60


def wait_for_airflow(
    api: ApiClient,
    places: Layout,
    *,
    folder: Path | None,
    tell: Callable[[str], None],
    timeout: float,
) -> dict[str, str]:
    """Wait for healthy components and the DAGs of a folder; returns the import errors by file.

    Raises :class:`LaurelError` with the end of its log for a part that cannot be started.
    """
    deadline = time.monotonic() + timeout
    told: tuple[str, ...] = ()
    while missing := _unhealthy(api, places):
        if missing != told:
            tell(f"waiting for {', '.join(missing)}")
        told = missing
        _refuse_fatal(places)
        if time.monotonic() > deadline:
            raise LaurelError(
                f"Airflow was not ready within {timeout:.0f} seconds",
                found=f"not healthy: {', '.join(missing)}",
                detail=str(places.logs),
            )
        time.sleep(0.25)
    return _wait_for_dags(api, places, folder=folder, tell=tell)


def _unhealthy(api: ApiClient, places: Layout) -> tuple[str, ...]:
    try:
        health = api.health()
    except LaurelError:
        return ("api-server",)
    started = {part.name.replace("-", "_"): part.since for part in find_parts(places)}
    return tuple(
        name for name in COMPONENTS if not _is_healthy(name, health, started.get(name, 0.0))
    )


def _is_healthy(name: str, health: dict[str, Any], started: float) -> bool:
    """Healthy, by a heartbeat of this very process: Airflow counts a dead one's for a while."""
    said = health.get(name) or {}
    if said.get("status") != "healthy":
        return False
    beat = said.get(f"latest_{name}_heartbeat")
    return name == "metadatabase" or (
        beat is not None and datetime.fromisoformat(beat).timestamp() >= started
    )


def _refuse_fatal(places: Layout) -> None:
    for part in find_parts(places):
        if part.state == "FATAL":
            log = places.logs / f"{part.name}.log"
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            raise LaurelError(
                f"{part.name} does not start",
                found="\n".join(lines[-6:]),
                detail=f"{log} and {places.logs / LOG}",
            )


def _wait_for_dags(
    api: ApiClient, places: Layout, *, folder: Path | None, tell: Callable[[str], None]
) -> dict[str, str]:
    """Until this DAG processor got a DAG or an error out of each file, or its time is over."""
    since = next((part.since for part in find_parts(places) if part.name == "dag-processor"), 0.0)
    expected = find_dag_files(folder) if folder else frozenset()
    told = -1
    while True:
        errors = api.import_errors()
        parsed = {dag["relative_fileloc"] for dag in api.dags() if _parsed(dag) >= since}
        waiting = {file for file in expected - parsed if not _names(file, errors)}
        # A file that merely looks like a DAG file must not hold up anybody for ever.
        if not waiting or time.time() > since + PARSE_SECONDS:
            return errors
        if len(waiting) != told:
            told = len(waiting)
            tell(f"waiting for {told} of {len(expected)} DAG files to be parsed")
        time.sleep(0.25)


def find_dag_files(folder: Path) -> frozenset[str]:
    """The files of a folder that Airflow takes for DAG files, relative to it."""
    return frozenset(
        str(file.relative_to(folder))
        for file in folder.rglob("*.py")
        if not any(part.startswith((".", "__")) for part in file.relative_to(folder).parts)
        and all(word in file.read_bytes().lower() for word in (b"dag", b"airflow"))
    )


def _parsed(dag: dict[str, Any]) -> float:
    text = dag.get("last_parsed_time")
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def _names(file: str, errors: dict[str, str]) -> bool:
    return any(name == file or name.endswith(f"/{file}") for name in errors)
