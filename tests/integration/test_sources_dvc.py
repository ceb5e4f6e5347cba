"""Another team's DVC repository as a source: locked to a commit, checked, left as it is."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from laurel.adapters.sources import Source
from laurel.errors import ConfigError, StoreFault
from laurel.settings import Settings
from support.feeds import DAYS, RepoFeed, as_csv, frames, opened, rows

pytestmark = pytest.mark.slow

DAY = DAYS[0]


@pytest.fixture
def feed(tmp_path: Path) -> RepoFeed:
    """A repository with one day."""
    feed = RepoFeed(tmp_path / "feed")
    feed.put(DAY, rows(DAY))
    return feed


def source_of(feed: RepoFeed, tmp_path: Path, settings: Settings, **said: Any) -> Source:
    return opened(tmp_path / "usecase", {**feed.source, **said}, settings)


def levels(source: Source, tmp_path: Path) -> list[float]:
    return frames(source, [DAY], tmp_path / "spec")[DAY.key]["level"].tolist()


def drop_cache(feed: RepoFeed) -> None:
    """Let only the remote have the bytes, as for everybody else who reads."""
    shutil.rmtree(feed.repo / ".dvc" / "cache")
    shutil.rmtree(feed.repo / "data")


def test_a_branch_that_moves_on_does_not_change_what_is_read(
    feed: RepoFeed, tmp_path: Path, settings: Settings
) -> None:
    source = source_of(feed, tmp_path, settings)
    before = source.states([DAY])[DAY]
    feed.put(DAY, rows(DAY, shift=5))
    assert source.states([DAY])[DAY] == before
    assert levels(source, tmp_path) == rows(DAY)["level"].to_pylist()
    later = source_of(feed, tmp_path, settings)
    assert later.states([DAY])[DAY].fingerprint != before.fingerprint
    assert levels(later, tmp_path) == rows(DAY, shift=5)["level"].to_pylist()


def test_a_commit_that_leaves_the_data_alone_leaves_the_state(
    feed: RepoFeed, tmp_path: Path, settings: Settings
) -> None:
    before = source_of(feed, tmp_path, settings).states([DAY])[DAY]
    feed.commit("only words")
    after = source_of(feed, tmp_path, settings).states([DAY])[DAY]
    assert after == before
    assert after.settled


def test_an_old_revision_is_read_by_its_tag(
    feed: RepoFeed, tmp_path: Path, settings: Settings
) -> None:
    feed.git("tag", "first")
    feed.put(DAY, rows(DAY, shift=5))
    old = source_of(feed, tmp_path, settings, rev="first")
    assert levels(old, tmp_path) == rows(DAY)["level"].to_pylist()


def test_a_clone_reads_from_the_remote_and_nothing_is_written_there_or_left_here(
    feed: RepoFeed, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_cache(feed)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before = sorted(str(path) for path in feed.folder.rglob("*") if "tmp" not in path.parts)
    source = source_of(feed, tmp_path, settings, repo=f"file://{feed.repo}")
    assert levels(source, tmp_path) == rows(DAY)["level"].to_pylist()
    after = sorted(str(path) for path in feed.folder.rglob("*") if "tmp" not in path.parts)
    assert after == before
    batches = source.read([DAY])
    next(batches)
    assert list(scratch.iterdir())
    batches.close()
    assert not list(scratch.iterdir())


def test_a_file_that_git_has_itself_is_read_too(
    feed: RepoFeed, tmp_path: Path, settings: Settings
) -> None:
    (feed.repo / "plain").mkdir()
    (feed.repo / "plain" / f"{DAY.key}.csv").write_bytes(as_csv(rows(DAY, shift=2)))
    feed.commit("a small file")
    source = source_of(feed, tmp_path, settings, path="plain/{date:%Y-%m-%d}.csv")
    assert source.states([DAY])[DAY].settled
    assert levels(source, tmp_path) == rows(DAY, shift=2)["level"].to_pylist()


@pytest.mark.parametrize("missing", ["refuse", "empty"])
def test_a_remote_that_lacks_the_data_is_a_fault_and_never_a_day_without_rows(
    feed: RepoFeed, tmp_path: Path, settings: Settings, missing: str
) -> None:
    drop_cache(feed)
    shutil.rmtree(feed.folder / "remote")
    source = source_of(feed, tmp_path, settings, missing=missing)
    with pytest.raises(StoreFault):
        list(source.read([DAY]))
    with pytest.raises(StoreFault):
        source.states([DAY])


def test_an_object_that_is_damaged_at_the_remote_is_a_fault(
    feed: RepoFeed, tmp_path: Path, settings: Settings
) -> None:
    drop_cache(feed)
    for path in (feed.folder / "remote").rglob("*"):
        if path.is_file() and not path.name.endswith(".dir"):
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-1] + b"X")
    with pytest.raises(StoreFault, match="another md5 than its commit names") as fault:
        list(source_of(feed, tmp_path, settings).read([DAY]))
    assert fault.value.partition == DAY.key
    assert feed.git("rev-parse", "main") in str(fault.value)


def test_what_is_not_there_is_named(feed: RepoFeed, tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ConfigError, match="no such revision") as refusal:
        source_of(feed, tmp_path, settings, rev="nowhere").states([DAY])
    assert "nowhere" in str(refusal.value)
    with pytest.raises(ConfigError, match="no git repository"):
        source_of(feed, tmp_path, settings, repo=str(feed.folder)).states([DAY])
    with pytest.raises(StoreFault, match="could not be cloned"):
        source_of(feed, tmp_path, settings, repo=f"file://{tmp_path}/nowhere").states([DAY])
