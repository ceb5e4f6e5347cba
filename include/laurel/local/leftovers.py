"""Find and stop the processes of a stack, and never a stranger's.

A process belongs to a stack if it lives in the session of the supervisor that this stack recorded,
if its environment names the stack, or if it runs in the stack's data directory. No single mark is
enough: an ordinary user may not read the environment of a process that runs a task (Airflow makes
it undumpable), PostgreSQL writes over its own, and a program may open a session of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "LAUREL_STACK"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Birth:
    """A process, told from another that got the same id later."""

    pid: int
    boot: str
    """The kernel's id of this boot: after a reboot every recorded process is gone."""
    ticks: int
    """When it was started, in clock ticks since the boot."""

    @classmethod
    def of(cls, pid: int) -> Birth | None:
        """The process of that id, or ``None`` when there is none."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # Field 22; the second, the name in brackets, may hold anything.
        state, *rest = text.rpartition(")")[2].split()
        return None if state in "ZX" else cls(pid, _BOOT.read_text().strip(), int(rest[18]))

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Birth.of(self.pid) == self


@dataclass(frozen=True)
class Marks:
    """By what the processes of one stack are known."""

    stack: str
    """The identity in the environment variable :data:`MARK`."""
    supervisor: Birth | None
    """The supervisor, whose process id is also its session's; ``None`` if it is not known."""
    database: Path
    """The working directory of every PostgreSQL process."""


def find_leftovers(marks: Marks) -> list[int]:
    """The process ids that belong to the stack, without ourselves and our ancestors."""
    session = _session(marks)
    spared = _ancestors()
    found: set[int] = set()
    for process in psutil.process_iter():
        if process.pid in spared or not _belongs(process, marks, session):
            continue
        found.add(process.pid)
        found.update(_descendants(process))
    return sorted(found - spared)


def find_group(group: int, *, session: int) -> list[int]:
    """The processes of a process group within a session, with all their descendants."""
    found: set[int] = set()
    for pid in psutil.pids():
        if pid == os.getpid():
            continue
        try:
            inside = os.getpgid(pid) == group and os.getsid(pid) == session
        except OSError:
            continue
        if inside:
            found.add(pid)
            found.update(_descendants(psutil.Process(pid)) if psutil.pid_exists(pid) else ())
    return sorted(found - {os.getpid()})


def stop(pids: Iterable[int], *, patience: float) -> list[psutil.Process]:
    """Ask the processes to end, kill those still there after ``patience`` seconds.

    Returns the processes that were alive at the start.
    """
    processes = [process for pid in pids if (process := _alive(pid))]
    for process in processes:
        _quietly(process.terminate)
    _, stubborn = psutil.wait_procs(processes, timeout=patience)
    for process in stubborn:
        _quietly(process.kill)
    psutil.wait_procs(stubborn, timeout=patience)
    return processes


def _belongs(process: psutil.Process, marks: Marks, session: int | None) -> bool:
    if _is_zombie(process):
        return False
    try:
        if session is not None and os.getsid(process.pid) == session:
            return True
    except OSError:
        return False
    with suppress(psutil.Error, OSError):
        if process.environ().get(MARK) == marks.stack:
            return True
    try:
        return process.name() == "postgres" and Path(process.cwd()) == marks.database
    except (psutil.Error, OSError):
        return False


def _session(marks: Marks) -> int | None:
    """The session of our supervisor, unless its id belongs to somebody else by now.

    The id of a dead leader stays taken while its session lives; a living one must be ours.
    """
    recorded = marks.supervisor
    if recorded is None or recorded.boot != _BOOT.read_text().strip():
        return None
    return recorded.pid if Birth.of(recorded.pid) in (None, recorded) else None


def _ancestors() -> set[int]:
    me = psutil.Process()
    return {me.pid, *(parent.pid for parent in me.parents())}


def _descendants(process: psutil.Process) -> set[int]:
    try:
        return {child.pid for child in process.children(recursive=True)}
    except psutil.Error:
        return set()


def _alive(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
    except psutil.Error:
        return None
    return None if _is_zombie(process) else process


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def _quietly(act: Callable[[], None]) -> None:
    with suppress(psutil.Error):
        act()
