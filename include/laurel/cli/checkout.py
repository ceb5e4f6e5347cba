"""``laurel checkout``: a run's state in a clone, for DVC's own commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def checkout(
    run: Annotated[
        str | None,
        typer.Argument(help="The training run, its model version, or champion."),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(help="The clone; the one around this folder when left out, made if missing."),
    ] = None,
    usecase: Annotated[str | None, typer.Option(help="Only runs of this use case.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also over changes that git does not have.")
    ] = False,
    keep_others: Annotated[
        bool, typer.Option("--keep-others", help="Keep stages of use cases without any state.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Put back the files that the last checkout wrote over.")
    ] = False,
) -> None:
    """Lay a training run's state over a clone, so that plain dvc pull and dvc repro work in it.

    Written are dvc.yaml, params.yaml, dvc.lock, the windows (data/NAME/inputs/*.dvc), the use
    case's feature code and suites, and .dvc/config.local, which names the store and the cache and
    holds no credentials. The commit that is checked out stays, and so do other use cases' stages.

    Then, in the clone: dvc pull, dvc repro (up to date, until a parameter in params.yaml or the
    code is edited), dvc metrics diff, dvc plots diff. Commit the files to keep them in git.
    """
    from laurel.errors import Refused

    if (run is None) != undo:
        raise Refused("say either which run to check out, or --undo")
    folder = into or Path.cwd()
    if run is None:
        typer.echo(_undone(folder, force=force))
    else:
        typer.echo(_done(run, folder, usecase=usecase, force=force, keep_others=keep_others))


def _done(run: str, folder: Path, *, usecase: str | None, force: bool, keep_others: bool) -> str:
    from laurel.runs.checkout import checkout as lay
    from laurel.runs.named import find_run
    from laurel.runs.site import look_at_site

    site = look_at_site()
    bundle = find_run(site.store, run, usecase=usecase)
    return lay(site, bundle, folder=folder, force=force, keep_others=keep_others).text()


def _undone(folder: Path, *, force: bool) -> str:
    from laurel.runs.checkout import undo

    back = undo(folder, force=force)
    return "\n".join(
        [
            f"the files are as before the checkout of run {back.run}:",
            *(f"  {path}" for path in sorted(back.before)),
            "the data of the run is still under data/: dvc checkout brings back what these name",
        ]
    )
