"""A small client of Airflow's REST API v2, as far as a local stack needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from laurel.errors import LaurelError, NotFound, Pending, Refused
from laurel.local.connection import Connection
from laurel.local.runs import (
    Backfill,
    Run,
    Task,
    read_backfill,
    read_lines,
    read_run,
    read_task,
    write_time,
)

FINISHED = ("success", "failed")
TASK_FAILURES = ("failed", "upstream_failed")
LOG_LINES = 6

Watch = Callable[[Mapping[str, int]], None]
"""Told how many runs are in each state, whenever that changes."""


class ApiClient(Connection):
    """What a local stack asks of Airflow: DAGs, runs, backfills, logs."""

    def dags(self) -> list[dict[str, Any]]:
        """Every DAG that Airflow knows and finds in its files."""
        return list(self.pages("/dags", "dags", order_by="dag_id"))

    def import_errors(self) -> dict[str, str]:
        """DAG files that could not be imported, with the end of the traceback."""
        rows = self.pages("/importErrors", "import_errors")
        return {row["filename"]: row["stack_trace"].strip().splitlines()[-1] for row in rows}

    def ensure_pool(self, name: str, slots: int, description: str) -> bool:
        """Create a pool, or give one that is there these slots; true if something changed."""
        pool = {"name": name, "slots": slots, "description": description}
        try:
            known = self.get(f"/pools/{name}")
        except NotFound:
            self.request("POST", "/pools", json=pool)
            return True
        if known["slots"] == slots:
            return False
        self.request("PATCH", f"/pools/{name}", params={"update_mask": "slots"}, json=pool)
        return True

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler work on a DAG."""
        self.request("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Keep the scheduler from a DAG."""
        self.request("PATCH", f"/dags/{dag_id}", json={"is_paused": True})

    def trigger(
        self,
        dag_id: str,
        *,
        conf: Mapping[str, Any] | None = None,
        logical_date: datetime | None = None,
        run_after: datetime | None = None,
        run_id: str | None = None,
    ) -> Run:
        """Start one run by hand."""
        body: dict[str, Any] = {"conf": dict(conf or {}), "logical_date": write_time(logical_date)}
        if run_after is not None:
            body["run_after"] = write_time(run_after)
        if run_id is not None:
            body["dag_run_id"] = run_id
        return read_run(self.request("POST", f"/dags/{dag_id}/dagRuns", json=body))

    def create_backfill(
        self,
        dag_id: str,
        start: datetime,
        end: datetime,
        *,
        max_active_runs: int = 4,
        reprocess: str = "none",
        backwards: bool = False,
        conf: Mapping[str, Any] | None = None,
    ) -> Backfill | None:
        """Backfill the runs with logical dates from ``start`` to ``end``, both included.

        ``reprocess`` is ``none``, ``failed`` or ``completed``. Returns ``None`` if there is no run
        to create; raises :class:`Refused` while another backfill of the DAG is unfinished.
        """
        body = {
            "dag_id": dag_id,
            "from_date": write_time(start),
            "to_date": write_time(end),
            "max_active_runs": max_active_runs,
            "reprocess_behavior": reprocess,
            "run_backwards": backwards,
            "dag_run_conf": dict(conf or {}),
        }
        created = read_backfill(self.request("POST", "/backfills", json=body))
        if self.backfill_runs(created):
            return created
        self._close(created)
        return None

    def backfill(self, number: int) -> Backfill:
        """The state of a backfill."""
        return read_backfill(self.get(f"/backfills/{number}"))

    def run(self, dag_id: str, run_id: str) -> Run:
        """One run."""
        return read_run(self.get(f"/dags/{dag_id}/dagRuns/{run_id}"))

    def runs(self, dag_id: str, **filters: Any) -> list[Run]:
        """The runs of a DAG in the order of their logical dates.

        Filters are those of the API: ``run_type``, ``state``, ``logical_date_gte`` …
        """
        rows = self.pages(f"/dags/{dag_id}/dagRuns", "dag_runs", order_by="logical_date", **filters)
        return [read_run(row) for row in rows]

    def backfill_runs(self, backfill: Backfill) -> list[Run]:
        """The runs that a backfill created or cleared, not those of an earlier one."""
        found = self.runs(
            backfill.dag_id,
            run_type="backfill",
            logical_date_gte=write_time(backfill.start),
            logical_date_lte=write_time(backfill.end),
        )
        return [run for run in found if run.queued_at and run.queued_at >= backfill.created_at]

    def tasks(self, run: Run) -> list[Task]:
        """The task instances of a run."""
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances"
        return [read_task(row) for row in self.pages(path, "task_instances")]

    def log(self, run: Run, task: Task) -> list[str]:
        """The messages of a task's last try, without Airflow's own lines where it tells them."""
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task.task_id}"
        tries = max(task.tries, 1)
        answer = self.get(f"{path}/logs/{tries}", map_index=task.map_index, full_content=True)
        return [line for row in answer["content"] for line in read_lines(row)]

    def wait_for_runs(
        self, find: Callable[[], list[Run]], *, timeout: float, watch: Watch | None = None
    ) -> list[Run]:
        """Wait until all runs that ``find`` returns have succeeded.

        Raises :class:`LaurelError` with the failing task's last log lines as soon as one failed,
        :class:`Pending` after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        told: dict[str, int] = {}
        while True:
            runs = find()
            counts = _counts(runs)
            if watch and counts != told:
                watch(counts)
            told = counts
            for run in runs:
                if run.state == "failed":
                    raise self._failure(run)
            if runs and all(run.state in FINISHED for run in runs):
                return runs
            if time.monotonic() > deadline:
                raise _overdue(runs, timeout)
            # The API server also serves the running tasks: ask it no more than needed.
            time.sleep(0.5)

    def wait_for_backfill(
        self, backfill: Backfill, *, timeout: float, watch: Watch | None = None
    ) -> list[Run]:
        """Wait until all runs of a backfill have succeeded, and close it.

        Airflow itself closes a backfill at the next round of half a minute, and refuses another
        one of the same DAG until then.
        """
        runs = self.wait_for_runs(
            lambda: self.backfill_runs(backfill), timeout=timeout, watch=watch
        )
        if self.backfill(backfill.number).completed_at is None:
            self._close(backfill)
        return runs

    def _close(self, backfill: Backfill) -> None:
        try:
            self.request("PUT", f"/backfills/{backfill.number}/cancel")
        except Refused:
            return  # Airflow closed it in between.

    def _failure(self, run: Run) -> LaurelError:
        failed = [task for task in self.tasks(run) if task.state in TASK_FAILURES]
        first = next((task for task in failed if task.state == "failed"), None)
        lines = self.log(run, first)[-LOG_LINES:] if first else ["no task of it failed"]
        return LaurelError(
            f"the run {run.run_id} of {run.dag_id} failed"
            + (f" in the task {first.task_id}" if first else ""),
            found="\n".join(lines),
            detail=f"{self.url}/dags/{run.dag_id}/runs/{run.run_id}",
            hint="look at the task's log; clear the run to try again",
        )


def _counts(runs: list[Run]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for run in runs:
        counts[run.state] = counts.get(run.state, 0) + 1
    return counts


def _overdue(runs: list[Run], timeout: float) -> Pending:
    waiting = [run for run in runs if run.state not in FINISHED]
    return Pending(
        f"the runs did not end within {timeout:.0f} seconds",
        found=f"{len(waiting)} of {len(runs)} unfinished, the first {waiting[0].run_id}"
        if waiting
        else "no run at all",
        hint="`laurel status` says whether the scheduler runs; is the DAG unpaused?",
    )
