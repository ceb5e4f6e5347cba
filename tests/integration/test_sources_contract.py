"""What every kind of source promises, asked of each of them with the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from laurel.adapters.sources import BATCH_ROWS, Connection, KeepsFiles, Source
from laurel.errors import DataError
from laurel.settings import Settings
from support.feeds import (
    DAYS,
    BucketFeed,
    Feed,
    FolderFeed,
    PythonFeed,
    RepoFeed,
    TableFeed,
    WebFeed,
    frames,
    opened,
    rows,
    run_postgres,
    run_web,
)
from support.servers import settings_on, use_credentials

pytestmark = pytest.mark.slow

KINDS = ["csv", "parquet", "s3", "http", "sql", "dvc", "python"]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with run_postgres(tmp_path_factory.mktemp("postgres")) as connection:
        yield connection


@pytest.fixture(params=KINDS)
def feed(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Feed]:
    """A feed of each kind that holds three days."""
    held: Feed
    if request.param == "s3":
        server = request.getfixturevalue("seaweedfs")
        use_credentials(server, monkeypatch)
        held = BucketFeed(server, tmp_path.name)
    elif request.param == "http":
        with run_web() as web:
            yield _filled(WebFeed(web))
        return
    elif request.param == "sql":
        held = TableFeed(request.getfixturevalue("database"), f"climate_{abs(hash(tmp_path))}")
    elif request.param == "dvc":
        held = RepoFeed(tmp_path / "feed")
    elif request.param == "python":
        held = PythonFeed(tmp_path / "feed")
    else:
        suffix = "csv.gz" if request.param == "csv" else "parquet"
        held = FolderFeed(tmp_path / "feed", suffix)
    yield _filled(held)


def _filled(feed: Feed) -> Feed:
    for number, day in enumerate(DAYS):
        feed.put(day, rows(day, shift=number))
    return feed


@pytest.fixture
def source(
    feed: Feed, tmp_path: Path, settings: Settings, request: pytest.FixtureRequest
) -> Source:
    return _again(feed, tmp_path, settings)


def _again(feed: Feed, folder: Path, settings: Settings) -> Source:
    """The source as another process opens it."""
    if isinstance(feed, BucketFeed):
        settings = settings_on(feed.server, settings)
    return opened(folder / "usecase", feed.source, settings, feed.connections)


def test_the_same_rows_give_the_same_frames(source: Source, tmp_path: Path) -> None:
    found = frames(source, DAYS, tmp_path / "spec")
    for number, day in enumerate(DAYS):
        expected = rows(day, shift=number)
        assert found[day.key]["shop"].tolist() == expected["shop"].to_pylist()
        assert found[day.key]["level"].tolist() == expected["level"].to_pylist()
        assert found[day.key]["observed"].tolist() == [
            pd.Timestamp(moment) for moment in expected["observed"].to_pylist()
        ]


def test_a_day_alone_gives_its_own_rows(source: Source, tmp_path: Path) -> None:
    found = frames(source, DAYS[1:2], tmp_path / "spec")
    assert found[DAYS[1].key]["level"].tolist() == rows(DAYS[1], shift=1)["level"].to_pylist()
    assert all(len(batch.rows) <= BATCH_ROWS for batch in source.read(DAYS[1:2]))


def test_an_unchanged_source_has_an_equal_state_and_other_rows_have_another(
    feed: Feed, source: Source, tmp_path: Path, settings: Settings
) -> None:
    before = source.states(DAYS)
    unchanged = _again(feed, tmp_path, settings).states(DAYS)
    assert {day: state.fingerprint for day, state in before.items()} == {
        day: state.fingerprint for day, state in unchanged.items()
    }
    feed.put(DAYS[1], rows(DAYS[1], shift=7))
    after = _again(feed, tmp_path, settings).states(DAYS)
    changed = [day for day in DAYS if after[day].fingerprint != before[day].fingerprint]
    assert changed == [DAYS[1]]
    found = frames(_again(feed, tmp_path, settings), DAYS, tmp_path / "spec")
    assert found[DAYS[1].key]["level"].tolist() == rows(DAYS[1], shift=7)["level"].to_pylist()


def test_files_are_kept_byte_for_byte(feed: Feed, source: Source, tmp_path: Path) -> None:
    if not isinstance(source, KeepsFiles):
        assert type(feed) in (TableFeed, PythonFeed)
        return
    folder = tmp_path / "kept"
    folder.mkdir()
    (kept,) = source.files(DAYS[0], folder)
    assert kept.parent == folder
    assert kept.stat().st_size > 0
    again = tmp_path / "again"
    again.mkdir()
    assert source.files(DAYS[0], again)[0].read_bytes() == kept.read_bytes()


def test_its_place_holds_no_secret(source: Source) -> None:
    assert source.place
    assert "rose-and-thorn" not in source.place


def test_a_day_that_is_not_there_is_an_error_or_has_no_rows(feed: Feed, source: Source) -> None:
    absent = DAYS[-1].shifted(1)
    if isinstance(feed, TableFeed | PythonFeed):
        assert sum(len(batch.rows) for batch in source.read([absent])) == 0
        return
    assert not source.states([absent])[absent].settled
    with pytest.raises(DataError, match="no file of a day") as refusal:
        list(source.read([*DAYS, absent]))
    assert refusal.value.partition == absent.key
