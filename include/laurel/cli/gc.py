"""``laurel gc``: drop what no record names; nothing at all without ``--yes``."""

from __future__ import annotations

import getpass
import socket
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from laurel.domain.retention import Sweep

SHOWN = 5
"""Leftovers shown of each kind."""


def gc(
    keep_days: Annotated[
        int, typer.Option(min=2, help="Keep what is younger, whoever names it.")
    ] = 7,
    yes: Annotated[bool, typer.Option("--yes", help="Drop it; only said without this.")] = False,
    by: Annotated[str | None, typer.Option(help="Who drops; you on this host if left out.")] = None,
) -> None:
    """Say, or with --yes drop, what nothing names: objects, run cache, workspaces of killed runs.

    Never touches what a catalog, a bundle, a quarantine or any other record names, nor a record.
    """
    from laurel.cli.audit import watching
    from laurel.runs.gc import collect_garbage, plan_gc
    from laurel.runs.site import open_site

    site = open_site()
    with watching() as watch:
        sweep = plan_gc(site, keep_days=keep_days, watch=watch)
    _say(sweep, keep_days=keep_days)
    if not sweep.leftovers:
        return
    if not yes:
        typer.echo("nothing was dropped; to drop it: laurel gc --yes")
        return
    who = by or f"{getpass.getuser()}@{socket.gethostname()}"
    done = collect_garbage(site, sweep, by=who)
    dropped = done.sweep.leftovers
    size = sum(item.size for item in dropped)
    typer.echo(f"dropped {len(dropped):,} of these, {size:,} bytes; recorded as {done.record}")


def _say(sweep: Sweep, *, keep_days: int) -> None:
    typer.echo(
        f"{sweep.named:,} objects are named by records; {sweep.young:,} are not, and are younger "
        f"than {keep_days} days: all of them stay"
    )
    if not sweep.leftovers:
        typer.echo("nothing is left over")
        return
    table = Table("left over", "number", "bytes", "for example")
    for kind, (number, size) in sweep.counts().items():
        keys = [item.key for item in sweep.leftovers if item.kind == kind]
        table.add_row(kind, f"{number:,}", f"{size:,}", "\n".join(keys[:SHOWN]))
    Console().print(table)
