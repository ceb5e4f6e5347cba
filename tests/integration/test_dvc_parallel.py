"""Several workspaces at the same time, with one cache and one remote; and a fork between."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import zc.lockfile

from laurel.adapters.dvc import DataPlane, Workspace
from laurel.domain.data import FileRef
from laurel.errors import StoreFault
from laurel.settings import Settings
from support.forking import SPAWN, run_apart, run_stages, use_workspace_around_fork


def _refs(settings: Settings, folder: Path) -> dict[str, FileRef]:
    folder.mkdir()
    for day in range(30):
        (folder / f"{day:02}").write_text(f"row of day {day}\n" * (day + 1))
    return DataPlane(settings).put({path.name: path for path in sorted(folder.iterdir())})


@pytest.mark.parametrize("same", [True, False], ids=["equal inputs", "different inputs"])
def test_workspaces_work_at_the_same_time(settings: Settings, tmp_path: Path, same: bool) -> None:
    refs = _refs(settings, tmp_path / "in")
    used = [dict(list(refs.items())[: 30 if same else 30 - n]) for n in range(4)]
    with ProcessPoolExecutor(4, mp_context=SPAWN) as pool:
        jobs = [pool.submit(run_stages, settings, tmp_path / f"w{n}", used[n]) for n in range(4)]
        found = [job.result() for job in jobs]
    assert len({outputs["data/joined"]["md5"] for outputs in found}) == (1 if same else 4)
    data = DataPlane(settings)
    for outputs in found:
        names = data.names(outputs["data/parts"]["md5"])
        assert len(names) == outputs["data/parts"]["nfiles"]
        assert all(data.has(md5) for md5 in [outputs["data/joined"]["md5"], *names.values()])


def test_one_workspace_takes_one_command_at_a_time(settings: Settings, tmp_path: Path) -> None:
    refs = _refs(settings, tmp_path / "in")
    run_stages(settings, tmp_path / "w", refs)
    lock = zc.lockfile.LockFile(str(tmp_path / "w/.dvc/tmp/lock"))
    try:
        with pytest.raises(StoreFault, match="another DVC command"):
            Workspace(tmp_path / "w", settings).repro(["split"])
    finally:
        lock.close()


def test_a_workspace_opened_before_a_fork_works_after_it(
    settings: Settings, tmp_path: Path
) -> None:
    refs = _refs(settings, tmp_path / "in")
    run_stages(settings, tmp_path / "w", refs)
    run_apart(use_workspace_around_fork, settings, tmp_path / "w")
