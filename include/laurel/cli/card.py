"""``laurel card``: what a risk owner needs to know of a model version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

Name = Annotated[str, typer.Argument(metavar="USECASE", help="Name of the use case.")]
SHOWN = 8
"""Features that the text names."""


def card(
    usecase: Name,
    version: Annotated[
        str, typer.Argument(help="A model version, a training run, or champion.")
    ] = "champion",
    as_of: Annotated[
        str | None, typer.Option(help="Whose champion: at this moment; the newest when left out.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="A file to write the page to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
) -> None:
    """Show the model card of a version, and what the ledger says of it now."""
    from laurel.cli.moment import moment
    from laurel.errors import Refused
    from laurel.runs.card import show_card
    from laurel.runs.site import open_site
    from laurel.usecase import get_usecase

    if as_of and version != "champion":
        raise Refused("a version is the same at any moment: --as-of is for the champion alone")
    site = open_site()
    shown = show_card(
        site,
        get_usecase(usecase, site.settings),
        version=version,
        as_of=moment(as_of) if as_of else None,
    )
    if html is not None:
        html.write_text(shown.html())
        typer.echo(f"wrote {html}", err=True)
    if as_json:
        typer.echo(json.dumps(shown.document(), indent=2, ensure_ascii=False))
    elif html is None:
        typer.echo("\n".join(_text(shown.card, shown.standing)))


def _text(card: Mapping[str, Any], standing: Mapping[str, Any]) -> Iterator[str]:
    parts, model = card["data"]["parts"], card["model"]
    yield f"{card['model_version']}: {card['title']}"
    yield f"  ledger     {standing['sentence']}"
    yield f"  predicts   {model['label']} ({model['objective']}), as of {card['as_of']}"
    if said := card["written"].get("intended_use"):
        yield f"  for        {said}"
    for text in card["written"].get("out_of_scope", ()):
        yield f"  not for    {text}"
    for name, part in parts.items():
        yield f"  {name:<10} {part['rows']:,} rows, {part['first']} to {part['last']}"
    yield "measured on the hold-out"
    yield from (_metric(each) for each in card["metrics"])
    small = sum(each["underpowered"] for each in card["slices"])
    yield f"  {len(card['slices'])} slices, {small} of them underpowered"
    explanation = card["explanation"]
    yield f"what moves the scores, over {explanation['sample_rows']:,} rows"
    for output in explanation["outputs"]:
        title = f" of {output['output']}" if len(explanation["outputs"]) > 1 else ""
        for each in output["features"][:SHOWN]:
            yield f"  {each['name'] + title:<28} {each['mean_abs']:.4f}  {each['share']:.1%}"
    yield "known limits"
    yield from (f"  - {limit['text']}" for limit in card["limits"])
    yield from (f"  - {risk}" for risk in card["written"].get("risks", ()))
    yield f"run {card['lineage']['run']}, bundle {card['lineage']['bundle']}"


def _metric(each: Mapping[str, Any]) -> str:
    def number(value: float | None) -> str:
        return "undefined" if value is None else f"{value:.4f}"

    bounds = next((pair for pair in each["bounds"].values() if pair), None)
    between = f"  {bounds[0]:.4f} to {bounds[1]:.4f}" if bounds else ""
    line = f"  {each['metric']:<22} {number(each['value'])}{between}"
    if each["champion"]:
        line += f"  champion {number(each['champion']['reference'])}"
    for name, value in each["trivial"].items():
        line += f"  {name} {number(value)}"
    return line
