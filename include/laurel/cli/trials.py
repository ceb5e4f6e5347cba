"""``laurel trials``: the trials of a run's search for parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from laurel.runs.searches import Searched

TOP = 10


def trials(
    run: Annotated[str, typer.Argument(help="A training run, a model version or NAME:champion.")],
    every: Annotated[
        bool, typer.Option("--all", help="All trials in their order, not the best alone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each trial.")] = False,
) -> None:
    """Show the trials of a training run's search for parameters, the best first."""
    from laurel.runs.searches import find_search
    from laurel.runs.site import open_site

    bundle, found = find_search(open_site(), run)
    shown = found.trials if every else found.ranked()[:TOP]
    if as_json:
        for trial in shown:
            typer.echo(json.dumps(trial.document()))
        return
    metric, best = found.search["metric"], found.best
    typer.echo(
        f"{bundle.model_version} (run {bundle.id}): trial {best['trial']} of {len(found.trials)} "
        f"is best, {metric} {best['value']:.6g}, {best['first']['value']:.6g} with the parameters "
        "of the use case"
    )
    _table(found, shown)


def _table(found: Searched, shown: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    names = sorted(found.search["tuning"]["space"])
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("trial", found.search["metric"], "rounds", *names, ""):
        table.add_column(name, justify="right", overflow="fold")
    for trial in shown:
        mark = f"pruned at {trial.last.fitted}" if trial.state == "pruned" else ""
        mark = "best" if trial.number == found.best["trial"] else mark
        said = [_value(trial.params[name]) for name in names]
        table.add_row(str(trial.number), f"{trial.value:.6g}", str(trial.last.rounds), *said, mark)
    Console(soft_wrap=True).print(table, markup=False)


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
