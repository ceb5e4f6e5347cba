"""Backfill empty tasks and scorings in turn in one embedded stack; prints the samples as JSON.

The rivals are floors: a DAG with one task that does nothing, and one whose task does nothing but
has what Airflow keeps for a scoring: inlets, an outlet with an event, a returned reference. In the
same stack, over as many days, with the same number of runs at once.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psutil
from pairs import Sample, write_samples

from laurel.domain.canonical import parse_instant
from laurel.domain.partition import Partition
from laurel.errors import LaurelError
from laurel.local.api import FINISHED
from laurel.local.runs import Run
from support.runs import ROOT, Home, open_home
from support.stack import RunningStack, running_stack

AS_OF = parse_instant("2024-02-12")
FIRST = Partition.of("2024-02-13")
"""The first day on which the champion reigns."""
ACTIVE = 4
SCORE, SHAPED, EMPTY = "toy_score", "empty_with_assets", "empty"
SECONDS = 900
CHANGES = {
    "end: 2024-02-29": "end: 2025-01-31",
    'schedule: "0 0 * * 1"': 'schedule: "0 0 12 2 *"',
}
"""One training a year, so that one champion scores them all."""
EMPTY_DAG = """
from datetime import datetime, timezone

from airflow.sdk import DAG, Asset, BaseOperator, CronDataIntervalTimetable

FIRST = datetime(2024, 2, 13, tzinfo=timezone.utc)


class EmptyTask(BaseOperator):
    def execute(self, context):
        return None


class EmptyTaskWithAssets(BaseOperator):
    def execute(self, context):
        reference = {"run": "score/toy/2024-02-13/0123456789abcdef", "rows": 24, "changed": True}
        context["outlet_events"][self.outlets[0]].extra = reference
        return reference


def days():
    return CronDataIntervalTimetable("0 0 * * *", timezone="UTC")


with DAG("empty", schedule=days(), start_date=FIRST, catchup=False, max_active_runs=4):
    EmptyTask(task_id="nothing")

with DAG("empty_with_assets", schedule=days(), start_date=FIRST, catchup=False, max_active_runs=4):
    EmptyTaskWithAssets(
        task_id="nothing",
        inlets=[Asset(f"empty_{number}") for number in range(4)],
        outlets=[Asset("emptied")],
    )
"""


def main(folder: Path, days: int, runs: int) -> None:
    """Take the samples, one warm-up of each side and then pairs."""
    ground = prepared(folder / "ground", days=days * (runs + 1))
    shutil.rmtree(folder / "run", ignore_errors=True)
    home = open_home(Path(shutil.copytree(ground.folder, folder / "run")), fresh=False)
    with running(home) as stack:
        samples: dict[str, list[Sample]] = {SCORE: [], SHAPED: [], EMPTY: []}
        for number in range(runs + 1):
            first = FIRST.start + timedelta(days=number * days)
            for dag in samples:
                sample = backfill(stack, dag, first=Partition.at(first), days=days)
                if number:
                    samples[dag].append(sample)
    facts = {"partitions": days, "active runs": ACTIVE}
    print(json.dumps({"samples": write_samples(samples), "facts": facts}))


def prepared(folder: Path, *, days: int) -> Home:
    """A home with a champion, and the days to score."""
    if (folder / "kept").is_file():
        return open_home(folder, fresh=False)
    home = open_home(folder)
    config = home.usecase.folder / "usecase.yaml"
    text = config.read_text()
    for old, new in CHANGES.items():
        text = text.replace(old, new)
    config.write_text(text)
    last = Partition.at(FIRST.start + timedelta(days=days - 1)).key
    for dataset in home.usecase.config.datasets:
        home.ingest(dataset, last=last)
    assert home.decide(home.train(AS_OF).run).entry.event == "promoted"
    (folder / "kept").touch()
    return home


@contextmanager
def running(home: Home) -> Iterator[RunningStack]:
    """The stack over the shipped DAGs and the empty one."""
    dags = home.folder / "dags"
    shutil.rmtree(dags, ignore_errors=True)
    shutil.copytree(ROOT / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    (dags / "empty.py").write_text(EMPTY_DAG)
    environ = {name: text for name, text in home.environ.items() if name.startswith("LAUREL_")}
    environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(dags)
    with running_stack(home.folder / "home", environ) as stack:
        for dag in (SCORE, SHAPED, EMPTY):
            stack.switch_on(dag)
        yield stack


def backfill(stack: RunningStack, dag: str, *, first: Partition, days: int) -> Sample:
    """The wall clock, per partition, of a backfill from its creation to its last task's end."""
    last = first.start + timedelta(days=days - 1)
    began, cpu = time.time(), cpu_seconds(stack)
    made = stack.api.create_backfill(dag, first.start, last, max_active_runs=ACTIVE)
    assert made is not None
    while not all_ended(ended := stack.api.backfill_runs(made)):
        assert time.time() - began < SECONDS
        time.sleep(0.5)
    used = cpu_seconds(stack) - cpu
    assert {run.state for run in ended} == {"success"}, ended
    ends = [end_of(stack, run) for run in ended]
    close(stack, dag)
    return Sample(seconds=(max(ends) - began) / days, cpu_seconds=used / days)


def all_ended(runs: list[Run]) -> bool:
    return bool(runs) and all(run.state in FINISHED for run in runs)


def end_of(stack: RunningStack, run: Run) -> float:
    told = stack.api.get(f"/dags/{run.dag_id}/dagRuns/{run.run_id}")
    return parse_instant(told["end_date"]).timestamp()


def close(stack: RunningStack, dag: str) -> None:
    """Airflow closes a backfill twice a minute, and refuses another one until then."""
    for row in stack.api.pages("/backfills", "backfills", dag_id=dag):
        if row["completed_at"] is None:
            with suppress(LaurelError):
                stack.api.request("PUT", f"/backfills/{row['id']}/cancel")


def cpu_seconds(stack: RunningStack) -> float:
    """What every process of the stack has used, and those that it has waited for."""
    home, total = str(stack.settings.home), 0.0
    for process in psutil.process_iter():
        try:
            if process.environ().get("LAUREL_HOME") == home:
                total += sum(process.cpu_times()[:4])
        except psutil.Error:
            continue
    return total


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
