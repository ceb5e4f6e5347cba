"""``laurel schema infer`` and ``diff``: a sample of rows beside the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from laurel.domain.schema.difference import Difference
    from laurel.settings import Settings
    from laurel.stages.sample import Sample
    from laurel.usecase import UseCase

UseCaseName = Annotated[str, typer.Argument(help="Name of the use case.")]
DatasetName = Annotated[str, typer.Argument(help="Name of the dataset.")]
Start = Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD, read from the source.")]
End = Annotated[str | None, typer.Option(help="Last day, included; the first when left out.")]
File = Annotated[Path | None, typer.Option(help="A CSV or Parquet file instead of the source.")]
Rows = Annotated[int, typer.Option(min=1, help="Rows that are looked at, at most.")]
ROWS = 100_000


def infer(
    usecase: UseCaseName,
    dataset: DatasetName,
    start: Start = None,
    end: End = None,
    file: File = None,
    sample_rows: Rows = ROWS,
    out: Annotated[Path | None, typer.Option(help="Folder for the two files.")] = None,
) -> None:
    """Propose a contract and a suite from a sample, for a person to curate.

    Bounds are wide and hold for most values; the least and the largest of a sample prove nothing.
    With --file the dataset need not be in usecase.yaml. No file is ever overwritten.
    """
    from laurel.domain.schema.proposal_text import proposal_json, proposal_yaml
    from laurel.stages.infer import infer as propose

    sample = _sample(usecase, dataset, start=start, end=end, file=file, rows=sample_rows)
    proposal = propose(sample, dataset=dataset, suite=f"{usecase}.{dataset}")
    texts = {
        f"{dataset}.yaml": proposal_yaml(proposal),
        f"{dataset}.json": proposal_json(proposal),
    }
    if out is None:
        typer.echo("\n".join(texts.values()), nl=False)
        return
    _write_new({out / name: text for name, text in texts.items()})


def diff(
    usecase: UseCaseName,
    dataset: DatasetName,
    start: Start = None,
    end: End = None,
    file: File = None,
    sample_rows: Rows = ROWS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a new sample would change of the contract and its suite.

    Exit code 1 when an ingest would refuse rows like these, 0 when there is nothing or only what
    it would warn of.
    """
    from laurel.adapters.gx_suite import find_suite
    from laurel.domain.schema.difference import differences_document, would_refuse
    from laurel.settings import load_settings
    from laurel.stages.compare import compare
    from laurel.usecase import get_usecase

    settings = load_settings()
    declared = get_usecase(usecase, settings).dataset(dataset)
    sample = _sample(usecase, dataset, start=start, end=end, file=file, rows=sample_rows)
    found = compare(sample, declared, find_suite(declared.suite, settings))
    if as_json:
        typer.echo(json.dumps(differences_document(found), indent=2, ensure_ascii=False))
    else:
        _print(found, f"{usecase}.{dataset}", len(sample.frame))
    if would_refuse(found):
        raise typer.Exit(1)


def _sample(
    usecase: str, dataset: str, *, start: str | None, end: str | None, file: Path | None, rows: int
) -> Sample:
    from laurel.errors import ConfigError
    from laurel.settings import load_settings
    from laurel.stages.sample import sample_file
    from laurel.usecase import get_usecase

    if (file is None) == (start is None):
        raise ConfigError(
            "a sample comes from the days of a source or from a file",
            found="both" if file else "neither",
            expected="--start and --end, or --file",
        )
    if file is not None:
        return sample_file(file, rows=rows)
    settings = load_settings()
    case = get_usecase(usecase, settings)
    case.dataset(dataset)
    return _from_source(case, dataset, settings, start=str(start), end=end or str(start), rows=rows)


def _from_source(
    case: UseCase, dataset: str, settings: Settings, *, start: str, end: str, rows: int
) -> Sample:
    from laurel.adapters.sources import open_source
    from laurel.domain.partition import Partition, partitions
    from laurel.stages.sample import sample_source

    days = list(partitions(Partition.of(start).start, Partition.of(end).end))
    return sample_source(open_source(case, dataset, settings=settings), days, rows=rows)


def _write_new(texts: dict[Path, str]) -> None:
    from laurel.errors import Refused

    there = [path for path in texts if path.exists()]
    if there:
        raise Refused(
            "a file is there already, and may have been curated",
            found=", ".join(map(str, there)),
            hint="name another folder with --out",
        )
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        typer.echo(f"wrote {path}")


def _print(found: tuple[Difference, ...], name: str, rows: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not found:
        typer.echo(f"{rows} rows are as the contract of {name} says")
        return
    table = Table(title=f"{rows} rows beside the contract of {name}")
    for head in ("verdict", "column", "found", "expected"):
        table.add_column(head, overflow="fold")
    for each in found:
        table.add_row(each.verdict, *map(escape, (each.subject, each.found, each.expected)))
    Console().print(table)
