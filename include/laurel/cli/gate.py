"""``laurel gate replay``: what another policy would have decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from laurel.domain.config import Gate
    from laurel.runs.policy import PolicyReplay

app = typer.Typer(name="gate", help="The policy that decides about a challenger.")


@app.callback()
def gate() -> None:
    """Keep ``replay`` a command of its own, though it is the only one."""


@app.command("replay")
def replay(
    usecase: Annotated[str, typer.Argument(help="The use case.")],
    policy: Annotated[
        Path | None,
        typer.Option(help="YAML as below gate: in usecase.yaml; each decision's own if left out."),
    ] = None,
    first: Annotated[str, typer.Option("--from", help="The first as_of.")] = "0001-01-01",
    last: Annotated[str, typer.Option("--to", help="The last as_of.")] = "9999-12-31",
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
) -> None:
    """Decide history anew from stored evidence, without training; nothing is written.

    Lists the decisions that would have been others, and the champions that would have reigned.
    """
    from laurel.cli.audit import watching
    from laurel.cli.moment import moment
    from laurel.domain.canonical import canonical_json
    from laurel.runs.policy import replay_policy
    from laurel.runs.site import open_site

    asked = _policy(policy) if policy else None
    with watching() as watch:
        found = replay_policy(
            open_site(),
            usecase,
            asked,
            first=moment(first),
            last=moment(last),
            watch=lambda done, of: watch("deciding again", done, of),
        )
    typer.echo(canonical_json(found.document()) if as_json else found.sentence())
    if not as_json:
        _say(found)


def _policy(file: Path) -> Gate:
    import yaml
    from pydantic import ValidationError

    from laurel.domain.config import Gate
    from laurel.errors import ConfigError

    try:
        document = yaml.safe_load(file.read_text())
        document = document.get("gate", document) if isinstance(document, dict) else document
        return Gate.model_validate(document)
    except (OSError, ValueError, yaml.YAMLError, ValidationError) as error:
        raise ConfigError(
            "this is not a policy",
            found=str(error).splitlines()[0],
            expected="what stands below gate: in a usecase.yaml",
            detail=str(file),
        ) from error


def _say(found: PolicyReplay) -> None:
    from laurel.domain.canonical import instant

    for step in found.replayed.steps:
        typer.echo(
            f"{instant(step.was.as_of)[:10]}  {step.was.model_version or '-'}  "
            f"{'FLIPS' if step.flipped else 'stays'}  {step.was.event} -> {step.now.event}"
        )
        if step.champion_now != step.champion_was:
            typer.echo(f"  meets {step.champion_now or 'none'}, not {step.champion_was or 'none'}")
        if step.flipped and step.now.reasons:
            typer.echo(f"  {step.now.reasons[0]}")
    for reign in found.replayed.state.reigns():
        end = instant(reign.end)[:10] if reign.end else "now"
        typer.echo(f"champion {instant(reign.start)[:10]} to {end}: {reign.entry.model_version}")
    if not found.replayed.state.reigns():
        typer.echo("no model would ever have reigned")
    for note in found.replayed.notes:
        typer.echo(f"note: {note}")
