"""Whole processes: started, waited for, and measured by what the kernel counted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

from pairs import Sample

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BIN = Path(sys.executable).parent
OWN = ("AIRFLOW", "DVC_", "LAUREL_", "PYTHON")
"""What the caller's shell says of these is none of a measured process's business."""


class ProcessFailed(Exception):
    """A measured process ended badly, so there is nothing to compare."""


def environment(**given: str) -> dict[str, str]:
    """The environment of a child: the caller's, without its settings, and with ``given``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    path = f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "DVC_NO_ANALYTICS": "1", **given}


def run_process(
    command: Sequence[str | Path], *, environ: Mapping[str, str], log: Path, cwd: Path | None = None
) -> Sample:
    """Run a command to its end and say what it cost, its children included.

    This process must be small itself: Linux counts it into the peak of what it starts. Raises
    :class:`ProcessFailed` with the last lines of the output, which goes to ``log``.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        started = perf_counter()
        child = subprocess.Popen(
            [str(part) for part in command],
            env=dict(environ),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        raise ProcessFailed(f"{command[-2:]} ended with {child.returncode}:\n{tail}\n({log})")
    return Sample(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * 1024,
    )


def python(module: str, *arguments: str | Path) -> list[str | Path]:
    """The command that runs one of our modules; see :func:`with_our_modules`."""
    return [sys.executable, "-m", module, *arguments]


def with_our_modules(environ: Mapping[str, str]) -> dict[str, str]:
    """The same environment for a process that runs one of our modules."""
    return {**environ, "PYTHONPATH": f"{HERE}{os.pathsep}{ROOT / 'tests'}"}
