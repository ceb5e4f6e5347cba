"""DVC's own garbage collection, as anybody would type it, where Laurel's objects are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from laurel.adapters.dvc import DataPlane, Workspace
from laurel.adapters.dvc.remote import object_key
from laurel.settings import Settings
from support.servers import S3Server, settings_on, use_credentials

pytestmark = pytest.mark.slow


def dvc(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("dvc")), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def publish(settings: Settings, folder: Path) -> list[str]:
    """Objects that no workspace uses: a file, and a directory object that holds it."""
    folder.mkdir()
    (folder / "rows").write_text("rows")
    plane = DataPlane(settings)
    refs = plane.put({"rows": folder / "rows"})
    return [refs["rows"].md5, plane.merge(None, refs).md5]


def expect_refused(settings: Settings, tmp_path: Path) -> None:
    named = publish(settings, tmp_path / "in")
    workspace = Workspace(tmp_path / "workspace", settings)
    workspace.create()

    done = dvc(workspace.folder, "gc", "--workspace", "--cloud", "--force")

    assert done.returncode != 0
    assert "laurel refuses dvc gc" in done.stderr
    assert "dropped by - laurel gc" in done.stderr
    assert workspace.plane.missing(named) == ()
    assert all(workspace.plane.holds(md5) for md5 in named)


def test_dvc_refuses_with_the_reason_and_drops_nothing(settings: Settings, tmp_path: Path) -> None:
    expect_refused(settings, tmp_path)


def test_dvc_refuses_on_s3_too(
    settings: Settings, tmp_path: Path, seaweedfs: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_credentials(seaweedfs, monkeypatch)
    expect_refused(settings_on(seaweedfs, settings), tmp_path)


def test_a_repository_with_a_cache_of_its_own_is_refused_at_the_remote(
    settings: Settings, tmp_path: Path
) -> None:
    """As somebody else's checkout that names the store as its remote; the cache is theirs."""
    named = publish(settings, tmp_path / "in")
    other = tmp_path / "other"
    other.mkdir()
    remote = f"{settings.store.removeprefix('file://')}/dvc"
    for words in (["init", "--no-scm", "-q"], ["remote", "add", "-d", "store", remote]):
        assert dvc(other, *words).returncode == 0

    done = dvc(other, "gc", "--workspace", "--cloud", "--force")

    assert "laurel refuses dvc gc" in done.stderr
    assert all((Path(remote) / object_key(md5)).is_file() for md5 in named)


def test_push_status_and_pull_do_not_mind_what_makes_gc_refuse(
    settings: Settings, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "workspace", settings)
    workspace.create()
    (tmp_path / "rows").write_text("rows")
    workspace.track("data", workspace.plane.put({"rows": tmp_path / "rows"}))
    for words in (["pull"], ["status", "--cloud"], ["push"]):
        done = dvc(workspace.folder, *words)
        assert done.returncode == 0, done.stderr
    assert (workspace.folder / "data" / "rows").read_text() == "rows"
