"""The whole loop on the use case ``toy``, driven through a real Airflow; see loop_fixtures."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import httpx

from laurel.domain.canonical import parse_instant
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.config.sink import S3Sink
from laurel.domain.ledger import LedgerState
from laurel.errors import NotFound, Refused
from laurel.local.api import FINISHED, ApiClient
from laurel.local.runs import Run, Task
from laurel.local.stack import login
from support.asked import NAME as ASKED
from support.listening import Hook, Mailbox
from support.runs import EVERYTHING, Home
from support.stack import RunningStack

KINDS = ("ingest", "monitor", "restate", "rollback", "score", "train")
HISTORY = ("2024-01-01", "2024-02-21")
"""Loaded by one run."""
DAILY = ("2024-02-22", "2024-02-23")
"""Backfilled, one run a day."""
POISONED = "2024-02-23"
SHARDED = "2024-02-21"
"""Scored in shards of 30 rows, and delivered to sinks."""
TRAININGS = ("2024-02-05", "2024-02-12")
"""Where the intervals begin; as_of is a week later."""
AS_OFS = (parse_instant("2024-02-12"), parse_instant("2024-02-19"))
SCORINGS = ("2024-02-19", "2024-02-20")
"""The first by the first champion, the second by the second, who reigns from 20 February."""
NIGHTS = ("2024-02-20", "2024-02-20")
CORRECTED = "2024-02-15"
"""A day that the second training held out, and that the scored days look back on."""
SHIFTED = "2024-02-24"
"""A day whose amounts are unlike those of any training."""
WATCHED = """\
alarms:
  confirm: 1
  nights: 1
  uncalibrated: confirm
  notify:
    - {kind: mail, connection: smtp_ops, to: [ops@example.org]}
    - {kind: webhook, connection: hook, severity: critical}
"""
SECONDS = 600
"""How long a step may take on a machine that is busy with other things."""


Find = Callable[[], list[Run]]


@dataclass(frozen=True)
class Running:
    """A home, the stack that runs in it, and what was done by hand."""

    home: Home
    stack: RunningStack
    mails: Mailbox
    posts: Hook

    @property
    def api(self) -> ApiClient:
        return self.stack.api

    def start(self, kind: str, days: tuple[str, str], **options: Any) -> Find:
        """Create a backfill; returns what finds its runs."""
        made = self.api.create_backfill(f"toy_{kind}", at(days[0]), at(days[1]), **options)
        assert made is not None
        return lambda: self.api.backfill_runs(made)

    def trigger(self, kind: str, **conf: object) -> Find:
        """Start one run by hand; returns what finds it."""
        made = self.api.trigger(f"toy_{kind}", conf=conf)
        return lambda: [self.api.run(made.dag_id, made.run_id)]

    def ended(self, *finders: Find) -> list[Run]:
        """All runs, once each has ended well or badly; closes the backfills they belong to."""
        deadline = time.monotonic() + SECONDS
        ended: list[Run] = []
        for find in finders:
            # One after the other: the API server also serves the tasks.
            while not _all_ended(runs := find()):
                assert time.monotonic() < deadline, [(r.dag_id, r.run_id, r.state) for r in runs]
                time.sleep(1)
            ended += runs
        self._close_backfills()
        return ended

    def _close_backfills(self) -> None:
        """Airflow closes them twice a minute, and refuses another one of the DAG until then."""
        for dag_id in (f"toy_{kind}" for kind in KINDS):
            rows = self.api.pages("/backfills", "backfills", dag_id=dag_id)
            still_open = [row["id"] for row in rows if row["completed_at"] is None]
            if still_open and _all_ended(self.api.runs(dag_id)):
                for number in still_open:
                    with suppress(Refused):  # Airflow may have closed it since it was listed
                        self.api.request("PUT", f"/backfills/{number}/cancel")

    def kill_in_training(self, find: Find) -> datetime:
        """``kill -9`` the task of the first run's training once it has a snapshot; when."""
        made = self.home.settings.home / "workspaces"
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for run in find()[:1]:
                with suppress(NotFound):  # until Airflow has made the task
                    path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/train"
                    told = self.api.get(path)
                    begun = any(made.glob("*/data/toy/snapshot/counts.json"))
                    if begun and told["state"] == "running" and told["pid"]:
                        os.kill(told["pid"], signal.SIGKILL)
                        return datetime.now(UTC)
            time.sleep(0.1)
        raise AssertionError("no training was seen running")

    def reproduce(self, version: str | None) -> subprocess.Popen[str]:
        """Start ``laurel reproduce``, in the environment of the stack's tasks."""
        return subprocess.Popen(
            self.home.command(["reproduce", str(version)]),
            env=self.stack.airflow,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def alarm_trainings(self) -> list[Run]:
        """The trainings that alarms asked for."""
        runs = self.api.runs("toy_train")
        return [run for run in runs if run.run_id.startswith("alarm_")]

    def connect(self, name: str, **said: object) -> None:
        """Let Airflow know a connection."""
        self.api.request("POST", "/connections", json={"connection_id": name, **said})

    def redraw(self, kind: str, *, task: str) -> None:
        """Wait until a DAG is parsed again and has a task."""
        dag, deadline = f"toy_{kind}", time.monotonic() + SECONDS
        token = self.api.get(f"/dags/{dag}/details")["file_token"]
        self.api.request("PUT", f"/parseDagFile/{token}")
        while task not in [each["task_id"] for each in self.api.get(f"/dags/{dag}/tasks")["tasks"]]:
            assert time.monotonic() < deadline, f"{dag} has no task {task}"
            time.sleep(1)

    def shards(self, run: Run) -> dict[int, Task]:
        """The mapped tasks of a scoring."""
        tasks = self.api.tasks(run)
        return {task.map_index: task for task in tasks if task.task_id == "score_shard"}

    def until_shards(self, find: Find, wanted: Mapping[int, str]) -> None:
        """Wait until the shards of a scoring are in these states."""
        deadline, found = time.monotonic() + SECONDS, {}
        while found != wanted:
            assert time.monotonic() < deadline, found
            time.sleep(1)
            found = {place: task.state for place, task in self.shards(find()[0]).items()}

    def tasks(self, run: Run) -> dict[str, Task]:
        return {task.task_id: task for task in self.api.tasks(run)}

    def moment(self, run: Run, task: str, name: str) -> datetime:
        """When a task's last try started or ended."""
        told = self.api.get(f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task}")
        return datetime.fromisoformat(told[name])

    def about(self, run: Run, task: str, what: str) -> dict[str, Any]:
        """What the API says about a task instance: ``links``, ``xcomEntries`` …"""
        return self.api.get(f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task}/{what}")

    @cached_property
    def token(self) -> str:
        """A token of the stack's user."""
        user, password = login(self.stack.settings)
        answer = httpx.post(
            f"{self.api.url}/auth/token",
            json={"username": user, "password": password},
            trust_env=False,
            timeout=60,
        )
        return str(answer.json()["access_token"])

    def page(self, path: str, *, token: str | None = "") -> httpx.Response:
        """What a browser gets: with the user's token, another one, or with ``None`` without."""
        given = token if token != "" else self.token
        headers = {} if given is None else {"Authorization": f"Bearer {given}"}
        return httpx.get(f"{self.api.url}{path}", headers=headers, trust_env=False, timeout=60)

    def records(self) -> Records:
        site, usecase = self.home.site, self.home.usecase
        return Records(
            catalogs={name: site.catalog(usecase, name).read() for name in EVERYTHING},
            ledger=site.ledger(usecase).read(),
            same=(self.home.catalogs(), self.home.ledger()),
            keys=tuple(key for key in site.store.keys("") if f"/{ASKED}/" not in key),
        )


@dataclass(frozen=True)
class Records:
    """What stood in the store at a moment, but for the records of the use case ``asked``."""

    catalogs: Mapping[str, CatalogState]
    ledger: LedgerState
    same: tuple[dict[str, dict[str, list[str]]], list[list[object]]]
    keys: tuple[str, ...]

    def under(self, *prefixes: str) -> list[str]:
        return [key for key in self.keys if key.startswith(prefixes)]


@dataclass(frozen=True)
class First:
    """The loop once: the runs by kind, what stood while a day was poisoned, and in the end."""

    load: Run
    days: Sequence[Run]
    mended: Sequence[Run]
    nameless: Run
    """A training by hand without as_of."""
    trainings: Sequence[Run]
    killed: datetime
    """When the task of the first training was killed in its middle."""
    retried: Mapping[str, Task]
    """The tasks of the first training, once it had ended."""
    order: tuple[datetime, datetime]
    """When the first training was decided, and when the second one began to train."""
    scorings: Sequence[Run]
    nights: Sequence[Run]
    poisoned: Records
    reasons: Sequence[str]
    """The log of the task that refused the poisoned day."""
    poisoned_links: Mapping[str, str | None]
    refused: Mapping[str, Task]
    """The tasks of the poisoned run."""
    done: Records
    reproduction: subprocess.Popen[str]
    """Of the first training, begun while the second one waited or ran."""


@dataclass(frozen=True)
class Again:
    """The same backfills with reprocessing."""

    runs: Sequence[Run]
    done: Records


@dataclass(frozen=True)
class Rolled:
    """After a rollback to the first champion."""

    run: Run
    target: str
    done: Records


@dataclass(frozen=True)
class Restated:
    """After a day of the source was corrected, ingested again and restated."""

    corrected: Run
    run: Run
    done: Records


@dataclass(frozen=True)
class Alarmed:
    """After a night with an alarm: its run, the training that it asked for, the night again."""

    night: Run
    training: Run
    again: Run
    done: Records


@dataclass(frozen=True)
class Shadowed:
    """What a challenger said of the same day beside the champion, and the night that compares."""

    version: str
    made: Revision
    single: Revision
    """What one pass publishes of it, in a copy of the home."""
    night: Run


@dataclass(frozen=True)
class Served:
    """A day scored in shards, one of which the store refused at first, and delivered to sinks."""

    run: Run
    shards: Mapping[int, Task]
    """By their place."""
    tasks: Mapping[str, Task]
    """The others."""
    single: Revision
    """What one pass publishes of the day, in a copy of the home."""
    done: Records
    bucket: S3Sink
    shadow: Shadowed


def watch(home: Home) -> None:
    """Let alarms do something: one night confirms, mail and webhook are told, training is asked."""
    file = home.usecase.folder / "usecase.yaml"
    text = file.read_text()
    assert "minimum_rows: 100\n" in text
    text = text.replace("minimum_rows: 100\n", "minimum_rows: 50\n  retrain: true\n")
    file.write_text(text + WATCHED)


def _all_ended(runs: Sequence[Run]) -> bool:
    return bool(runs) and all(run.state in FINISHED for run in runs)


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
