"""``laurel store``: is the store one that can be trusted?"""

from __future__ import annotations

import typer

app = typer.Typer(name="store", help="The store that holds records and data.")


@app.callback()
def store() -> None:
    """Keep ``probe`` a command of its own, though it is the only one."""


@app.command("probe")
def probe() -> None:
    """Ask the store whether it honours create-only writes, and claim it for this scheduler."""
    from laurel.adapters import store as stores
    from laurel.settings import load_settings

    settings = load_settings()
    found = stores.open_store(settings)
    stores.probe(found)
    stores.claim(found, settings.scheduler)
    stores.remember_claim(settings)
    typer.echo(f"{found.url} writes each key once; its scheduler of record is {settings.scheduler}")
