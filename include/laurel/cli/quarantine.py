"""``laurel quarantine``: what was refused, and why; shown, and released by a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from laurel.adapters.quarantine import Held
    from laurel.runs.site import Site
    from laurel.usecase import UseCase

app = typer.Typer(name="quarantine", help="Rows that were refused, untouched, with the reasons.")

Name = Annotated[str, typer.Argument(help="Name of the use case.")]
Id = Annotated[str, typer.Argument(help="The id in the list, or its beginning.")]
SHORT = 12
"""Characters of an id in the list."""


@app.command("list")
def list_(
    usecase: Name,
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is released, superseded or split off.")
    ] = False,
) -> None:
    """List what waits in quarantine."""
    from laurel.domain.canonical import instant
    from laurel.runs.release import states

    site, found = _open(usecase)
    every = states(site, found, dataset)
    shown = [(held, state) for held, state in every if everything or state == "held"]
    if not shown:
        rest = f"; {len(every)} other(s) are listed with --all" if every else ""
        typer.echo(f"nothing of {usecase} waits in quarantine{rest}")
        return
    table = Table("id", "dataset", "partition", "since", "rows", "state", "first reason")
    for held, state in shown:
        first = held.reasons[0].splitlines()[0] if held.reasons else ""
        since = instant(held.since)
        row = (held.dataset, held.partition, since, f"{held.rows:,}", state, first)
        table.add_row(held.id[:SHORT], *row)
    Console().print(table)


@app.command()
def show(
    usecase: Name,
    id: Id,
    rows: Annotated[int, typer.Option(min=0, help="Rows to show at most.")] = 5,
    out: Annotated[
        Path | None, typer.Option(help="Write the files of the rows into this folder.")
    ] = None,
) -> None:
    """Say why something is held, where its files are, and show some of its rows."""
    from laurel.adapters.quarantine import find_held
    from laurel.runs.release import states

    site, found = _open(usecase)
    held = find_held(site.store, usecase, id)
    state = next(state for each, state in states(site, found, held.dataset) if each.id == held.id)
    typer.echo(f"{held.dataset} {held.partition}: {held.rows:,} rows, {state}\n  id {held.id}")
    for reason in held.reasons:
        typer.echo("  - " + "\n    ".join(reason.splitlines()))
    for name, ref in held.files.items():
        typer.echo(f"  {name}: {ref.size:,} bytes, md5 {ref.md5}")
    if out is not None:
        for name, ref in held.files.items():
            site.plane.get(ref, out / name)
            typer.echo(f"  wrote {out / name}")
    if rows:
        _sample(site, held, rows)


@app.command()
def release(
    usecase: Name,
    id: Id,
    by: Annotated[str, typer.Option(help="The person who answers for it.")],
    reason: Annotated[str, typer.Option(help="Why the rows may be used all the same.")],
    restate: Annotated[
        bool, typer.Option(help="Even where the partition has been published since.")
    ] = False,
) -> None:
    """Publish a held partition as it is, in the name of a person."""
    from laurel.runs.release import release as run

    site, found = _open(usecase)
    typer.echo(run(site, found, id, by=by, reason=reason, restate=restate).sentence())


def _open(name: str) -> tuple[Site, UseCase]:
    from laurel.runs.site import open_site
    from laurel.usecase import get_usecase

    site = open_site()
    return site, get_usecase(name, site.settings)


def _sample(site: Site, held: Held, rows: int) -> None:
    """Print the first rows of a table, or of the lines that are none."""
    from laurel.adapters.quarantine import ROWS
    from laurel.adapters.tables import iter_table

    with site.workspace() as folder:
        for name, ref in held.files.items():
            site.plane.get(ref, folder / name)
            if name == ROWS:
                part = next(iter_table(folder / name, rows=rows), None)
                typer.echo("no rows" if part is None else part.to_string(max_cols=8))
            else:
                with (folder / name).open(encoding="utf-8", errors="replace") as lines:
                    for _, line in zip(range(rows), lines, strict=False):
                        typer.echo(line.rstrip("\n"))
