"""The ``laurel`` command: one file per noun, errors as text, heavy imports inside the commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from gc import freeze
from importlib import import_module

import typer
from rich.console import Console

from laurel.errors import LaurelError
from laurel.settings import calm_threads

GROUPS = (
    "stage",
    "dvc",
    "schema",
    "gate",
    "shadow",
    "proof",
    "quarantine",
    "alarms",
    "report",
    "store",
    "usecases",
)
"""Files that have an ``app`` each, in the order of the help."""
COMMANDS = {
    "stack": ("up", "down", "status", "logs"),
    "runs": ("ingest", "train", "decide", "score", "deliver", "monitor", "rollback"),
    "approval": ("approve", "decline", "approvals"),
    "checkout": ("checkout",),
    "compare": ("compare",),
    "examine": ("examine",),
    "reproduce": ("reproduce",),
    "trials": ("trials",),
    "records": ("champion", "ledger", "catalog"),
    "restatement": ("impact", "restate", "predictions", "place"),
    "card": ("card",),
    "explain": ("explain",),
    "gc": ("gc",),
    "demo": ("demo",),
}
"""Files and their commands: where one of these is asked for, no other file is imported."""


def main() -> None:
    """Run the command; a :class:`LaurelError` is printed as text and ends with exit code 1."""
    # before a library that brings threads is imported
    calm_threads()
    app = assemble(sys.argv[1:])
    try:
        app()
    except LaurelError as error:
        Console(stderr=True, soft_wrap=True).print(
            f"error: {error}", style="red", markup=False, highlight=False
        )
        sys.exit(1)
    finally:
        # else Python looks through all modules for garbage before it ends, which takes 0.1 s
        freeze()


def assemble(words: Sequence[str] = ()) -> typer.Typer:
    """The command line that is asked for by words, or with none of ours among them all of it."""
    app = typer.Typer(
        name="laurel",
        help="Batch machine learning on Airflow whose every run reproduces and every decision "
        "opens.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    # with a single command there would be no name to call it by
    app.callback()(lambda: None)
    wanted = next((file for file, names in COMMANDS.items() if {*words[:1]} & {*names}), None)
    for file in GROUPS if wanted is None else ():
        app.add_typer(import_module(f"laurel.cli.{file}").app)
    for file, names in COMMANDS.items():
        for name in names if wanted in {None, file} else ():
            app.command(name)(getattr(import_module(f"laurel.cli.{file}"), name))
    if wanted is None:
        app.add_typer(import_module("laurel.cli.usecases").dags)
    return app
