"""DVC's reproduction of stages: run in this process, with a run cache that is looked up by stage.

Two parts of DVC are replaced, both pinned by the version range in the package's requirements. Its
run cache is pulled and pushed whole, and would grow with every run of every use case; and what a
command prints goes past the log of the task.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dvc.stage.run
from dvc.exceptions import DvcException, ReproductionError
from dvc.lock import LockError
from dvc.repo import Repo

from laurel.adapters.dvc.command import Commands
from laurel.adapters.dvc.faults import worded
from laurel.adapters.dvc.hashed import hashing_once
from laurel.adapters.dvc.locked import locking_once
from laurel.adapters.dvc.parsed import parsing_once
from laurel.adapters.dvc.plane import DataPlane
from laurel.adapters.dvc.remembered import remembering
from laurel.adapters.dvc.runcache import RunCache
from laurel.adapters.exhausted import disk_is_full
from laurel.adapters.warm import WarmProcess, stage_environment
from laurel.errors import ConfigError, LaurelError, StoreFault

_ONE = threading.Lock()
"""DVC reads the working directory, which a process has one of."""


def run_stages(
    folder: Path,
    plane: DataPlane,
    stages: Sequence[str],
    *,
    cache: Path,
    force: bool,
    single: bool,
    warm: WarmProcess | None,
    meanwhile: Callable[[], object] | None,
    echo: Callable[[str], object],
) -> None:
    """Bring stages up to date; see :meth:`Workspace.repro`."""
    if not stages:
        raise ConfigError("no stage was named", expected="stages of dvc.yaml", detail=str(folder))
    logs = folder / ".dvc" / "tmp" / "commands"
    with (
        _ONE,
        _worded(folder),
        contextlib.chdir(folder),
        parsing_once(),
        hashing_once() as forget,
        remembering(),
        locking_once(),
        Commands(echo, logs=logs, warm=warm, meanwhile=meanwhile, around=forget) as commands,
        Repo(str(folder)) as repo,
        _run_by(commands),
    ):
        repo.stage_cache = RunCache(repo, plane, echo=echo, restored=forget)
        try:
            repo.reproduce(
                list(stages),
                force=force,
                single_item=single,
                run_env=stage_environment(cache),
            )
        except ReproductionError as error:
            told = commands.failure or _ours(error)
            if told is None:
                raise
            raise told from error


@contextlib.contextmanager
def _worded(folder: Path) -> Iterator[None]:
    try:
        with worded("work with DVC", str(folder)):
            yield
    except LockError as error:
        raise StoreFault(
            "another DVC command works in this workspace",
            found=folder,
            hint="try again when it is done, or use a workspace of your own",
        ) from error
    except DvcException as error:
        if disk_is_full(error):
            raise StoreFault(
                f"the disk is full: {error}",
                found=_causes(error),
                detail=str(folder),
                hint="free some room there; trying again is safe",
            ) from error
        raise LaurelError(str(error), found=_causes(error), detail=str(folder)) from error


@contextlib.contextmanager
def _run_by(commands: Commands) -> Iterator[None]:
    original = dvc.stage.run._run
    dvc.stage.run._run = commands.run
    try:
        yield
    finally:
        dvc.stage.run._run = original


def _ours(error: BaseException) -> LaurelError | None:
    """An error of ours that DVC wrapped in its own."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, LaurelError):
        cause = cause.__cause__
    return cause


def _causes(error: BaseException) -> str | None:
    lines: list[str] = []
    cause = error.__cause__
    while cause is not None:
        lines += str(cause).splitlines()
        cause = cause.__cause__
    return "\n".join(lines[:6]) or None
