"""``laurel compare``: two training runs side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    Found = Mapping[str, Any]

Run = Annotated[str, typer.Argument(help="A training run, its model version, or champion.")]
_SHOWN = 12
_DASH = "–"


def compare(
    first: Run,
    second: Run,
    usecase: Annotated[str | None, typer.Option(help="Only runs of this use case.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page that needs nothing else.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every slice, feature, partition and check.")
    ] = False,
) -> None:
    """Compare two training runs: parameters, data, code, metrics, slices, importance, gate.

    Everything comes from the store: no use case has to be installed, and nothing is written to it.
    A gain is that of the second run over the first; above zero it is better, for every metric.
    """
    from laurel.runs.named import find_run
    from laurel.runs.side_by_side import side_by_side
    from laurel.runs.site import look_at_site

    site = look_at_site()
    found = side_by_side(
        site,
        find_run(site.store, first, usecase=usecase),
        find_run(site.store, second, usecase=usecase),
    )
    if html is not None:
        from laurel.pages.comparison import render_comparison

        html.write_text(render_comparison(found), encoding="utf-8")
        typer.echo(f"wrote {html}", err=True)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif html is None:
        _show(found, most=None if everything else _SHOWN)


def _show(found: Found, *, most: int | None) -> None:
    console = Console()
    for part in (_heads(found), *_inputs(found, most=most), *_outcomes(found, most=most)):
        console.print(part, end="\n" if isinstance(part, Table) else "")
        console.print()


def _heads(found: Found) -> Table:
    runs = found["runs"]
    table = _table("", *(run["model_version"] for run in runs))
    for name in ("run", "as_of", "champion", "holdout", "holdout_rows", "outcome"):
        table.add_row(name.replace("_", " "), *(_text(run[name]) for run in runs))
    code = found["code"]
    commits = zip(code["commit"], code["dirty"], strict=True)
    table.add_row("commit", *(f"{_text(c)[:12]}{' (dirty)' if d else ''}" for c, d in commits))
    return table


def _inputs(found: Found, *, most: int | None) -> Iterator[Table | str]:
    yield _changes("Parameters", found["parameters"], most=most)
    yield from _data(found["data"], most=most)
    files = found["code"]["files"]
    if files:
        yield _title("Code") + f"{len(files)} files differ: {_some(files, most)}\n"
    else:
        yield _title("Code") + "every file that a stage depends on is the same\n"
    yield _changes("Environment", found["environment"], most=most)


def _changes(title: str, lines: Sequence[Found], *, most: int | None) -> Table | str:
    if not lines:
        return _title(title) + "the same\n"
    table = _table(title, "first", "second")
    for line in lines[:most]:
        table.add_row(line["name"], *map(_value, line["values"]))
    return _ended(table, len(lines), most)


def _data(data: Found, *, most: int | None) -> Iterator[Table | str]:
    table = _table("Data", "first", "second")
    for line in data["days"]:
        table.add_row(f"{line['part']} days", *map(_span, line["values"]))
    yield table
    table = _table("Data read", "first", "second", "the same", "revised")
    for each in data["datasets"]:
        sizes = zip(each["partitions"], each["rows"], each["superseded"], strict=True)
        table.add_row(
            each["dataset"],
            *(
                f"{days:,} days, {rows:,} rows{f', {before:,} superseded' if before else ''}"
                for days, rows, before in sizes
            ),
            f"{each['same']:,}",
            f"{len(each['revised']):,}",
        )
    yield table
    revised = [(each["dataset"], line) for each in data["datasets"] for line in each["revised"]]
    if revised:
        table = _table("Partitions in other revisions", "first", "second")
        for dataset, line in revised[:most]:
            read = zip(line["revisions"], line["rows"], strict=True)
            cells = (f"revision {number}, {rows:,} rows" for number, rows in read)
            table.add_row(f"{dataset} {line['partition']}", *cells)
        yield _ended(table, len(revised), most)


def _outcomes(found: Found, *, most: int | None) -> Iterator[Table | str]:
    yield from _metrics(found)
    yield from _slices(found, most=most)
    yield from _importance(found["importance"], most=most)
    yield _gate(found["gate"], most=most)


def _metrics(found: Found) -> Iterator[Table | str]:
    metrics = found["metrics"]
    table = _table("Metrics", "first", "second", "gain")
    for line in metrics["overall"]:
        table.add_row(line["metric"], *map(_measured, line["values"]), _signed(line["gain"]))
    if not metrics["same_rows"]:
        table.caption = "each on its own hold-out, of other days: part of a gain may be theirs"
    yield table
    paired = metrics["paired"]
    if paired:
        version = found["runs"][paired["challenger"]]["model_version"]
        table = _table(f"On the same {paired['rows']:,} rows", "gain", "bounds")
        table.caption = f"of {version} over the other, its champion"
        for line in paired["metrics"]:
            bounds = line["bounds"]
            text = f"{bounds[0]:+.4f} to {bounds[1]:+.4f}" if bounds else _DASH
            table.add_row(line["metric"], _signed(line["gain"]), text)
        yield table


def _slices(found: Found, *, most: int | None) -> Iterator[Table]:
    slices = found["slices"]
    if not slices:
        return
    metric = found["metrics"]["overall"][0]["metric"]
    table = _table(f"Slices, by {metric}", "first", "second", "rows", "rows")
    for line in slices[:most]:
        values = (_number(value) for value in line["metrics"][metric])
        table.add_row(escape(line["slice"]), *values, *map(_text, line["rows"]))
    yield _ended(table, len(slices), most)


def _importance(lines: Sequence[Found], *, most: int | None) -> Iterator[Table]:
    if not lines:
        return
    table = _table("Share of gain, by feature", "first", "second", "rank", "rank")
    for line in lines[:most]:
        shares = (_DASH if share is None else f"{share:.1%}" for share in line["gain_share"])
        table.add_row(escape(line["feature"]), *shares, *map(_text, line["rank"]))
    yield _ended(table, len(lines), most)


def _gate(checks: Sequence[Found], *, most: int | None) -> Table:
    """Those on all rows, and those that either run did not pass."""
    shown = [c for c in checks if most is None or not c["slice"] or _failed(c)]
    table = _table("Gate", "first", "second", "first", "second")
    for check in shown:
        parts = (check["kind"].replace("_", " "), check["metric"], check["slice"])
        name = " ".join(part for part in parts if part)
        table.add_row(escape(name), *map(_number, check["found"]), *map(_verdict, check["verdict"]))
    if len(shown) < len(checks):
        table.caption = f"{len(checks) - len(shown)} checks of slices that both pass: --all"
    return table


def _failed(check: Found) -> bool:
    return any(verdict not in ("pass", "not_applicable", None) for verdict in check["verdict"])


def _verdict(verdict: str | None) -> Text:
    colours = {"pass": "green", "fail": "red"}
    return Text((verdict or _DASH).replace("_", " "), style=colours.get(verdict or "", "dim"))


def _table(title: str, *columns: str) -> Table:
    texts = ("Parameters", "Environment", "Data")
    side: Literal["left", "right"] = "right" if title and not title.startswith(texts) else "left"
    table = Table(title, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify=side, overflow="fold")
    table.caption_justify = "left"
    return table


def _ended(table: Table, count: int, most: int | None) -> Table:
    if most is not None and count > most:
        table.caption = f"{count - most} more: --all"
    return table


def _title(text: str) -> str:
    return f"[bold]{text}[/bold]  "


def _some(names: Sequence[str], most: int | None) -> str:
    more = f" and {len(names) - most} more" if most is not None and len(names) > most else ""
    return ", ".join(names[:most]) + more


def _measured(measured: Found) -> str:
    bounds = measured["bounds"]
    between = f" [{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else ""
    return _number(measured["value"]) + between


def _number(value: float | None) -> str:
    return _DASH if value is None else f"{value:.4f}"


def _signed(value: float | None) -> Text:
    style = "" if not value else "green" if value > 0 else "red"
    return Text(_DASH if value is None else f"{value:+.4f}", style=style)


def _span(days: Sequence[str] | None) -> str:
    return f"{days[0]} to {days[-1]}" if days else _DASH


def _value(value: object) -> str:
    """A value of a parameter; brackets are no markup."""
    listed = isinstance(value, list | dict)
    return escape(json.dumps(value, ensure_ascii=False) if listed else _text(value))


def _text(value: object) -> str:
    if value is None:
        return _DASH
    if isinstance(value, list):
        return " to ".join(map(str, value))
    return f"{value:,}" if type(value) is int else str(value)
