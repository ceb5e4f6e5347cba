"""Work in interpreters of its own: forking this one, which has threads, can hang a child.

A fork copies the locks that other threads hold at that moment, and nobody there releases them.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from laurel.adapters.dvc import DataPlane, Workspace
from laurel.adapters.dvc.workspace import Output
from laurel.adapters.store import open_store
from laurel.domain.data import FileRef
from laurel.settings import Settings

STAGES = """
stages:
  join:
    cmd: cat data/rows/* > data/joined
    deps: [data/rows]
    outs: [data/joined]
  split:
    cmd: mkdir -p data/parts && split -l 20 data/joined data/parts/
    deps: [data/joined]
    outs: [data/parts]
"""

SPAWN = get_context("spawn")
PATIENCE = 120
"""Seconds after which a child counts as hung."""


def run_apart(work: Callable[..., None], *arguments: Any) -> None:
    """Run a function of this module in a fresh interpreter; fails when it fails or hangs."""
    child = SPAWN.Process(target=work, args=arguments)
    child.start()
    child.join(PATIENCE)
    hung = child.is_alive()
    if hung:
        child.kill()
        child.join()
    assert not hung, f"{work.__name__} did not end within {PATIENCE} s"
    assert child.exitcode == 0, f"{work.__name__} ended with {child.exitcode}"


def in_fork(work: Callable[[], object]) -> None:
    """Run ``work`` in a fork of this process and wait for it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def use_plane_around_fork(settings: Settings, files: Mapping[str, Path]) -> None:
    """Put files, look for them from four threads of a fork, and again here."""
    plane = DataPlane(settings)
    refs = plane.put(files)

    def look() -> None:
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(plane.has, [ref.md5 for ref in refs.values()]))

    in_fork(look)
    assert plane.has(next(iter(refs.values())).md5)


def use_store_around_forks(settings: Settings) -> None:
    """Create a key here and one in each of three forks; every one is read back here."""
    store = open_store(settings)
    assert store.create("parent", b"1")
    for number in range(3):
        in_fork(lambda key=f"child/{number}": store.create(key, b"2"))
    assert store.read("parent") == b"1"
    assert [store.read(key) for key in store.keys("child/")] == [b"2"] * 3


def use_workspace_around_fork(settings: Settings, folder: Path) -> None:
    """Run a stage here, and again in a fork that pushes."""
    workspace = Workspace(folder, settings)
    workspace.repro(["split"])

    def again() -> None:
        workspace.repro(["split"], force=True)
        workspace.push(["split"])

    in_fork(again)


def put(settings: Settings, files: dict[str, Path]) -> dict[str, FileRef]:
    """Put files through a plane of this process."""
    return DataPlane(settings).put(files)


def run_stages(settings: Settings, folder: Path, refs: dict[str, FileRef]) -> dict[str, Output]:
    """Track the files in a new workspace, pull, run and push the stages."""
    workspace = Workspace(folder, settings)
    workspace.create()
    workspace.track("data/rows", refs)
    workspace.pull(["data/rows"])
    (folder / "dvc.yaml").write_text(STAGES)
    workspace.repro(["split"])
    workspace.push(["join", "split"])
    return workspace.outputs()
