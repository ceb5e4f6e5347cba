"""``laurel up``, ``down``, ``status`` and ``logs``: the embedded stack on this machine."""

from __future__ import annotations

from collections import deque
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from laurel.adapters.store import open_store, probe
from laurel.errors import NotFound
from laurel.local import stack
from laurel.local.launch import PARTS
from laurel.local.layout import layout
from laurel.local.supervision import LOG
from laurel.settings import Settings, load_settings

SUPERVISOR = "supervisor"


def up() -> None:
    """Start PostgreSQL and Airflow on this machine; does nothing if they are up."""
    console = Console()
    with console.status("starting") as spinner:

        def tell(text: str) -> None:
            # A terminal sees one moving line, a log file sees each step.
            spinner.update(text)
            if not console.is_terminal:
                console.print(text, highlight=False)

        settings = load_settings()
        probe(open_store(settings))
        found = stack.up(settings, progress=tell)
    if found.created:
        console.print(f"Laurel's stack is up after {found.seconds:.0f} s.", highlight=False)
    else:
        console.print("Laurel's stack is already up: nothing was changed.", highlight=False)
    _print_address(console, found)
    for file, error in found.import_errors.items():
        console.print(f"[red]not imported[/red] {file}: {error}", highlight=False)


def down() -> None:
    """Stop everything that `laurel up` started; the data stays."""
    console = Console()
    with console.status("stopping") as spinner:
        stopped = stack.down(load_settings(), progress=spinner.update)
    console.print(
        f"Laurel's stack is down: {stopped} processes stopped."
        if stopped
        else "Laurel's stack was not up.",
        highlight=False,
    )


def status() -> None:
    """Say what runs; the exit code is 0 only if everything does."""
    console = Console()
    found = stack.status(load_settings())
    if not found.parts:
        left = f", but {len(found.leftovers)} of its processes are left" if found.leftovers else ""
        console.print(f"Laurel's stack is not up{left}.", highlight=False)
        raise typer.Exit(1)
    table = Table(box=None, pad_edge=False)
    for column in ("part", "state", "process", "health"):
        table.add_column(column)
    for part in found.parts:
        health = found.health.get(part.name.replace("-", "_"), "")
        table.add_row(part.name, part.state.lower(), str(part.pid or ""), health)
    console.print(table)
    user, password = stack.login(load_settings())
    console.print(f"{found.url}  user {user}  password {password}", highlight=False)
    if not found.up:
        raise typer.Exit(1)


def logs(
    part: Annotated[str, typer.Argument(help=f"{SUPERVISOR}, {', '.join(PARTS)}")] = SUPERVISOR,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many.")] = 40,
) -> None:
    """Print the last lines of a part's log, and where the file is."""
    console = Console()
    for line in _tail(load_settings(), part, lines):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _tail(settings: Settings, part: str, lines: int) -> list[str]:
    folder = layout(settings).logs
    file = folder / (LOG if part == SUPERVISOR else f"{part}.log")
    if part not in (SUPERVISOR, *PARTS) or not file.exists():
        raise NotFound(
            "there is no such log",
            found=part,
            expected=", ".join((SUPERVISOR, *PARTS)),
            detail=str(folder),
        )
    with file.open(errors="replace") as stream:
        return [*(line.rstrip("\n") for line in deque(stream, lines)), f"({file})"]


def _print_address(console: Console, found: stack.Stack) -> None:
    console.print(f"  UI        {found.url}", highlight=False)
    console.print(f"  login     {found.user} / {found.password}", highlight=False, markup=False)
    console.print(f"  logs      {layout(found.settings).logs}", highlight=False, soft_wrap=True)
