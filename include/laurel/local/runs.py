"""Runs, task instances and backfills, as Airflow's REST API v2 tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Run:
    """One run of a DAG."""

    dag_id: str
    run_id: str
    state: str
    kind: str
    """backfill, manual, scheduled, asset_triggered …"""
    logical_date: datetime | None
    queued_at: datetime | None
    start: datetime | None
    end: datetime | None
    conf: Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """One task instance of a run."""

    task_id: str
    map_index: int
    state: str | None
    tries: int
    seconds: float | None


@dataclass(frozen=True)
class Backfill:
    """One backfill, as Airflow keeps it."""

    number: int
    dag_id: str
    created_at: datetime
    completed_at: datetime | None
    start: datetime
    end: datetime


def write_time(moment: datetime | None) -> str | None:
    """A time as the API takes it."""
    return moment.isoformat() if moment else None


def read_time(text: str | None) -> datetime | None:
    """A time as the API writes it."""
    return datetime.fromisoformat(text) if text else None


def read_run(row: Mapping[str, Any]) -> Run:
    """A run out of the API's answer."""
    return Run(
        dag_id=row["dag_id"],
        run_id=row["dag_run_id"],
        state=row["state"],
        kind=row["run_type"],
        logical_date=read_time(row["logical_date"]),
        queued_at=read_time(row["queued_at"]),
        start=read_time(row["start_date"]),
        end=read_time(row["end_date"]),
        conf=row["conf"] or {},
    )


def read_backfill(row: Mapping[str, Any]) -> Backfill:
    """A backfill out of the API's answer."""
    return Backfill(
        number=row["id"],
        dag_id=row["dag_id"],
        created_at=datetime.fromisoformat(row["created_at"]),
        completed_at=read_time(row["completed_at"]),
        start=datetime.fromisoformat(row["from_date"]),
        end=datetime.fromisoformat(row["to_date"]),
    )


def read_task(row: Mapping[str, Any]) -> Task:
    """A task instance out of the API's answer."""
    return Task(row["task_id"], row["map_index"], row["state"], row["try_number"], row["duration"])


def read_lines(row: Mapping[str, Any] | str) -> list[str]:
    """The lines of one log message: its text, then the exceptions it tells of.

    >>> read_lines({"event": "failed", "error_detail": [{"exc_type": "OSError", "exc_value": "x"}]})
    ['failed', 'OSError: x']
    """
    if isinstance(row, str):
        return row.splitlines()
    lines = str(row.get("event", "")).splitlines()
    for error in row.get("error_detail") or ():
        lines.append(f"{error.get('exc_type')}: {error.get('exc_value')}")
    return lines
