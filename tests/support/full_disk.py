"""Ingests onto a disk that is full, with less and less room, in a process of its own.

    python -m support.full_disk FOLDER store|home tmpfs|limit

``tmpfs`` mounts a small disk at ``FOLDER/disk``, where the store or the home is; it needs a mount
namespace of its own. ``limit`` bounds the size of a file that this process may write instead. What
happened is printed as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from laurel.errors import LaurelError
from support.killing import broken
from support.runs import Home, open_home

DATASET, BEFORE, DAYS = "visits", "2024-02-01", ("2024-02-02", "2024-02-03")
ROOM = (0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64)
"""KiB that a run finds free, or that a file of it may have: until there is enough."""
SIZE = 4 << 20
UNSHARE = ("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount")


@cache
def namespace() -> tuple[str, ...] | None:
    """How a process gets a mount namespace in which it may mount; ``None`` where it may not."""
    if shutil.which("unshare") is None:
        return None
    for words in UNSHARE:
        mount = [*words, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            return words
    return None


def main(folder: Path, what: str, mode: str) -> None:
    """Try with each room, then with all of it."""
    disk = folder / "disk"
    disk.mkdir(parents=True)
    if mode == "tmpfs":
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk)]
        subprocess.run(mount, check=True)
    given = {"LAUREL_STORE": f"file://{disk}/store"} if what == "store" else {}
    given |= {"LAUREL_HOME": f"{disk}/home"} if what == "home" else {}
    home = open_home(folder, **given)
    home.ingest(DATASET, BEFORE, BEFORE)
    tries = []
    for room in ROOM:
        with little_room(disk, room << 10, mode):
            tries.append({"room": room, "error": attempt(home)})
        tries[-1] |= seen(home)
    home.ingest(DATASET, *DAYS)
    said = {"mode": mode, "tries": tries, "after": seen(home)}
    sys.stdout.write(f"{json.dumps(said)}\n")


@contextmanager
def little_room(disk: Path, room: int, mode: str) -> Iterator[None]:
    """A disk with that many bytes free, or files of that many bytes at most."""
    if mode == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            unlimited = resource.RLIM_INFINITY, resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        return
    ballast = disk / "ballast"
    free = shutil.disk_usage(disk).free - room
    with ballast.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, free)
    try:
        yield
    finally:
        ballast.unlink()


def attempt(home: Home) -> dict[str, Any] | None:
    """How an ingest of the days failed; ``None`` where it did not."""
    try:
        home.ingest(DATASET, *DAYS)
    except LaurelError as error:
        return {"kind": type(error).__name__, "retry": error.retryable, "text": str(error)}
    except Exception as error:  # which the test then refuses
        return {"kind": type(error).__name__, "retry": False, "text": repr(error)}
    return None


def seen(home: Home) -> dict[str, Any]:
    """What the catalog shows, and what is half there."""
    site = home.site
    state = site.catalog(home.usecase, DATASET).audit().state
    md5s = {revision.partition: revision.md5 for revision in state.newest()}
    return {"md5": md5s, "tree": state.tree, "broken": broken(site, [*md5s.values()], state.tree)}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
