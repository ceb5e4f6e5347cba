"""What runs, and on what: the git commit, the installed versions, Python and the machine."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TypedDict

from laurel.domain.bundle import Environment
from laurel.domain.canonical import digest

SECONDS = 60


class CodeIdentity(TypedDict):
    """Commit, whether files differ from it, and the version of the package."""

    commit: str | None
    dirty: bool
    version: str


def code_identity(checkout: Path | None) -> CodeIdentity:
    """Name the code that runs; ``checkout`` is ``None`` for an installed wheel.

    A checkout whose commit or state git cannot tell counts as dirty: nothing vouches for it.
    """
    version = package_version()
    if checkout is None:
        return {"commit": None, "dirty": False, "version": version}
    commit = _git(checkout, "rev-parse", "--verify", "HEAD")
    changes = _git(checkout, "status", "--porcelain")
    return {"commit": commit or None, "dirty": not commit or changes != "", "version": version}


def committed_file(checkout: Path, commit: str, name: str) -> bytes | None:
    """The bytes of a file at a commit; ``None`` where this clone does not have it."""
    git = shutil.which("git")
    if git is None or not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        return None
    command = [git, "--no-optional-locks", "-C", str(checkout), "show", f"{commit}:{name}"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def environment_identity() -> Environment:
    """Name what the code runs on."""
    name, version = platform.libc_ver()
    return Environment(
        python=platform.python_version(),
        packages=digest(list(installed_versions())),
        machine=platform.machine(),
        libc=f"{name} {version}".strip() or "unknown",
    )


@lru_cache(maxsize=1)
def package_version() -> str:
    """The version of the package; git is not asked."""
    return metadata.version("laurel")


@lru_cache(maxsize=1)
def installed_versions() -> tuple[str, ...]:
    """All installed distributions as ``name==version``, sorted, names as PEP 503 writes them."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        said = _name_and_version(distribution)
        if said:
            # The first on the path is the one that is imported.
            found.setdefault(re.sub(r"[-_.]+", "-", said[0]).lower(), said[1])
    return tuple(f"{name}=={version}" for name, version in sorted(found.items()))


def _name_and_version(distribution: metadata.Distribution) -> tuple[str, str] | None:
    """The two fields alone: their file holds the whole description of a package besides."""
    texts = (distribution.read_text(name) for name in ("METADATA", "PKG-INFO", ""))
    head = (next(filter(None, texts), None) or "").partition("\n\n")[0]
    found = dict(re.findall(r"^(Name|Version):[ \t]*(.*?)\s*$", head, re.MULTILINE))
    return (found["Name"], found["Version"]) if found.keys() == {"Name", "Version"} else None


def changed_versions(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """What differs between two lists of installed versions, one sentence each.

    >>> changed_versions(["numpy==2.1.0", "six==1.17"], ["numpy==2.2.0"])
    ['numpy 2.1.0 became 2.2.0', 'six 1.17 is gone']
    """
    old = dict(line.split("==", 1) for line in before)
    new = dict(line.split("==", 1) for line in after)
    return [
        _change(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _change(name: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"{name} {new} is new"
    return f"{name} {old} is gone" if new is None else f"{name} {old} became {new}"


def _git(folder: Path, *words: str) -> str | None:
    """What git says, or ``None`` when it cannot say; it takes no locks, since runs are parallel."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed list of words, no shell
            command, capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
