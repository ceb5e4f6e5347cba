"""``laurel usecases`` and ``laurel dags``: what is installed, and where Airflow finds it."""

from __future__ import annotations

import typer

from laurel.settings import dags_folder, load_settings
from laurel.usecase import find_usecases

app = typer.Typer(name="usecases", help="The use cases that are configured.")
dags = typer.Typer(name="dags", help="The DAGs for Airflow.")


@app.callback(invoke_without_command=True)
def usecases() -> None:
    """List the use cases, each with its folder."""
    for name, usecase in find_usecases(load_settings()).items():
        typer.echo(f"{name}\t{usecase.config.title}\t{usecase.folder}")


@dags.command("path")
def path() -> None:
    """Print the folder to name in Airflow's DAG bundle setting (or dags_folder)."""
    typer.echo(str(dags_folder()))


@dags.command("list")
def list_dags() -> None:
    """List the DAGs that the use cases give."""
    kinds = ("ingest", "train", "score", "monitor", "examine", "rollback", "restate")
    for name in find_usecases(load_settings()):
        for kind in kinds:
            typer.echo(f"{name}_{kind}")
