"""``laurel shadow``: challengers beside the champion."""

from __future__ import annotations

from typing import Annotated

import typer

from laurel.cli.opened import open_case

app = typer.Typer(name="shadow", help="Challengers that score beside the champion.")
Name = Annotated[str, typer.Argument(help="Name of the use case.")]


@app.command("list")
def list_challengers(
    usecase: Name,
    partition: Annotated[
        str | None, typer.Option(help="The day that is scored; the day after the newest one.")
    ] = None,
) -> None:
    """List who scores a partition in shadow or answers a share of its keys, by the ledger."""
    from laurel.domain.config import PREDICTIONS
    from laurel.domain.history import cutoff_of
    from laurel.domain.partition import Partition
    from laurel.runs.shadow_view import challengers_at
    from laurel.runs.site import look_at_site
    from laurel.usecase import get_usecase

    site = look_at_site()
    case = get_usecase(usecase, site.settings)
    scored = max(site.catalog(case, PREDICTIONS).read().revisions, default=None)
    following = Partition.of(scored).shifted(1) if scored else Partition(case.config.start)
    day = Partition.of(partition) if partition else following
    seen = challengers_at(site, case, cutoff_of(day, case.config))
    typer.echo(f"{day}: {len(seen) or 'no'} challenger(s) beside the champion")
    for each in seen:
        typer.echo(f"  {each.sentence()}")


@app.command("compare")
def compare(
    usecase: Name,
    model_version: Annotated[str, typer.Argument(help="The challenger.")],
    known_by: Annotated[str, typer.Option(help="By what was known at this moment.")] = "9999-12-31",
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
) -> None:
    """Compare a challenger with who served, on the partitions that it scored in shadow."""
    from rich.console import Console
    from rich.table import Table

    from laurel.cli.moment import moment
    from laurel.domain.canonical import UNDEFINED, canonical_json
    from laurel.runs.shadow_view import compare_shadow
    from laurel.runs.site import look_at_site
    from laurel.usecase import get_usecase

    site = look_at_site()
    case = get_usecase(usecase, site.settings)
    found = compare_shadow(site, case, model_version, known_by=moment(known_by))
    if as_json:
        typer.echo(canonical_json(found.document()).decode())
        return

    def shown(value: float) -> str:
        return UNDEFINED if value != value else f"{value:.4g}"

    both = found.alike
    typer.echo(
        f"{found.model_version}: {found.partitions} partition(s), {found.first} to {found.last}, "
        f"{both.rows:,} rows scored by both, {found.labelled:,} with a label"
    )
    typer.echo(
        f"decided otherwise {shown(both.changed)}, rank correlation "
        f"{shown(both.rank_correlation)}, distance of the scores {shown(both.distance)}"
    )
    table = Table("metric", "challenger", "champion", "gain", "low", "high")
    for name, (ours, theirs) in found.metrics.items():
        gain = found.gains[name]
        figures = (ours, theirs, gain.value, gain.low, gain.high)
        table.add_row(name, *map(shown, figures))
    if found.metrics:
        Console().print(table)


@app.command("conclude")
def conclude(
    usecase: Name,
    at: Annotated[
        str | None,
        typer.Option(help="End those that are over by then; by the end of the newest scored day."),
    ] = None,
) -> None:
    """End the probations that are over: judge what was shown, and write it into the ledger.

    Scoring and training do it by themselves as soon as they need to know.
    """
    from laurel.cli.moment import moment
    from laurel.domain.canonical import instant
    from laurel.domain.config import PREDICTIONS
    from laurel.domain.partition import Partition
    from laurel.runs.probation import conclude_due

    site, case = open_case(usecase)
    scored = site.catalog(case, PREDICTIONS).read().revisions
    newest = Partition.of(max(scored)).end if scored else case.config.first_instant
    ended = conclude_due(site, case, t=moment(at) if at else newest)
    for ruling in ended:
        entry = ruling.entry
        typer.echo(
            f"{entry.model_version} is {entry.event}, effective from "
            f"{instant(entry.effective_from)}: {entry.reasons[0]}"
        )
    if not ended:
        typer.echo(f"no probation of {usecase} is over")
