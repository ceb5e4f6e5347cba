"""What is published is ordinary DVC: its own command line, in a folder of its own, agrees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from laurel.adapters.dvc import Workspace
from laurel.domain.data import FileRef
from laurel.settings import Settings


def dvc(folder: Path, *words: str, check: bool = True) -> str:
    env = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / ".site")}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], cwd=folder, env=env, capture_output=True, text=True
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def clone(folder: Path, settings: Settings) -> Path:
    """A repository as somebody else would make it: only the address of the remote is ours."""
    folder.mkdir()
    dvc(folder, "init", "--no-scm", "-q")
    dvc(folder, "remote", "add", "-d", "store", f"{settings.store.removeprefix('file://')}/dvc")
    return folder


@pytest.fixture
def published(settings: Settings, tmp_path: Path) -> tuple[Workspace, dict[str, FileRef]]:
    folder = tmp_path / "in"
    (folder / "late").mkdir(parents=True)
    for name in ("2013-01-01.parquet", "2013-01-02.parquet", "late/2013-01-01.parquet"):
        (folder / name).write_bytes(name.encode() * 100)
    workspace = Workspace(tmp_path / "w", settings)
    workspace.create()
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.parquet"))
    return workspace, workspace.plane.put({name: folder / name for name in names})


def test_a_plain_dvc_pull_gets_a_window_that_names_a_grown_tree(
    settings: Settings, published: tuple[Workspace, dict[str, FileRef]], tmp_path: Path
) -> None:
    workspace, refs = published
    first = workspace.plane.merge(None, dict(list(refs.items())[:1]))
    grown = workspace.plane.merge(first.md5, refs)
    assert workspace.track("data/flights", refs).md5 == grown.md5
    other = clone(tmp_path / "clone", settings)
    (other / "flights.dvc").write_bytes((workspace.folder / "data/flights.dvc").read_bytes())
    dvc(other, "pull", "flights.dvc")
    pulled = {p.relative_to(other / "flights").as_posix(): p for p in other.rglob("*.parquet")}
    assert pulled.keys() == refs.keys()
    for name, path in pulled.items():
        assert path.read_bytes() == (tmp_path / "in" / name).read_bytes()
    assert "up to date" in dvc(other, "status")


def test_dvc_add_of_the_full_directory_gives_the_same_directory_object(
    settings: Settings, published: tuple[Workspace, dict[str, FileRef]], tmp_path: Path
) -> None:
    workspace, refs = published
    tracked = workspace.track("data/flights", refs)
    other = clone(tmp_path / "clone", settings)
    (tmp_path / "in").rename(other / "flights")
    dvc(other, "add", "flights")
    (out,) = yaml.safe_load((other / "flights.dvc").read_text())["outs"]
    assert (out["md5"], out["nfiles"], out["size"]) == (tracked.md5, tracked.nfiles, tracked.size)
    assert (other / "flights.dvc").read_text() == (
        workspace.folder / "data/flights.dvc"
    ).read_text()


def test_a_run_of_stages_is_in_step_for_the_command_line_and_reproduced_by_it(
    settings: Settings, published: tuple[Workspace, dict[str, FileRef]], tmp_path: Path
) -> None:
    workspace, refs = published
    workspace.track("data/flights", refs)
    workspace.pull(["data/flights"])
    text = (
        "stages:\n  size:\n    cmd: echo ran >> ../runs.txt;"
        " cat data/flights/*.parquet | wc -c > data/size\n"
        "    deps: [data/flights]\n    outs: [data/size]\n"
    )
    (workspace.folder / "dvc.yaml").write_text(text)
    workspace.repro(["size"])
    workspace.push(["size"])
    assert "up to date" in dvc(workspace.folder, "status")
    assert "in sync" in dvc(workspace.folder, "status", "--cloud")

    other = clone(tmp_path / "clone", settings)
    (other / "data").mkdir()
    for name in ("dvc.yaml", "dvc.lock", "data/flights.dvc"):
        (other / name).write_bytes((workspace.folder / name).read_bytes())
    dvc(other, "pull", "--run-cache")
    assert "up to date" in dvc(other, "repro")
    assert (other / "data/size").read_bytes() == (workspace.folder / "data/size").read_bytes()
    (other / "dvc.lock").unlink()
    (other / "data/size").unlink()
    assert "cached - skipping run" in dvc(other, "repro")
    assert (tmp_path / "runs.txt").read_text() == "ran\n"
