"""``laurel schema``: the contract of the data, and what follows from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from laurel.cli import samples

if TYPE_CHECKING:
    from laurel.domain.config import Dataset
    from laurel.usecase import UseCase

app = typer.Typer(
    name="schema",
    help="The contract of the data: columns, types, units, keys, allowed values.",
    no_args_is_help=True,
)

app.command()(samples.infer)
app.command()(samples.diff)

Name = Annotated[str, typer.Argument(help="Name of the use case.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when out of step.")]


@app.command()
def show(
    usecase: Name,
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
) -> None:
    """Print the contract of each dataset."""
    from laurel.cli.contract import print_contract
    from laurel.settings import load_settings
    from laurel.usecase import get_usecase

    found = get_usecase(usecase, load_settings())
    for name in [dataset] if dataset else found.config.datasets:
        print_contract(name, found.dataset(name))


@app.command()
def sync(check: Check = False) -> None:
    """Write the contract into the suites and the data dictionaries of this checkout.

    The expectations that follow from the contract stand first in each dataset's suite; those that
    a person curated stay as they are.
    """
    from laurel.cli.generated import checkout, keep_in_step

    root, usecases = checkout()
    texts = {**_suites(root, usecases), **_pages(root, usecases)}
    names = "suites and data dictionaries"
    keep_in_step(texts, root=root, check=check, command="laurel schema sync", names=names)


@app.command()
def docs(check: Check = False) -> None:
    """Write the data dictionary of each use case of this checkout into docs/usecases."""
    from laurel.cli.generated import checkout, keep_in_step

    root, usecases = checkout()
    texts = _pages(root, usecases)
    names = "data dictionaries"
    keep_in_step(texts, root=root, check=check, command="laurel schema docs", names=names)


@app.command()
def report() -> None:
    """Print the JSON schema of a nightly report's document, ``report.json``."""
    from laurel.domain.report_schema import schema_text

    typer.echo(schema_text(), nl=False)


def _pages(root: Path, usecases: list[UseCase]) -> dict[Path, str]:
    from laurel.domain.schema.dictionary import dictionary_page

    folder = root / "docs" / "usecases"
    return {folder / f"{usecase.name}.md": dictionary_page(usecase.config) for usecase in usecases}


def _suites(root: Path, usecases: list[UseCase]) -> dict[Path, str]:
    datasets = [dataset for usecase in usecases for dataset in usecase.config.datasets.values()]
    files = [(root / "expectations" / f"{d.suite.replace('.', '/')}.json", d) for d in datasets]
    return {file: _suite(file, dataset) for file, dataset in files}


def _suite(file: Path, dataset: Dataset) -> str:
    from laurel.domain.schema.suite import empty_suite, synced
    from laurel.errors import ConfigError

    try:
        document: dict[str, Any] = (
            json.loads(file.read_text(encoding="utf-8"))
            if file.is_file()
            else empty_suite(dataset.suite)
        )
    except ValueError as error:
        raise ConfigError(
            "an expectation suite cannot be read", found=error, detail=str(file)
        ) from error
    return json.dumps(synced(document, dataset), indent=2, sort_keys=True) + "\n"
