"""``laurel audit``: is everything that the records name there, and does it prove what they say?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from laurel.domain.damage import Damage, StoreAudit

SHOWN, WORDS = 10, 4
"""Damages shown, and lines of what each touches; all of it is in the JSON file."""

app = typer.Typer(name="audit", help="Check what is stored against the records.")


@app.command("store")
def store(
    usecase: Annotated[str | None, typer.Option(help="Only this use case.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only this dataset of it.")] = None,
    hashed: Annotated[
        bool, typer.Option("--hash", help="Read every object and compare its md5.")
    ] = False,
    sample: Annotated[
        float, typer.Option(min=0, max=1, help="Read a share of the objects, drawn by chance.")
    ] = 0,
    repair: Annotated[
        bool, typer.Option("--repair", help="Push what is damaged again from this cache.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Reads at the same time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
) -> None:
    """Check every object that a record names: there, of the right size, and read with --hash.

    Checks the journals, ledgers and bundles too. Ends with exit code 1 when anything is wrong.
    """
    from laurel.errors import Refused
    from laurel.runs.audit import audit_store, keep_audit
    from laurel.runs.site import open_site

    if dataset and not usecase:
        raise Refused("a dataset has its name within a use case", hint="say --usecase NAME too")
    site = open_site()
    with watching() as watch:
        found = audit_store(
            site,
            usecase=usecase,
            dataset=dataset,
            hashed=1 if hashed else sample,
            repair=repair,
            jobs=jobs,
            watch=watch,
        )
    kept = keep_audit(found, site.settings.home)
    if as_json:
        typer.echo(kept.read_text(), nl=False)
    else:
        _say(found, str(kept), repair=repair)
    if found.wrong:
        raise typer.Exit(1)


@contextmanager
def watching() -> Iterator[Callable[[str, int, int], None]]:
    """A bar of progress on the terminal, gone when it is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("reading the records", total=None)
        yield lambda doing, done, of: bar.update(task, description=doing, completed=done, total=of)


def _say(found: StoreAudit, kept: str, *, repair: bool) -> None:
    typer.echo(f"{found.url}: {found.sentence()}")
    names = ("catalogs", "ledgers", "bundles", "objects", "hashed", "stored")
    typer.echo(", ".join(f"{found.counts[name]:,} {name}" for name in names))
    for damage in found.damages[:SHOWN]:
        for line in _lines(damage):
            typer.echo(line)
    if len(found.damages) > SHOWN:
        typer.echo(f"… and {len(found.damages) - SHOWN} more")
    if found.damages:
        typer.echo(f"all of it: {kept}")
    if found.wrong:
        typer.echo(_advice(repair=repair))


def _lines(damage: Damage) -> Iterator[str]:
    head = "repaired" if damage.repaired else damage.fault.upper()
    yield f"{head}  {damage.what}: found {damage.found}, expected {damage.expected}"
    for names in (tuple(by.text() for by in damage.by), damage.affected):
        label = "affects " if names is damage.affected else "named by"
        yield from (f"    {label} {name}" for name in names[:WORDS])
        if len(names) > WORDS:
            yield f"    {label} … {len(names) - WORDS} more"


def _advice(*, repair: bool) -> str:
    if repair:
        return "hint: restore the rest from a copy of the store, or run this where a cache has it"
    return (
        "hint: laurel audit store --repair pushes again what the cache of this machine has whole; "
        "restore the rest from a copy of the store"
    )
