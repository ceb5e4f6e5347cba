"""Files written over those of a person's clone, and the way back.

Nothing is written over that only the clone has, unless it is forced; and what was there before
each time is kept inside ``.dvc/tmp``, which git does not see, until it is undone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from laurel.adapters import git
from laurel.errors import NotFound, Refused

RECORDS = ".dvc/tmp/laurel"
_SHOWN = 5
_OWNER_ONLY = 0o600

Texts = dict[str, str | None]
"""Path from the root of the clone → its text; ``None`` where there is no file."""


@dataclass(frozen=True)
class Laying:
    """What was written once over the files of a clone."""

    run: str
    before: Texts
    after: dict[str, str]
    """The digest of what was written, by path."""

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"run": self.run, "before": self.before, "after": self.after}


def texts_of(clone: Path, paths: Iterable[str]) -> Texts:
    """What these files of a clone say now."""
    files = {path: clone / path for path in paths}
    return {path: file.read_text() if file.is_file() else None for path, file in files.items()}


def lay(
    clone: Path, wanted: Mapping[str, str], *, run: str, force: bool, merged: Iterable[str] = ()
) -> tuple[str, ...]:
    """Write texts over the files of a clone; returns those that were not so, sorted.

    merged: files whose new text holds all that they said. Raises :class:`Refused` where a file
    would be lost that git does not have, unless ``force``.
    """
    before = texts_of(clone, wanted)
    changed = {path: text for path, text in sorted(wanted.items()) if before[path] != text}
    records = _records(clone)
    if not force:
        known = [_read(record).after for record in records]
        there = {path: before[path] for path in changed if path not in set(merged)}
        own = {
            path
            for path, text in there.items()
            if text is not None and not any(each.get(path) == _digest(text) for each in known)
        }
        _refuse(clone, sorted(own - git.kept_by_git(clone, own)))
    if changed:
        after = {path: _digest(text) for path, text in changed.items()}
        done = Laying(run, {path: before[path] for path in changed}, after)
        number = int(records[-1].stem) + 1 if records else 1
        _write(clone / RECORDS / f"{number:04d}.json", json.dumps(done.document()), _OWNER_ONLY)
        for path, text in changed.items():
            _write(clone / path, text)
    return tuple(changed)


def take_back(clone: Path, *, force: bool, merged: Iterable[str] = ()) -> Laying:
    """Put back what the last :func:`lay` wrote over; returns what that was.

    Raises :class:`NotFound` where nothing was laid, :class:`Refused` where a file was changed
    since then, unless ``force``.
    """
    records = _records(clone)
    if not records:
        raise NotFound("nothing was checked out here", found=str(clone / RECORDS))
    last = _read(records[-1])
    now = texts_of(clone, last.after)
    edited = [path for path, text in now.items() if text and _digest(text) != last.after[path]]
    if not force:
        _refuse(clone, [path for path in edited if path not in set(merged)])
    for path, text in last.before.items():
        if path in edited and path in set(merged):
            continue
        if text is None:
            _remove(clone, path)
        else:
            _write(clone / path, text)
    records[-1].unlink()
    return last


def _refuse(clone: Path, lost: list[str]) -> None:
    if lost:
        more = [f"and {len(lost) - _SHOWN} more"] if len(lost) > _SHOWN else []
        raise Refused(
            "changes that only this clone has would be overwritten; nothing was written",
            found="\n".join([*lost[:_SHOWN], *more]),
            detail=str(clone),
            hint="commit them, or overwrite them with --force",
        )


def _records(clone: Path) -> list[Path]:
    return sorted((clone / RECORDS).glob("[0-9]*.json"))


def _read(record: Path) -> Laying:
    return Laying(**json.loads(record.read_text()))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(file: Path, text: str, mode: int | None = None) -> None:
    """Write a file whole or not at all, as the mode that it had."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.write_text(text)
    if mode is None and file.exists():
        mode = file.stat().st_mode
    if mode is not None:
        part.chmod(mode)
    os.replace(part, file)  # noqa: PTH105


def _remove(clone: Path, path: str) -> None:
    """Remove a file, and the folders that it leaves empty."""
    file = clone / path
    file.unlink(missing_ok=True)
    for folder in file.parents:
        if folder == clone or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()
