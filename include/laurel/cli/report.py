"""``laurel report``: the index of all nights, the summary of a week, and a night's metrics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from laurel.runs.site import Site
    from laurel.usecase import UseCase

app = typer.Typer(name="report", help="Pages over many nights, and a night's metrics.")

Name = Annotated[str, typer.Argument(metavar="USECASE", help="Name of the use case.")]
Out = Annotated[Path | None, typer.Option(help="The HTML file to write.")]


@app.command()
def nights(usecase: Name, out: Out = None) -> None:
    """Write the index of all nights; without --out, list them."""
    from laurel.pages.nights import render_nights
    from laurel.runs.week import all_nights

    site, case = _look(usecase)
    found = all_nights(site.store, case)
    if out is not None:
        out.write_text(render_nights(found, address=_address(site)))
        typer.echo(f"wrote {len(found.lines)} nights into {out}")
        return
    for line in found.lines:
        told = f"{line.alarms} confirmed, {line.suspected} suspected"
        typer.echo(f"{line.partition}  {line.standing:<9} {told}  {line.model_version or ''}")


@app.command()
def week(
    usecase: Name,
    date: Annotated[str, typer.Argument(help="A day of the week, YYYY-MM-DD.")],
    out: Out = None,
) -> None:
    """Say what a week brought; with --out, as a page."""
    from laurel.domain.partition import Partition
    from laurel.pages.nights import render_week
    from laurel.runs.week import find_week

    site, case = _look(usecase)
    found = find_week(site.store, case, Partition.of(date))
    typer.echo(f"{usecase} {found.first} to {found.last}: {found.sentence}")
    for turn in found.turns:
        typer.echo(f"  {turn.partition} {turn.what}: {turn.reason}")
    if out is not None:
        out.write_text(render_week(found, address=_address(site)))
        typer.echo(f"wrote {out}")


@app.command()
def metrics(
    usecase: Name,
    date: Annotated[str | None, typer.Argument(help="The night; the newest if left out.")] = None,
) -> None:
    """Print a night's report as OpenMetrics text, for a collector that reads files."""
    from laurel.adapters.openmetrics import exposition
    from laurel.domain.report_metrics import gauges
    from laurel.errors import NotFound
    from laurel.runs.reports import list_reports

    site, _ = _look(usecase)
    found = list_reports(site.store, usecase, {date} if date else None)
    if not found:
        raise NotFound(
            "there is no such report",
            usecase=usecase,
            partition=date,
            hint=f"run {usecase}_monitor",
        )
    typer.echo(exposition(gauges(found[-1].document)).decode(), nl=False)


def _address(site: Site) -> Callable[[str], str]:
    """Pages of a local store are found in it; those of another one by their key."""
    store = site.store.url
    return lambda key: f"{store}/{key}" if store.startswith("file://") else key


def _look(name: str) -> tuple[Site, UseCase]:
    from laurel.runs.site import look_at_site
    from laurel.usecase import get_usecase

    site = look_at_site()
    return site, get_usecase(name, site.settings)
