"""A real Dask scheduler and its workers on loopback, each a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 120
"""Seconds that a busy machine may take to start a process."""


@dataclass
class Cluster:
    """A scheduler, where it listens, and the processes of its workers."""

    folder: Path
    address: str
    options: Sequence[str] = ()
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add_worker(self, name: str) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        worker = self._worker(name)
        self.workers.append(worker)
        return worker

    def replace_worker(self, number: int) -> None:
        """Start a worker in the place of one that has ended."""
        self.workers[number].wait()
        self.workers[number] = self._worker(str(number))

    def _worker(self, name: str) -> subprocess.Popen[bytes]:
        """With one thread, and no nanny that would start it again."""
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.address]
        said = ["--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--no-dashboard"]
        place = ["--name", name, "--host", "127.0.0.1", "--local-directory", str(self.folder)]
        return _start([*command, *said, *place, *self.options], self.folder / f"{name}.log")


@contextmanager
def running_cluster(
    folder: Path, *, workers: int, options: Sequence[str] = ()
) -> Iterator[Cluster]:
    """A scheduler with so many workers, named ``0``, ``1`` …; all end with the context."""
    note = folder / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    said = ["--port", "0", "--no-dashboard", "--no-jupyter", "--scheduler-file", str(note)]
    scheduler = _start([*command, *said, *options], folder / "scheduler.log")
    cluster = None
    try:
        cluster = Cluster(folder, _address(note, scheduler), options)
        for number in range(workers):
            cluster.add_worker(str(number))
        yield cluster
    finally:
        for process in [*(cluster.workers if cluster else ()), scheduler]:
            process.kill()
            process.wait()


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )


def _address(note: Path, scheduler: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and scheduler.poll() is None:
        try:
            return str(json.loads(note.read_text())["address"])
        except (OSError, ValueError, KeyError):
            time.sleep(0.1)
    raise AssertionError((note.parent / "scheduler.log").read_text()[-2000:])
