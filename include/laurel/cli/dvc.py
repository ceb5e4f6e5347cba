"""``laurel dvc``: keep ``dvc.yaml`` and ``params.yaml`` in step with the use cases."""

from __future__ import annotations

from typing import Annotated

import typer

from laurel.errors import LaurelError

app = typer.Typer(name="dvc", help="The training stages as DVC has them.", no_args_is_help=True)


@app.callback()
def dvc() -> None:
    """The training stages as DVC has them."""


@app.command()
def sync(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 when out of step.")
    ] = False,
) -> None:
    """Write dvc.yaml and params.yaml from the use cases of this checkout."""
    from laurel.cli.generated import checkout, keep_in_step
    from laurel.domain.stagefile import DVC_YAML, PARAMS_YAML, dvc_yaml, params_yaml

    try:
        root, usecases = checkout()
        texts = {root / DVC_YAML: dvc_yaml(usecases), root / PARAMS_YAML: params_yaml(usecases)}
    except LaurelError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    names = f"{DVC_YAML} and {PARAMS_YAML}"
    keep_in_step(texts, root=root, check=check, command="laurel dvc sync", names=names)


@app.command(
    "gc", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, hidden=True
)
def gc() -> None:
    """Refuse, and say why."""
    from laurel.errors import Refused

    raise Refused(
        "dvc gc is refused: it keeps what one workspace uses, and drops what the records name",
        hint="laurel gc drops what no record names; it says first what that is",
    )
