"""``laurel alarms``: what is open and how believable it is; learned bounds; acknowledgements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from laurel.domain.partition import Partition
    from laurel.runs.site import Site
    from laurel.usecase import UseCase

app = typer.Typer(
    name="alarms", help="Alarms of the nightly reports: open ones, their bounds, their people."
)

Name = Annotated[str, typer.Argument(metavar="USECASE", help="Name of the use case.")]
Check = Annotated[str, typer.Argument(help="The check, as in the list: drift/hour.")]
By = Annotated[str, typer.Option(help="The person who answers for it.")]


@app.command("list")
def list_(usecase: Name) -> None:
    """List the alarms of the newest report: suspected, confirmed, acknowledged."""
    from laurel.runs.acknowledge import newest_report

    found = newest_report(*_open(usecase))
    alarms = found.document["alarms"]
    if not alarms:
        typer.echo(f"{usecase} has no alarm on {found.partition}, the newest night")
        return
    table = Table("check", "state", "severity", "since", "found", "bound", "acknowledged")
    table.columns[0].no_wrap = True  # it is what other commands ask for
    for alarm in alarms:
        table.add_row(
            alarm["check"],
            alarm.get("state", "confirmed"),
            alarm["severity"],
            alarm.get("since") or found.partition,
            alarm["found"],
            alarm["bound"],
            alarm.get("silenced") or "",
        )
    typer.echo(f"alarms of {found.partition}, the newest night:")
    Console().print(table)


@app.command()
def show(usecase: Name, check: Check) -> None:
    """Say what is known of one check: its alarm, its bound and how it was learned, its history."""
    from laurel.adapters.records.alarms import AlarmJournal
    from laurel.runs.acknowledge import newest_report

    site, case = _open(usecase)
    found = newest_report(site, case)
    alarm = next((each for each in found.document["alarms"] if each["check"] == check), None)
    if alarm is None:
        typer.echo(f"{check}: no alarm on {found.partition}, the newest night")
    else:
        typer.echo(f"{check}: {alarm.get('state', 'confirmed')} {alarm['severity']}")
        typer.echo(f"  {alarm['reason']}")
        typer.echo(f"  found {alarm['found']}; bound {alarm['bound']}")
        if alarm.get("silenced"):
            typer.echo(f"  {alarm['silenced']}")
    log = AlarmJournal(site.store, usecase).read()
    entry = log.calibration(found.partition)
    if entry is None or entry.calibration is None:
        typer.echo("  not calibrated: how often quiet nights exceed the bound is not known")
    else:
        learned = AlarmJournal(site.store, usecase).calibration(entry.calibration)
        known = learned.checks.get(check)
        said = known.sentence() if known else "this check was not learned"
        typer.echo(f"  learned from {learned.first} to {learned.last}: {said}")
    for each in log.history:
        if each.check == check or any(text.startswith(f"{check} ") for text in each.changes):
            typer.echo(f"  {_told(each)}")


@app.command()
def acknowledge(
    usecase: Name,
    check: Check,
    by: By,
    reason: Annotated[str, typer.Option(help="Why it need not disturb anybody.")],
    until: Annotated[
        str | None, typer.Option(help="The last night, YYYY-MM-DD; until it clears if not.")
    ] = None,
) -> None:
    """Silence an alarm from the next night on, in the name of a person."""
    from laurel.runs.acknowledge import acknowledge as run

    site, case = _open(usecase)
    end = _day(until) if until else None
    typer.echo(run(site, case, check=check, by=by, reason=reason, until=end).sentence())


@app.command()
def calibrate(
    usecase: Name,
    first: Annotated[str, typer.Option("--from", help="The first quiet night, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="The last one, included.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why these nights are known to be quiet.")],
    without: Annotated[
        list[str] | None, typer.Option(help="A night of the range that was not quiet.")
    ] = None,
    holds_from: Annotated[
        str | None, typer.Option(help="The first night it holds for; the one after --to if not.")
    ] = None,
) -> None:
    """Learn bounds from quiet nights, from their counts: no row is read again."""
    from laurel.runs.calibrate import calibrate as run

    site, case = _open(usecase)
    made = run(
        site,
        case,
        first=_day(first),
        last=_day(last),
        by=by,
        reason=reason,
        without=[_day(day) for day in without or ()],
        holds_from=_day(holds_from) if holds_from else None,
    )
    typer.echo(made.sentence())
    table = Table("check", "bound", "quiet nights over it", "at most", "shifts are confirmed")
    table.columns[0].no_wrap = True
    for name, learned in sorted(made.calibration.checks.items()):
        table.add_row(
            name,
            f"{learned.factor:.3g}" + ("" if name.startswith("performance/") else " × usual"),
            f"{learned.flagged} of {learned.nights}",
            f"{learned.at_most:.1%}",
            ", ".join(each.brief() for each in learned.delays),
        )
    Console().print(table)


def _told(entry: Any) -> str:
    at = entry.partition or entry.first
    if entry.event == "acknowledged":
        until = f"until {entry.until}" if entry.until else "until it clears"
        return f"from {at}: acknowledged by {entry.by} {until}: {entry.reason}"
    if entry.event == "told":
        return f"{at}: {entry.state} told to {entry.channel}"
    return f"{at}: {', '.join(entry.changes)}"


def _day(text: str) -> Partition:
    from laurel.domain.partition import Partition

    return Partition.of(text)


def _open(name: str) -> tuple[Site, UseCase]:
    from laurel.runs.site import open_site
    from laurel.usecase import get_usecase

    site = open_site()
    return site, get_usecase(name, site.settings)
