"""How far a training is: a bar on a terminal, the lines of the stages anywhere else."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column

if TYPE_CHECKING:
    from laurel.domain.search import Progress

Told = Callable[["Progress"], object]


STAGES = "laurel.adapters.dvc.workspace"
"""The logger that gets what stages print."""
_TRIAL = re.compile(r"trial (\d+) of (\d+), (.*)")


@contextmanager
def trials_shown(console: Console | None = None) -> Iterator[Told]:
    """What a search tells its trials, as long as it runs."""
    console = console or Console()
    if not console.is_terminal:
        yield lambda progress: typer.echo(progress.sentence())
        return
    with _bar(console) as show:
        show("trial 1 is under way")
        yield lambda progress: show(progress.sentence())


@contextmanager
def stages_shown(console: Console | None = None) -> Iterator[None]:
    """On a terminal, show the last line that the stages of a training printed."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    logger = logging.getLogger(STAGES)
    before = logger.level
    with _bar(console) as show:
        handler = _Handler(show)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before)


class _Handler(logging.Handler):
    """Hands each line to a bar."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(record.getMessage())


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[str], None]]:
    """A bar that is gone when its work is: it counts trials where a line is one of a trial."""
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[count]}"),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, count="")

        def show(line: str) -> None:
            trial = _TRIAL.fullmatch(line)
            if trial is None:
                bar.reset(task, total=None, description=line, count="")
            else:
                done, total = int(trial[1]), int(trial[2])
                count = f"{done}/{total}"
                bar.update(task, completed=done, total=total, description=trial[3], count=count)

        yield show
