"""What is asked of git: a clone, what a commit holds, and which files only this folder has."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from laurel.errors import LaurelError, NotFound, Refused

SECONDS = 3600


def clone_at(source: Path, commit: str, target: Path) -> None:
    """Clone a repository with its files at a commit; raises :class:`LaurelError` without it."""
    for words in (
        ["clone", "--quiet", "--no-hardlinks", "--no-checkout", str(source), str(target)],
        ["-C", str(target), "checkout", "--quiet", "--detach", commit],
    ):
        done = _run(words)
        if done.returncode:
            raise LaurelError(
                "the code of the run cannot be cloned",
                found=_said(done),
                expected=f"commit {commit} in {source}",
                hint="fetch the commit into this checkout",
            )


def has_commit(folder: Path, commit: str) -> bool:
    """Whether the repository of a folder holds a commit."""
    return _run(["-C", str(folder), "cat-file", "-e", f"{commit}^{{commit}}"]).returncode == 0


def head(folder: Path) -> str | None:
    """The commit that is checked out; ``None`` before the first."""
    done = _run(["-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD"])
    return done.stdout.decode().strip() or None


def top_of(folder: Path) -> Path:
    """The root of the working tree that a folder is in; raises :class:`NotFound` without one."""
    done = _run(["-C", str(folder), "rev-parse", "--show-toplevel"]) if folder.is_dir() else None
    if done is None or done.returncode:
        raise NotFound(
            "this is no working tree of git",
            found=str(folder),
            expected="a clone of the source",
            hint="git clone it, or name one with --into",
        )
    return Path(done.stdout.decode().strip())


def kept_by_git(folder: Path, paths: Iterable[str]) -> set[str]:
    """Those of some paths whose text HEAD has as it is here: writing over them loses nothing."""
    asked = sorted(paths)
    if not asked:
        return set()
    tracked = _names(folder, ["ls-files", "-z", "--", *asked])
    changed = _names(folder, ["diff", "--name-only", "-z", "--no-renames", "HEAD", "--", *asked])
    return tracked - changed


def _names(folder: Path, words: list[str]) -> set[str]:
    done = _run(["-C", str(folder), "--literal-pathspecs", "--no-optional-locks", *words])
    if done.returncode:
        raise LaurelError("git cannot say what is committed", found=_said(done), detail=str(folder))
    return {name for name in done.stdout.decode().split("\0") if name}


def _run(words: list[str]) -> subprocess.CompletedProcess[bytes]:
    git = shutil.which("git")
    if git is None:
        raise Refused("this needs git", hint="install git")
    return subprocess.run(  # noqa: S603 - a fixed list of words, no shell
        [git, *words], capture_output=True, timeout=SECONDS, check=False
    )


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode(errors="replace").strip()[-300:]
