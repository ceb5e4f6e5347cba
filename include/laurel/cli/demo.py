"""``laurel demo``: the whole loop on real flights, then a summary a person can read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from laurel.local import stack
from laurel.local.demo import STEPS, USECASE, Step, run_demo
from laurel.settings import load_settings


def demo() -> None:
    """Take the flights use case from nothing to a champion, predictions and reports."""
    console = Console()
    began = time.monotonic()
    with console.status("starting the stack") as spinner:
        found = stack.up(load_settings(), progress=spinner.update)
    console.print(f"Airflow is up at {found.url}", highlight=False)
    started = _take_steps(console, found)
    _summarise(console)
    console.print(
        Panel(
            f"UI      {found.url}\nlogin   {found.user} / {found.password}\n"
            f"page    {found.url}/plugin/laurel\n\n"
            f"next    laurel champion {USECASE}\n"
            f"        laurel reproduce {_champion_version()}\n"
            f"        open {USECASE}_score in the UI and create a backfill\n"
            "        make down, when you are done",
            title="Look around",
            expand=False,
        ),
        highlight=False,
    )
    seconds = time.monotonic() - began
    if started:
        console.print(f"{started} runs, all succeeded, in {seconds:.0f} s.", highlight=False)
    else:
        console.print(
            f"Everything was there already: nothing was changed ({seconds:.0f} s).",
            highlight=False,
        )


def _take_steps(console: Console, found: stack.Stack) -> int:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[states]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bars = {
            step: progress.add_task(step.title, total=step.count, start=False, states="")
            for step in STEPS
        }

        def watch(step: Step) -> Callable[[Mapping[str, int]], None]:
            progress.start_task(bars[step])

            def tell(counts: Mapping[str, int]) -> None:
                states = ", ".join(f"{n} {state}" for state, n in sorted(counts.items()))
                done = counts.get("success", 0)
                progress.update(bars[step], completed=done, states=states)
                if not console.is_terminal:
                    console.print(f"{step.title}: {states}", highlight=False)

            return tell

        started = 0
        for done in run_demo(found.api(), watch):
            progress.stop_task(bars[done.step])
            started += done.started
    return started


def _summarise(console: Console) -> None:
    from laurel.runs.site import open_site
    from laurel.runs.summary import summarise
    from laurel.usecase import get_usecase

    site = open_site()
    told = summarise(site.store, get_usecase(USECASE, site.settings))
    data = Table("dataset", "partitions", "first", "last", "rows", title="Published")
    for line in told.data:
        data.add_row(line.name, str(line.partitions), line.first, line.last, f"{line.rows:,}")
    console.print(data)
    console.print(f"Challengers trained: {len(told.decisions)}", highlight=False)
    for decision in told.decisions:
        title = f"{decision.as_of[:10]}  {decision.event}  {decision.model_version}"
        console.print(f"[bold]{title}[/bold]", highlight=False)
        for reason in decision.reasons:
            console.print(Padding(f"- {reason}", (0, 0, 0, 2)), highlight=False)
    if told.champion:
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in told.metrics.items())
        console.print(f"The reigning champion is [bold]{told.champion.model_version}[/bold]")
        console.print(f"  on its hold-out: {metrics}", highlight=False)
    console.print(f"Rows scored: {told.scored:,}", highlight=False)
    for report in told.reports[:1]:
        console.print(f"Newest report, of {report.partition}: {report.sentence}", highlight=False)
        console.print(f"  {site.store.url}/{report.page}", highlight=False, soft_wrap=True)


def _champion_version() -> str:
    from laurel.adapters.records import Ledger
    from laurel.adapters.store import open_store

    entry = Ledger(open_store(load_settings()), USECASE).read().champion
    return (entry.model_version if entry else None) or "RUN"
