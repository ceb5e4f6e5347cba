"""How far a search is: a bar on a terminal, a line for each trial anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from laurel.domain.search import Progress

Told = Callable[["Progress"], object]


@contextmanager
def trials_shown() -> Iterator[Told]:
    """What a search tells its trials, as long as it runs."""
    if not sys.stdout.isatty():
        yield lambda progress: typer.echo(progress.sentence())
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("trials"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(),
    )
    with Bar(*columns, transient=True) as bar:
        task = bar.add_task("the first trial is under way", total=None)

        def tell(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.trial.number,
                total=progress.trials,
                description=progress.standing(),
            )

        yield tell
