"""The data plane and workspaces on a real S3 server."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from laurel.adapters.dvc import DataPlane, Workspace
from laurel.adapters.dvc.remote import object_key
from laurel.errors import ConfigError, IntegrityError, NotFound
from laurel.settings import Settings
from support.forking import run_apart, use_plane_around_fork
from support.servers import S3Server, settings_on, use_credentials

pytestmark = pytest.mark.slow

STAGES = """
stages:
  join:
    cmd: echo ran >> ../runs.txt; cat data/rows/* > data/joined
    deps: [data/rows]
    outs: [data/joined]
"""


@pytest.fixture
def remote(seaweedfs: S3Server, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    use_credentials(seaweedfs, monkeypatch)
    return settings_on(seaweedfs, settings)


def _files(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    for day in range(40):
        (folder / f"{day:02}").write_bytes(os.urandom(5000))
    return {path.name: path for path in sorted(folder.iterdir())}


def _write(settings: Settings, md5: str, data: bytes) -> None:
    bucket, _, prefix = settings.store.removeprefix("s3://").partition("/")
    client = boto3.session.Session().client("s3", endpoint_url=settings.s3_endpoint)
    client.put_object(Bucket=bucket, Key=f"{prefix}/dvc/{object_key(md5)}", Body=data)


def test_what_is_put_comes_back_through_an_empty_cache(remote: Settings, tmp_path: Path) -> None:
    files = _files(tmp_path / "in")
    data = DataPlane(remote)
    refs = data.put(files)
    first = data.merge(None, dict(list(refs.items())[:10]))
    grown = data.merge(first.md5, refs)
    other = DataPlane(replace(remote, cache=tmp_path / "other"))
    assert other.tree(grown.md5) == refs
    other.place({tmp_path / "out" / name: ref.md5 for name, ref in refs.items()})
    for name, path in files.items():
        assert (tmp_path / "out" / name).read_bytes() == path.read_bytes()
    assert not other.has("1" * 32)
    with pytest.raises(NotFound):
        other.ensure("1" * 32)


def test_a_large_file_goes_and_comes_in_parts(remote: Settings, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(1 << 20) * 70)
    ref = DataPlane(remote).put({"large": large})["large"]
    DataPlane(replace(remote, cache=tmp_path / "other")).get(ref, tmp_path / "out")
    assert (tmp_path / "out").stat().st_size == ref.size == 70 << 20


def test_damaged_and_cut_off_objects_are_found(remote: Settings, tmp_path: Path) -> None:
    (name, path), *_ = _files(tmp_path / "in").items()
    data = DataPlane(remote)
    ref = data.put({name: path})[name]
    _write(remote, ref.md5, b"cut off")
    other = DataPlane(replace(remote, cache=tmp_path / "other"))
    with pytest.raises(IntegrityError, match=ref.md5):
        other.get(ref, tmp_path / "out")
    data.put({name: path})
    other.get(ref, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == path.read_bytes()


def test_wrong_credentials_are_not_called_a_passing_fault(
    remote: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name, path), *_ = _files(tmp_path / "in").items()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(ConfigError, match="permission") as caught:
        DataPlane(remote).put({name: path})
    assert "wrong" not in str(caught.value)


def test_two_workers_share_runs_and_the_command_line_pulls_them(
    remote: Settings, tmp_path: Path
) -> None:
    refs = DataPlane(remote).put(_files(tmp_path / "in"))

    def make(name: str) -> Workspace:
        workspace = Workspace(tmp_path / name, replace(remote, cache=tmp_path / f"cache of {name}"))
        workspace.create()
        workspace.track("data/rows", refs)
        workspace.pull(["data/rows"])
        (workspace.folder / "dvc.yaml").write_text(STAGES)
        workspace.repro(["join"])
        workspace.push(["join"])
        return workspace

    first, second = make("first"), make("second")
    assert first.outputs() == second.outputs()
    assert (tmp_path / "runs.txt").read_text() == "ran\n"

    third = Workspace(tmp_path / "third", replace(remote, cache=tmp_path / "third cache"))
    third.create()
    (third.folder / "data").mkdir()
    for name in ("dvc.yaml", "dvc.lock", "data/rows.dvc"):
        (third.folder / name).write_bytes((first.folder / name).read_bytes())
    command = [sys.executable, "-m", "dvc", "pull"]
    done = subprocess.run(command, cwd=third.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (third.folder / "data/joined").read_bytes() == (
        first.folder / "data/joined"
    ).read_bytes()


def test_a_plane_used_before_a_fork_works_after_it(remote: Settings, tmp_path: Path) -> None:
    run_apart(use_plane_around_fork, remote, _files(tmp_path / "in"))
