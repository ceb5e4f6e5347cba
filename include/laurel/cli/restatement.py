"""``laurel impact``, ``restate`` and ``predictions``: corrections, and what they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from laurel.domain.impact import Impact
    from laurel.domain.partition import Partition

SHOWN = 40
"""Rows of a table, of each sort; the rest is counted, and all of it is in the JSON."""
SORTS = {
    "training": "training runs",
    "decision": "decisions",
    "predictions": "predictions",
    "report": "reports",
}

REPLACED = {"training": "never decided"}

Name = Annotated[str, typer.Argument(metavar="USECASE", help="Name of the use case.")]
Data = Annotated[str, typer.Argument(metavar="DATASET", help="The corrected dataset.")]
Day = Annotated[str, typer.Argument(metavar="PARTITION", help="The partition, YYYY-MM-DD.")]
End = Annotated[str | None, typer.Option(help="Last partition of a range, included.")]


def impact(
    usecase: Name,
    dataset: Data,
    partition: Day,
    end: End = None,
    revision: Annotated[
        int | None, typer.Option(min=1, help="The revision; those superseded when left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
) -> None:
    """List what used a revision: training runs, decisions, predictions, reports."""
    from laurel.runs.impact import impact as run
    from laurel.runs.site import open_site
    from laurel.usecase import get_usecase

    site = open_site()
    found = run(
        site,
        get_usecase(usecase, site.settings),
        dataset=dataset,
        partitions=_days(partition, end),
        revision=revision,
    )
    if as_json:
        typer.echo(json.dumps(found.document(), indent=2))
        return
    for line in _summary(found):
        typer.echo(line)
    if found.items:
        Console().print(_table(found))
    for line in _next(found, partition, end):
        typer.echo(line)


def restate(
    usecase: Name,
    dataset: Data,
    partition: Day,
    end: End = None,
    known_by: Annotated[
        str | None,
        typer.Option(help="Corrections known by this moment; when the newest became known if not."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many predictions, and reports; the newest."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Recompute what rests on a superseded revision; publish what differs, and change nothing."""
    from laurel.cli.moment import moment
    from laurel.runs.restate import plan_restatement
    from laurel.runs.restate import restate as run
    from laurel.runs.site import open_site
    from laurel.usecase import get_usecase

    site = open_site()
    case = get_usecase(usecase, site.settings)
    plan = plan_restatement(
        site,
        case,
        dataset=dataset,
        partitions=_days(partition, end),
        known_by=moment(known_by) if known_by else None,
        limit=limit,
    )
    typer.echo(plan.sentence())
    if dry_run:
        return
    made = run(site, case, plan=plan)
    typer.echo(made.sentence())
    typer.echo(f"report: {made.page}")


def predictions(
    usecase: Name,
    partition: Day,
    as_of: Annotated[
        str | None, typer.Option(help="As known at this moment; the newest when left out.")
    ] = None,
    as_corrected: Annotated[
        bool, typer.Option("--as-corrected", help="As the last restatement found them.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="A file to write: the very bytes published, as Parquet.")
    ] = None,
) -> None:
    """Print the predictions of a partition as CSV, or write them: as known, or as corrected."""
    from laurel.cli.moment import moment
    from laurel.runs.answers import fetch_predictions
    from laurel.runs.site import open_site
    from laurel.usecase import get_usecase

    site = open_site()
    answer = fetch_predictions(
        site,
        get_usecase(usecase, site.settings),
        partition=_days(partition, None)[0],
        as_of=moment(as_of) if as_of else None,
        as_corrected=as_corrected,
        out=out,
    )
    typer.echo(answer.sentence(), err=True)
    if out is None:
        typer.echo(answer.csv, nl=False)


def place(
    usecase: Name,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 where something differs.")
    ] = False,
) -> None:
    """Make the stable place of predictions again from the catalog: each partition's newest."""
    from laurel.runs.place import check_place, place_predictions
    from laurel.runs.site import look_at_site, open_site
    from laurel.usecase import get_usecase

    site = look_at_site() if check else open_site()
    case = get_usecase(usecase, site.settings)
    found = check_place(site, case) if check else place_predictions(site, case)
    typer.echo(found.sentence(checked=check))
    if check and found.changed:
        raise typer.Exit(1)


def _summary(found: Impact) -> list[str]:
    keys = sorted(found.revisions)
    span = keys[0] if len(keys) == 1 else f"{keys[0]} to {keys[-1]}"
    numbers = sorted({number for asked in found.revisions.values() for number in asked})
    said = ", ".join(map(str, numbers))
    head = f"{found.dataset} {span}, revision{'s' if len(numbers) > 1 else ''} {said}"
    rest = " (superseded)" if found.superseded else ""
    lines = [f"{head}{rest} was used by"]
    for sort, (direct, indirect) in found.counts().items():
        lines.append(f"  {direct + indirect:>7,} {SORTS[sort]:<14} {direct:,} directly")
    return lines


def _table(found: Impact) -> Table:
    table = Table("what", "as of / partition", "name", "run", "use", "through")
    for sort in SORTS:
        items = [item for item in found.items if item.sort == sort]
        for item in items[:SHOWN]:
            table.add_row(
                sort,
                item.at.removesuffix("T00:00:00Z"),
                item.name + ("" if item.stands else f" ({REPLACED.get(sort, 'replaced since')})"),
                item.run,
                "direct" if item.direct else "indirect",
                item.via,
            )
        if len(items) > SHOWN:
            table.add_row(sort, f"and {len(items) - SHOWN:,} more", "", "", "", "")
    return table


def _next(found: Impact, partition: str, end: str | None) -> list[str]:
    if not found.superseded:
        return ["no newer revision is published: there is nothing to restate"]
    if not found.items:
        return ["nothing rests on it: there is nothing to restate"]
    words = f"{found.usecase} {found.dataset} {partition}" + (f" --end {end}" if end else "")
    return [f"next: laurel restate {words} --dry-run"]


def _days(partition: str, end: str | None) -> list[Partition]:
    from laurel.domain.partition import Partition, partitions

    first = Partition.of(partition)
    return list(partitions(first.start, Partition.of(end).end)) if end else [first]
