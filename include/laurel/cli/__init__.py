"""The ``laurel`` command: one file per noun, errors as text, heavy imports inside the commands."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from laurel.errors import LaurelError

app = typer.Typer(
    name="laurel",
    help="Batch machine learning on Airflow whose every run reproduces and every decision opens.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Run the command; a :class:`LaurelError` is printed as text and ends with exit code 1."""
    _assemble()
    try:
        app()
    except LaurelError as error:
        Console(stderr=True, soft_wrap=True).print(
            f"error: {error}", style="red", markup=False, highlight=False
        )
        sys.exit(1)


def _assemble() -> None:
    from laurel.cli import (
        alarms,
        approval,
        card,
        checkout,
        compare,
        demo,
        dvc,
        examine,
        explain,
        gate,
        gc,
        proof,
        quarantine,
        records,
        report,
        reproduce,
        restatement,
        runs,
        schema,
        shadow,
        stack,
        stage,
        store,
        trials,
        usecases,
    )

    for module in (
        stage,
        dvc,
        schema,
        gate,
        shadow,
        proof,
        quarantine,
        alarms,
        report,
        store,
        usecases,
    ):
        app.add_typer(module.app)
    for command in (
        stack.up,
        stack.down,
        stack.status,
        stack.logs,
        *runs.COMMANDS,
        *approval.COMMANDS,
        *checkout.COMMANDS,
        *compare.COMMANDS,
        *examine.COMMANDS,
        *reproduce.COMMANDS,
        *trials.COMMANDS,
        *records.COMMANDS,
        *restatement.COMMANDS,
        *card.COMMANDS,
        *explain.COMMANDS,
        *gc.COMMANDS,
        *demo.COMMANDS,
    ):
        app.command()(command)
    app.add_typer(usecases.dags)
