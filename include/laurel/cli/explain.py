"""``laurel explain``: why one prediction is what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from laurel.domain.explained import Contribution, Explained, Output

Name = Annotated[str, typer.Argument(metavar="USECASE", help="Name of the use case.")]
WIDTH = 16
"""Characters of the longest bar."""


def explain(
    usecase: Name,
    key: Annotated[
        str,
        typer.Argument(help="The row's key: its values with commas between, or NAME=VALUE."),
    ],
    date: Annotated[str, typer.Argument(help="The partition, YYYY-MM-DD.")],
    as_of: Annotated[
        str | None, typer.Option(help="As known at this moment; the newest when left out.")
    ] = None,
    as_corrected: Annotated[
        bool, typer.Option("--as-corrected", help="As the last restatement found it.")
    ] = False,
    revision: Annotated[
        int | None, typer.Option(min=1, help="The revision of the predictions, by its number.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Features to show; the rest is summed.")] = 12,
    html: Annotated[Path | None, typer.Option(help="A file to write the page to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
    show_personal: Annotated[
        bool, typer.Option("--show-personal", help="Also values that name a person.")
    ] = False,
) -> None:
    """Say why one prediction is what it is: inputs, contributions, versions."""
    from laurel.cli.moment import moment
    from laurel.domain.partition import Partition
    from laurel.domain.rowkey import parse_key
    from laurel.pages.prediction import render_prediction
    from laurel.runs.explain import explain as run
    from laurel.runs.site import open_site
    from laurel.usecase import get_usecase

    site = open_site()
    case = get_usecase(usecase, site.settings)
    found = run(
        site,
        case,
        key=parse_key(key, case.config.rows),
        partition=Partition.of(date),
        as_of=moment(as_of) if as_of else None,
        as_corrected=as_corrected,
        revision=revision,
        show_personal=show_personal,
    )
    if html is not None:
        html.write_text(render_prediction(found, title=case.config.title))
        typer.echo(f"wrote {html}", err=True)
    if as_json:
        typer.echo(json.dumps(found.document(), indent=2, ensure_ascii=False))
    elif html is None:
        _print(found, top)


def _print(found: Explained, top: int) -> None:
    for line in _head(found):
        typer.echo(line)
    for output in found.outputs:
        if len(found.outputs) > 1:
            typer.echo(f"class {output.name}")
        Console().print(_table(output, top))
    if found.calibrated:
        typer.echo("contributions add up to the margin; a calibration makes the score of it")
    hidden = [each["column"] for each in found.row if each["hidden"]]
    shown = [each for each in found.row if not each["hidden"]]
    typer.echo("the row: " + ", ".join(f"{e['column']}={_value(e['value'])}" for e in shown))
    if hidden:
        typer.echo(f"hidden, since they name a person: {', '.join(hidden)} (see --show-personal)")
    for line in _tail(found):
        typer.echo(line)


def _head(found: Explained) -> Iterator[str]:
    scores = ", ".join(f"{name} {value:.6g}" for name, value in found.scores.items())
    decision = found.prediction.get("decision")
    said = ""
    if decision is not None:
        against = f" (threshold {found.threshold:g})" if found.threshold is not None else ""
        said = f", decided {_value(decision)}{against}"
    yield f"{found.key_text} of {found.partition}: {scores}{said}"
    yield "scored again from the same inputs: equal, bit for bit"


def _table(output: Output, top: int) -> Table:
    table = Table("feature", "value", "adds", "")
    table.columns[2].justify = "right"
    reach = max([abs(each.contribution) for each in output.contributions] or [1.0]) or 1.0
    table.add_row("base", "", f"{output.base:+.4f}", "")
    for each in output.contributions[:top]:
        table.add_row(each.feature, _told(each), f"{each.contribution:+.4f}", _bar(each, reach))
    rest = output.contributions[top:]
    if rest:
        whole = sum(each.contribution for each in rest)
        table.add_row(f"{len(rest)} others", "", f"{whole:+.4f}", "")
    table.add_row("margin", "", f"{output.margin:+.4f}", "")
    return table


def _tail(found: Explained) -> Iterator[str]:
    source = found.source
    which = "as corrected" if source.restated else "as published"
    yield (
        f"predictions {which}, revision {source.revision} of {source.revisions}, known at "
        f"{source.known_at}, run {source.run}"
    )
    yield (
        f"model {source.model_version}, as of {source.as_of}, {source.event} by "
        f"{source.decided_by}, bundle {source.training_bundle[:16]}"
    )
    if source.canary:
        yield f"note: a canary answered this row; {source.champion} reigned at {source.cutoff}"
    if source.reigns_now != source.champion:
        yield f"note: by the ledger of today {source.reigns_now} reigns at {source.cutoff}"
    rows = source.rows
    yield (
        f"read {rows['dataset']} {rows['partition']} revision {rows['revision']}"
        f" ({rows['content_hash'][:12]}), known at {rows['known_at']}"
    )
    for each in source.past:
        corrected = f", {each.corrected} corrected" if each.corrected else ""
        yield (
            f"read {each.dataset} {each.first} to {each.last} as known at {source.cutoff}: "
            f"{each.partitions} partitions{corrected} ({each.digest[:12]})"
        )


def _told(each: Contribution) -> str:
    if each.value is None:
        return each.note
    return _value(each.value) + (f" ({each.note})" if each.note else "")


def _value(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _bar(each: Contribution, reach: float) -> str:
    length = round(WIDTH * abs(each.contribution) / reach)
    return ("+" if each.contribution >= 0 else "-") * length
