"""The demo: the flights use case from nothing to a champion, through Airflow's own scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from laurel.local.api import ApiClient
from laurel.local.runs import Run

USECASE = "flights"
HISTORY = (date(2013, 1, 2), date(2013, 9, 29))
"""The days that one run of ingest loads."""
DAILY = (date(2013, 9, 30), date(2013, 10, 3))
"""The days that a backfill of ingest loads, one run a day."""
TRAININGS = (date(2013, 9, 2), date(2013, 9, 23))
"""The Mondays at which the training intervals begin; as_of is a week later."""
SCORINGS = (date(2013, 9, 24), date(2013, 10, 3))
"""Scoring waits for every decision due, so these days end before the next training's is."""
NIGHTS = (date(2013, 9, 29), date(2013, 10, 3))
SECONDS = 1200
"""How long a step may take before the demo gives up."""

Watch = Callable[[Mapping[str, int]], None]


@dataclass(frozen=True)
class Step:
    """One step of the demo: a run by hand, or a backfill."""

    kind: str
    title: str
    first: date
    last: date
    every: timedelta = timedelta(days=1)
    parallel: int = 2
    whole: bool = False
    """One run over the range instead of one for each interval."""

    @property
    def dag_id(self) -> str:
        return f"{USECASE}_{self.kind}"

    @property
    def count(self) -> int:
        """How many runs it makes."""
        return 1 if self.whole else (self.last - self.first) // self.every + 1

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        return datetime.combine(self.last, time(), UTC)


STEPS = (
    Step("ingest", "Load the history, in one run", *HISTORY, whole=True),
    Step("ingest", "Ingest day by day", *DAILY),
    Step("train", "Train a challenger a week", *TRAININGS, every=timedelta(days=7), parallel=1),
    Step("score", "Score day by day", *SCORINGS, parallel=3),
    Step("monitor", "Report night by night", *NIGHTS, parallel=3),
)


@dataclass(frozen=True)
class Done:
    """A step that is done: how many runs it needed now, none if they were there."""

    step: Step
    started: int


def run_demo(api: ApiClient, watch: Callable[[Step], Watch]) -> Iterator[Done]:
    """Take every step that is not done yet; yields each when its runs have succeeded.

    Raises :class:`laurel.errors.LaurelError` with the failing task's last lines.
    """
    for step in STEPS:
        api.unpause(step.dag_id)
        runner = _load if step.whole else _backfill
        yield Done(step, runner(api, step, watch(step)))


def _load(api: ApiClient, step: Step, watch: Watch) -> int:
    """Trigger the run over the range, unless it has succeeded or is under way."""
    earlier = [run for run in api.runs(step.dag_id, run_type="manual") if _is_load(run, step)]
    if any(run.state == "success" for run in earlier):
        watch({"success": 1})
        return 0
    going = [run for run in earlier if run.state in ("queued", "running")]
    conf = {"start": step.first.isoformat(), "end": step.last.isoformat()}
    run = going[-1] if going else api.trigger(step.dag_id, conf=conf)
    api.wait_for_runs(lambda: [api.run(run.dag_id, run.run_id)], timeout=SECONDS, watch=watch)
    return 1


def _is_load(run: Run, step: Step) -> bool:
    found = (run.conf.get("start"), run.conf.get("end"))
    return found == (step.first.isoformat(), step.last.isoformat())


def _backfill(api: ApiClient, step: Step, watch: Watch) -> int:
    """Backfill the range; runs that have succeeded are left, failed ones are run again."""
    done = [run for run in _runs(api, step) if run.state == "success"]
    if len(done) == step.count:
        watch({"success": step.count})
        return 0
    backfill = api.create_backfill(
        step.dag_id, step.start, step.end, max_active_runs=step.parallel, reprocess="failed"
    )
    if backfill is None:
        api.wait_for_runs(lambda: _runs(api, step), timeout=SECONDS, watch=watch)
    else:
        api.wait_for_backfill(backfill, timeout=SECONDS, watch=watch)
    return step.count - len(done)


def _runs(api: ApiClient, step: Step) -> list[Run]:
    return api.runs(
        step.dag_id,
        run_type="backfill",
        logical_date_gte=step.start.isoformat(),
        logical_date_lte=step.end.isoformat(),
    )
