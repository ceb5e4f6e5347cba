"""Airflow's metadata database: answering, there, and with the tables of this Airflow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.metadata import version

from laurel.errors import LaurelError
from laurel.local.environment import run_airflow
from laurel.local.layout import Layout, layout
from laurel.local.postgres import create_database, is_ready
from laurel.local.supervision import find_parts
from laurel.settings import Settings


def ensure_tables(settings: Settings, environment: Mapping[str, str]) -> bool:
    """Make or upgrade Airflow's tables; true if that was needed. Raises :class:`LaurelError`."""
    places = layout(settings)
    if not create_database(places) and _schema(places) == version("apache-airflow-core"):
        return False
    _migrate(settings, environment)
    return True


def wait_for_database(places: Layout, *, seconds: float = 60) -> None:
    """Wait until the server takes connections; raises :class:`LaurelError` with its log's end."""
    deadline = time.monotonic() + seconds
    while not is_ready(places):
        parts = {part.name: part.state for part in find_parts(places)}
        if time.monotonic() > deadline or parts.get("postgres") == "FATAL":
            raise LaurelError(
                "PostgreSQL did not start",
                found="\n".join(_tail(places, "postgres")),
                detail=str(places.logs / "postgres.log"),
            )
        time.sleep(0.05)


def _migrate(settings: Settings, environment: Mapping[str, str]) -> None:
    places = layout(settings)
    done = run_airflow(settings, "db", "migrate", environ=environment)
    if done.returncode != 0:
        raise LaurelError(
            "Airflow's tables could not be made",
            found="\n".join((done.stdout + done.stderr).strip().splitlines()[-5:]),
        )
    places.schema.write_text(version("apache-airflow-core"))


def _schema(places: Layout) -> str | None:
    """The version of Airflow that last made its tables here; asking Airflow takes seconds."""
    return places.schema.read_text() if places.schema.exists() else None


def _tail(places: Layout, part: str, lines: int = 6) -> list[str]:
    try:
        return (places.logs / f"{part}.log").read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return ["it left no log"]
