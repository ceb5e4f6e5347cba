"""``laurel examine``: what the features of the newest training gain and cost."""

from __future__ import annotations

from typing import Annotated

import typer


def examine(
    usecase: Annotated[str, typer.Argument(metavar="USECASE", help="Name of the use case.")],
    as_of: Annotated[
        str, typer.Option(help="Examines the newest training with an as_of by this moment.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
) -> None:
    """Shuffle and leave out features, train simpler models beside; says where the page is."""
    from laurel.cli.moment import moment
    from laurel.runs.examine import examine as run
    from laurel.runs.site import open_site
    from laurel.usecase import get_usecase

    site = open_site()
    made = run(
        site,
        get_usecase(usecase, site.settings),
        as_of=moment(as_of),
        said=lambda text: typer.echo(f"{text} …", err=True),
    )
    if as_json:
        typer.echo(site.store.read(made.page.replace(".html", ".json")).decode())
        return
    typer.echo(made.sentence())
    typer.echo(f"page: {site.store.url}/{made.page}")
