"""Files of the checkout that are written from the use cases, and kept in step with them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

import typer

from laurel import settings
from laurel.errors import ConfigError
from laurel.usecase import FILE, UseCase, load_usecase

SHOWN = 20
"""Lines of difference shown per file."""


def checkout() -> tuple[Path, list[UseCase]]:
    """The root of the checkout and its own use cases, sorted; raises :class:`ConfigError`.

    A folder named by a setting is not part of the repository.
    """
    root = settings.checkout_root()
    if root is None:
        raise ConfigError(
            "there is no checkout to write to",
            hint="run this in a clone of the repository; a run's workspace has files of its own",
        )
    folders = sorted(file.parent for file in (root / "include" / "usecases").glob(f"*/{FILE}"))
    return root, [load_usecase(folder) for folder in folders]


def keep_in_step(
    texts: Mapping[Path, str], *, root: Path, check: bool, command: str, names: str
) -> None:
    """Write the files that differ; with ``check`` show how they do and end with exit code 1."""
    stale = {path: text for path, text in texts.items() if _current(path) != text}
    for path, text in stale.items():
        name = str(path.relative_to(root))
        if check:
            typer.echo(_difference(path, text, name), err=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            typer.echo(f"wrote {name}")
    if check and stale:
        typer.echo(f"out of step with the use cases; run: {command}", err=True)
        raise typer.Exit(1)
    if not stale:
        typer.echo(f"{names} are in step with the use cases")


def _current(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _difference(path: Path, text: str, name: str) -> str:
    lines = list(
        difflib.unified_diff(
            _current(path).splitlines(),
            text.splitlines(),
            fromfile=name,
            tofile=f"{name} (as the use cases say)",
            lineterm="",
            n=1,
        )
    )
    more = [f"… {len(lines) - SHOWN} more lines"] if len(lines) > SHOWN else []
    return "\n".join([*lines[:SHOWN], *more])
