"""``laurel stage``: the training stages, run in a workspace; DVC enters them here.

A stage obeys the ``params.yaml`` and uses the feature code and suites of the folder it runs in,
where they are there, so that what runs is what ``dvc.yaml`` says it depends on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from laurel.errors import NO_MEMORY, TRY_AGAIN, ConfigError, LaurelError, OutOfMemory

if TYPE_CHECKING:
    from laurel.settings import Settings
    from laurel.usecase import UseCase

app = typer.Typer(name="stage", help="Run one training stage in this folder.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="USECASE", help="The name of the use case.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads to fit with: the time changes, no byte does.")
]


@app.callback()
def share() -> None:
    """Run one training stage in this folder."""
    from laurel.settings import load_settings, share_cores

    # before a library that brings threads is imported
    share_cores(load_settings())


@app.command()
def assemble(usecase: Name) -> None:
    """Join the window's partitions into one point-in-time snapshot."""
    from laurel.stages.assemble import assemble as run

    with _door(usecase) as (found, folder, _):
        typer.echo(run(found, folder).sentence())


@app.command()
def validate(usecase: Name) -> None:
    """Run the training suite over the snapshot."""
    from laurel.stages.validate import validate as run

    with _door(usecase) as (found, folder, settings):
        validation = run(found, folder, settings)
        typer.echo(f"{validation.suite}: {validation.outcome}")


@app.command()
def featurize(usecase: Name) -> None:
    """Compute the feature set over the snapshot."""
    from laurel.stages.featurize import featurize as run

    with _door(usecase) as (found, folder, _):
        typer.echo(f"featurized {run(found, folder):,} rows")


@app.command()
def tune(usecase: Name, threads: Threads = None) -> None:
    """Search for parameters by folds of the train days, where the use case says so."""
    from laurel.cli.progress import trials_shown
    from laurel.stages.tune import tune as run

    with _door(usecase) as (found, folder, settings), trials_shown() as told:
        fitting = threads or settings.threads
        tuned = run(found, folder, cache=settings.cache, threads=fitting, told=told)
    typer.echo(tuned.sentence())


@app.command()
def train(usecase: Name, threads: Threads = None) -> None:
    """Fit a challenger."""
    from laurel.stages.train import train as run

    with _door(usecase) as (found, folder, settings):
        model = run(found, folder, threads=threads or settings.threads)
        typer.echo(f"trained {model.booster.num_boosted_rounds()} rounds")


@app.command()
def evaluate(usecase: Name) -> None:
    """Measure challenger, champion and trivial models on the hold-out rows."""
    from laurel.stages.evaluate import evaluate as run

    with _door(usecase) as (found, folder, _):
        evidence = run(found, folder)
        against = evidence.champion or "no champion"
        typer.echo(f"evaluated on {evidence.overall.rows:,} rows against {against}")


@app.command()
def explain(usecase: Name) -> None:
    """Say what moves the challenger's scores, on a sample of the hold-out rows."""
    from laurel.stages.explain import explain as run

    with _door(usecase) as (found, folder, _):
        made = run(found, folder)
        first = made["outputs"][0]["features"][0]["name"]
        typer.echo(f"explained {made['sample_rows']:,} rows; what moves them most is {first}")


@app.command()
def verdict(usecase: Name) -> None:
    """Ask the gate."""
    from laurel.stages.verdict import verdict as run

    with _door(usecase) as (found, folder, _):
        judged = run(found, folder)
        typer.echo("\n".join([f"the gate says {judged.outcome}", *judged.reasons]))


@contextmanager
def _door(name: str) -> Iterator[tuple[UseCase, Path, Settings]]:
    """The use case as this folder has it; an error ends as text, and as the exit code of its kind.

    By the exit code whoever started the stage knows whether trying again can help.
    """
    from laurel.adapters.exhausted import exhausted
    from laurel.settings import load_settings

    folder = Path.cwd()
    try:
        settings = load_settings()
        suites = (folder / "expectations", *settings.suite_folders)
        settings = replace(settings, suite_folders=tuple(s for s in suites if s.is_dir()))
        yield _usecase(name, folder, settings), folder, settings
    except Exception as error:
        told = exhausted(error, usecase=name, place=str(folder)) or error
        if not isinstance(told, LaurelError):
            raise
        typer.echo(f"error: {told}", err=True)
        raise typer.Exit(exit_code(told)) from None


def exit_code(error: LaurelError) -> int:
    """The exit code by which a stage tells the kind of its error."""
    if isinstance(error, OutOfMemory):
        return NO_MEMORY
    return TRY_AGAIN if error.retryable else 1


def _usecase(name: str, folder: Path, settings: Settings) -> UseCase:
    from laurel.domain.config import UseCaseConfig
    from laurel.usecase import UseCase, get_usecase

    said = _params(folder).get(name)
    own = folder / "include" / "usecases" / name
    if said is None:
        return get_usecase(name, settings)
    try:
        config = UseCaseConfig.model_validate(said)
    except ValueError as error:
        raise ConfigError(
            "params.yaml does not describe this use case",
            usecase=name,
            found=error,
            hint="write it anew with: laurel dvc sync",
        ) from error
    here = (own / config.features.file).is_file()
    return UseCase(folder=own if here else get_usecase(name, settings).folder, config=config)


def _params(folder: Path) -> dict[str, Any]:
    import yaml

    from laurel.domain.yaml_text import read_yaml

    file = folder / "params.yaml"
    try:
        said = read_yaml(file.read_text()) if file.is_file() else None
    except yaml.YAMLError as error:
        raise ConfigError("params.yaml cannot be read", found=error, detail=str(file)) from error
    return said if isinstance(said, dict) else {}
