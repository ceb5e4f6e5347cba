"""Files in a folder: every form of them, several a day, a disk that is away, a file that grows."""

from __future__ import annotations

import bz2
import fcntl
import gzip
import lzma
import os
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from laurel.adapters.sources import KeepsFiles, Source
from laurel.adapters.sources import files as file_source
from laurel.errors import DataError, StoreFault
from laurel.settings import Settings
from support.feeds import DAYS, FolderFeed, an_hour_ago, as_csv, as_parquet, frames, opened, rows

pytestmark = pytest.mark.slow

DAY = DAYS[0]


def zipped(data: bytes) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside", data)
    return target.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zip": zipped,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


@pytest.fixture
def feed(tmp_path: Path) -> FolderFeed:
    feed = FolderFeed(tmp_path / "feed", "csv")
    feed.put(DAY, rows(DAY))
    return feed


def file_of(feed: FolderFeed) -> Path:
    return feed.folder / "2024" / "02" / "27" / "rows.csv"


def source_of(feed: FolderFeed, tmp_path: Path, settings: Settings, **said: Any) -> Source:
    return opened(tmp_path / "usecase", {**feed.source, **said}, settings)


def levels(source: Source, tmp_path: Path) -> list[float]:
    return frames(source, [DAY], tmp_path / "spec")[DAY.key]["level"].tolist()


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_every_form_of_file_is_read(
    tmp_path: Path, settings: Settings, form: str, packing: str
) -> None:
    plain = as_csv(rows(DAY)) if form == "csv" else as_parquet(rows(DAY))
    (tmp_path / f"{DAY.key}.{form}{packing}").write_bytes(PACKED[packing](plain))
    said = {"kind": "files", "path": f"{tmp_path}/{{date:%Y-%m-%d}}.{form}{packing}"}
    source = opened(tmp_path / "usecase", said, settings)
    assert levels(source, tmp_path) == rows(DAY)["level"].to_pylist()


def test_several_files_of_a_day_are_read_in_the_order_of_their_names(
    feed: FolderFeed, tmp_path: Path, settings: Settings
) -> None:
    folder = file_of(feed).parent
    for number, name in enumerate(["b.csv", "a.csv", ".hidden.csv", "c.txt"]):
        (folder / name).write_bytes(as_csv(rows(DAY, shift=number, count=1)))
    (folder / "d.csv").mkdir()
    batches = list(source_of(feed, tmp_path, settings).read([DAY]))
    assert [batch.rows["level"].iloc[0] for batch in batches] == ["1", "0", "0"]
    assert [len(batch.rows) for batch in batches] == [1, 1, 3]


def test_a_relative_path_is_in_the_folder_of_the_use_case(
    tmp_path: Path, settings: Settings
) -> None:
    said = {"kind": "files", "path": "data/{date:%Y-%m-%d}.parquet"}
    source = opened(tmp_path / "usecase", said, settings)
    with pytest.raises(StoreFault, match="folder of the source is not there"):
        source.states([DAY])
    folder = tmp_path / "usecase" / "usecases" / "toy" / "data"
    folder.mkdir()
    (folder / f"{DAY.key}.parquet").write_bytes(as_parquet(rows(DAY)))
    assert levels(source, tmp_path) == rows(DAY)["level"].to_pylist()


def test_a_disk_that_is_away_is_a_fault_and_never_a_day_without_rows(
    feed: FolderFeed, tmp_path: Path, settings: Settings
) -> None:
    source = source_of(feed, tmp_path, settings, missing="empty")
    assert sum(len(batch.rows) for batch in source.read([DAY, DAYS[1]])) == 3
    feed.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreFault, match="is the disk mounted"):
        list(source.read([DAY]))


def test_a_file_is_settled_only_when_its_time_of_change_is_past(
    feed: FolderFeed, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_source, "FRESH_SECONDS", 1800.0)  # a machine may stand still
    source = source_of(feed, tmp_path, settings)
    assert not source.states([DAY])[DAY].settled
    an_hour_ago(file_of(feed))
    assert source.states([DAY])[DAY].settled


def test_a_copy_of_equal_size_and_time_is_another_state(
    feed: FolderFeed, tmp_path: Path, settings: Settings
) -> None:
    file = file_of(feed)
    an_hour_ago(file)
    source = source_of(feed, tmp_path, settings)
    before, times = source.states([DAY])[DAY], file.stat()
    file.write_bytes(file.read_bytes().replace(b"0.1", b"0.7"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file.stat().st_size == times.st_size
    assert source.states([DAY])[DAY].fingerprint != before.fingerprint


def test_other_options_of_reading_are_another_state(
    feed: FolderFeed, tmp_path: Path, settings: Settings
) -> None:
    plain = source_of(feed, tmp_path, settings).states([DAY])[DAY]
    renamed = source_of(feed, tmp_path, settings, rename={"x": "level"}).states([DAY])[DAY]
    assert plain.fingerprint != renamed.fingerprint


def test_a_file_that_grows_while_it_is_read_is_a_fault(
    feed: FolderFeed, tmp_path: Path, settings: Settings
) -> None:
    batches = source_of(feed, tmp_path, settings).read([DAY])
    next(batches)
    with file_of(feed).open("ab") as file:
        file.write(b'"east","2024-02-27T05:00:00+00:00",1\n')
    with pytest.raises(StoreFault, match="changed while it was read"):
        list(batches)


def test_columns_have_other_names_there(
    feed: FolderFeed, tmp_path: Path, settings: Settings
) -> None:
    table = rows(DAY).rename_columns(["Laden", "observed", "level"])
    file_of(feed).write_bytes(as_csv(table))
    source = source_of(feed, tmp_path, settings, rename={"Laden": "shop"})
    assert levels(source, tmp_path) == rows(DAY)["level"].to_pylist()
    clash = source_of(feed, tmp_path, settings, rename={"Laden": "level"})
    with pytest.raises(DataError, match="same name once they are renamed") as refusal:
        list(clash.read([DAY]))
    assert "found:    level" in str(refusal.value)


@pytest.mark.parametrize("cut", [1, 9, 40])
@pytest.mark.parametrize("packing", [name for name in PACKED if name])
def test_a_file_that_is_cut_off_is_refused_and_kept_as_it_is(
    tmp_path: Path, settings: Settings, packing: str, cut: int
) -> None:
    data = PACKED[packing](as_csv(rows(DAY, count=200)))[:-cut]
    file = tmp_path / f"{DAY.key}.csv{packing}"
    file.write_bytes(data)
    said = {"kind": "files", "path": f"{tmp_path}/{{date:%Y-%m-%d}}.csv{packing}"}
    source = opened(tmp_path / "usecase", said, settings)
    with pytest.raises(DataError) as refusal:
        list(source.read([DAY]))
    assert file.name in str(refusal.value)
    assert refusal.value.partition == DAY.key
    assert isinstance(source, KeepsFiles)
    (tmp_path / "kept").mkdir()
    (kept,) = source.files(DAY, tmp_path / "kept")
    assert kept.read_bytes() == data
    assert file.read_bytes() == data


def test_files_of_one_name_are_kept_apart(tmp_path: Path, settings: Settings) -> None:
    for part in ("east", "west"):
        (tmp_path / "feed" / DAY.key / part).mkdir(parents=True)
        (tmp_path / "feed" / DAY.key / part / "rows.csv").write_bytes(part.encode())
    said = {"kind": "files", "path": f"{tmp_path}/feed/{{date:%Y-%m-%d}}/*/rows.csv"}
    source = opened(tmp_path / "usecase", said, settings)
    assert isinstance(source, KeepsFiles)
    (tmp_path / "kept").mkdir()
    kept = source.files(DAY, tmp_path / "kept")
    assert [path.read_bytes() for path in kept] == [b"east", b"west"]


def test_what_is_fetched_lies_in_a_folder_that_is_locked_and_gone_afterwards(
    feed: FolderFeed, tmp_path: Path, settings: Settings
) -> None:
    batches = source_of(feed, tmp_path, settings).read([DAY])
    next(batches)
    (folder,) = (settings.home / "workspaces").iterdir()
    with pytest.raises(BlockingIOError):
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    batches.close()
    assert not folder.exists()
