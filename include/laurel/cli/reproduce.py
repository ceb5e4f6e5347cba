"""``laurel reproduce``: a run made again, with a verdict per output."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def reproduce(
    run: Annotated[
        str, typer.Argument(help="A run of training or scoring, a model version, or champion.")
    ],
    into: Annotated[
        Path | None, typer.Option(help="A new folder to work in, kept for looking at.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads to use; no byte depends on them.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="By how much numbers of an equivalent output may differ."),
    ] = None,
    usecase: Annotated[str | None, typer.Option(help="Only runs of this use case.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the folder below LAUREL_HOME, and say where.")
    ] = False,
) -> None:
    """Make a run again by its own code in a folder of its own, and compare every output.

    A training is made again from a clone of its commit, the windows that its bundle names, and
    all its stages; a scoring from its revisions and its model. Nothing is written to the store.

    Each output is identical (the same bytes), equivalent (other bytes; all texts and whole numbers
    equal, other numbers within the tolerance, by default 0.001: as with another architecture or
    other packages) or different. Exit code: 0 if all are identical, 3 if all are equivalent, else
    1.
    """
    from laurel.domain.equivalence import TOLERANCE
    from laurel.errors import Refused
    from laurel.runs.named import KINDS, find_run
    from laurel.runs.reproduce import Options, kept_folder
    from laurel.runs.reproduce import reproduce as again
    from laurel.runs.site import look_at_site

    if keep and into:
        raise Refused("--into says where the folder is kept: leave out --keep")
    site = look_at_site()
    bundle = find_run(site.store, run, usecase=usecase, kinds=KINDS)
    options = Options(
        folder=kept_folder(site, bundle) if keep else into,
        threads=threads,
        tolerance=TOLERANCE if tolerance is None else tolerance,
    )
    verdict = again(site, bundle, options)
    typer.echo(verdict.text())
    raise typer.Exit(verdict.exit_code)
