"""The local store: whole files or none, and a root that is gone is not an empty store."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from laurel.adapters.store import open_store
from laurel.adapters.store.local import ASIDE, LocalStore
from laurel.errors import ConfigError, NotFound, Refused, StoreFault
from laurel.settings import load_settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(f"file://{root}")


def test_the_setting_opens_a_local_store_and_makes_its_folder(root: Path) -> None:
    store = open_store(load_settings({"LAUREL_STORE": f"file://{root}/"}))
    assert isinstance(store, LocalStore)
    assert store.url == f"file://{root}"
    assert root.is_dir()


def test_a_local_store_does_not_load_boto3(root: Path) -> None:
    code = f"""
        import sys
        from laurel.adapters.store import open_store
        from laurel.settings import load_settings
        open_store(load_settings({{"LAUREL_STORE": "file://{root}"}})).create("a", b"")
        print("boto3" in sys.modules, "botocore" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_nothing_is_left_aside_after_wins_and_losses(store: LocalStore, root: Path) -> None:
    assert store.create("a/b", b"1")
    assert not store.create("a/b", b"2")
    assert list((root / ASIDE).iterdir()) == []


def test_what_a_crash_left_aside_is_no_key(store: LocalStore, root: Path) -> None:
    store.create("a", b"1")
    (root / ASIDE / "half-written").write_bytes(b"ha")
    (root / ".DS_Store").write_bytes(b"")
    assert list(store.keys("")) == ["a"]
    with pytest.raises(Refused):
        store.read(f"{ASIDE}/half-written")


def test_a_written_file_may_not_be_written_again_by_accident(store: LocalStore, root: Path) -> None:
    store.create("a", b"1")
    assert stat.S_IMODE((root / "a").stat().st_mode) & 0o222 == 0


def test_the_name_appears_only_after_the_bytes_are_on_disk(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, link = os.fsync, os.link

    def synced(handle: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        steps.append(f"sync {kind}")
        sync(handle)

    def linked(source: Any, target: Any) -> None:
        assert Path(source).read_bytes() == b"1"
        steps.append("link")
        link(source, target)

    store.create("a/first", b"0")
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    store.create("a/second", b"1")
    assert steps == ["sync file", "link", "sync folder"]


def test_a_folder_that_is_made_is_synced_in_its_parent(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def note(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    store.create("a/b/c", b"1")
    assert {str(root), str(root / "a"), str(root / "a" / "b")} <= set(synced)


def test_a_full_disk_is_a_fault_and_leaves_nothing(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store.create("a", b"")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreFault, match="No space left on device") as fault:
            store.create("b", b"1" * 100)
    assert store.url in str(fault.value)
    assert not store.exists("b")
    assert list((root / ASIDE).iterdir()) == []
    assert store.create("b", b"2")


def test_a_root_that_is_gone_is_a_fault_not_an_empty_store(store: LocalStore, root: Path) -> None:
    store.create("a", b"1")
    shutil.rmtree(root)
    for use in (
        lambda: store.read("a"),
        lambda: store.exists("a"),
        lambda: list(store.keys("")),
        lambda: store.create("a", b""),
    ):
        with pytest.raises(StoreFault, match="the folder of the store is gone"):
            use()
    assert not root.exists()


def test_a_root_that_is_a_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreFault):
        LocalStore(f"file://{tmp_path}/file")


def test_a_key_cannot_be_the_folder_of_another(store: LocalStore) -> None:
    store.create("a/b", b"1")
    with pytest.raises(Refused, match="folder of another"):
        store.create("a", b"2")
    with pytest.raises(Refused, match="folder of another"):
        store.create("a/b/c", b"2")
    with pytest.raises(NotFound):
        store.read("a")


@pytest.mark.parametrize("url", ["file:", "ftp://host/x", "https://user:secret@host/x"])
def test_another_kind_of_store_is_refused_without_its_secrets(url: str) -> None:
    settings = load_settings({})
    with pytest.raises(ConfigError) as error:
        open_store(type(settings)(**{**vars(settings), "store": url}))
    assert "secret" not in str(error.value)
