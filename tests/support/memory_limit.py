"""A real limit on the memory of a process: a cgroup where one can be made, else the data limit.

In a cgroup the kernel ends a process that needs more; under the data limit it gets none.
"""

from __future__ import annotations

import os
import resource
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MB = 2**20
_ROOT = Path("/sys/fs/cgroup")


def status(name: str) -> int:
    """A field of this process in bytes, as the kernel counts it: ``VmHWM``, ``RssAnon``, …"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


@contextmanager
def cgroup(limit: int) -> Iterator[Path | None]:
    """A cgroup with a limit in bytes, removed at the end; ``None`` where none can be made."""
    name = f"laurel-test-{uuid.uuid4().hex[:12]}"
    first = _ROOT / "memory" if (_ROOT / "memory").is_dir() else _ROOT
    group = first / name
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        yield group if _limited(group, limit) else None
    finally:
        group.rmdir()


def join(group: Path) -> None:
    """Put this process into a cgroup: what it has is not counted there, what it takes is."""
    (group / "cgroup.procs").write_text(str(os.getpid()))


def take_at_most(more: int) -> None:
    """Let this process take so many bytes more than it has now, where there is no cgroup."""
    allowed = status("VmData") + more
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))


def _limited(group: Path, limit: int) -> bool:
    version1 = group / "memory.limit_in_bytes"
    try:
        if version1.exists():
            version1.write_text(str(limit))
            return int(version1.read_text()) <= limit
        (group / "memory.max").write_text(str(limit))
        (group / "memory.swap.max").write_text("0")
        return int((group / "memory.max").read_text()) <= limit
    except OSError:
        return False
