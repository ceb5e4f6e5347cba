"""Objects of a bucket on a real server: found by day, fetched ahead, never mixed with others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from laurel.adapters.sources import Connection, KeepsFiles, Source
from laurel.adapters.sources.s3 import TRIES
from laurel.errors import ConfigError, DataError, LaurelError, StoreFault
from laurel.settings import Settings
from support.feeds import (
    DAYS,
    Answer,
    BucketFeed,
    Known,
    WebServer,
    as_csv,
    frames,
    opened,
    packed,
    rows,
    run_web,
)
from support.servers import S3Server, settings_on, use_credentials

pytestmark = pytest.mark.slow

DAY = DAYS[0]


@pytest.fixture
def feed(seaweedfs: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BucketFeed:
    """A prefix with four parts of one day, and what only looks like a part of it."""
    use_credentials(seaweedfs, monkeypatch)
    feed = BucketFeed(seaweedfs, f"{tmp_path.name}/in")
    for number in (3, 1, 2, 0):
        part = rows(DAY, shift=10 * number).slice(number % 3, 1)
        feed.write(f"{DAY.key}-{number}.csv", as_csv(part))
    feed.write(f"{DAY.key}-deeper/1.csv", b"no,rows\n")
    feed.write(f"{DAY.key}-1.csv.part", b"no,rows\n")
    feed.write(f"{DAY.key}1-1.csv", b"no,rows\n")
    return feed


def source_of(
    feed: BucketFeed,
    tmp_path: Path,
    settings: Settings,
    known: Known | None = None,
    **said: Any,
) -> Source:
    on_server = settings_on(feed.server, settings)
    return opened(tmp_path / "usecase", {**feed.source, **said}, on_server, known)


def test_the_parts_of_a_day_are_read_in_the_order_of_their_names(
    feed: BucketFeed, tmp_path: Path, settings: Settings
) -> None:
    batches = list(source_of(feed, tmp_path, settings).read([DAY]))
    assert [batch.rows["level"].tolist() for batch in batches] == [
        ["0"],
        ["10.1"],
        ["20.2"],
        ["30"],
    ]
    assert {batch.day for batch in batches} == {DAY}


@pytest.mark.parametrize("suffix", ["parquet", "csv.gz", "parquet.gz"])
def test_every_form_of_file_is_read(
    feed: BucketFeed, tmp_path: Path, settings: Settings, suffix: str
) -> None:
    feed.write(f"{DAY.key}.{suffix}", packed(rows(DAY), suffix))
    path = f"s3://{feed.server.bucket}/{feed.prefix}/{{date:%Y-%m-%d}}.{suffix}"
    source = source_of(feed, tmp_path, settings, path=path)
    found = frames(source, [DAY], tmp_path / "spec")[DAY.key]
    assert found["level"].tolist() == rows(DAY)["level"].to_pylist()


def test_a_new_part_and_a_part_that_is_gone_are_other_states(
    feed: BucketFeed, tmp_path: Path, settings: Settings
) -> None:
    def state() -> str:
        return source_of(feed, tmp_path, settings).states([DAY])[DAY].fingerprint

    seen = [state(), state()]
    feed.write(f"{DAY.key}-4.csv", as_csv(rows(DAY)))
    seen.append(state())
    for number in ("4", "3"):
        key = f"{feed.prefix}/{DAY.key}-{number}.csv"
        feed.client.delete_object(Bucket=feed.server.bucket, Key=key)
        seen.append(state())
    assert seen[0] == seen[1] == seen[3]
    assert len({seen[0], seen[2], seen[4]}) == 3


def test_an_object_that_is_replaced_while_a_day_is_read_is_a_fault(
    feed: BucketFeed, tmp_path: Path, settings: Settings
) -> None:
    for number in range(4, 12):
        feed.write(f"{DAY.key}-{number:02}.csv", as_csv(rows(DAY)))
    batches = source_of(feed, tmp_path, settings).read([DAY])
    next(batches)
    feed.write(f"{DAY.key}-3.csv", as_csv(rows(DAY, shift=1)))
    with pytest.raises(StoreFault, match="changed after it was found"):
        list(batches)


def test_original_objects_are_kept_whole(
    feed: BucketFeed, tmp_path: Path, settings: Settings
) -> None:
    broken = b"\x1f\x8b no gzip at all"
    feed.write(f"{DAY.key}.csv.gz", broken)
    path = f"s3://{feed.server.bucket}/{feed.prefix}/{{date:%Y-%m-%d}}.csv.gz"
    source = source_of(feed, tmp_path, settings, path=path)
    assert isinstance(source, KeepsFiles)
    with pytest.raises(DataError, match="damaged") as refusal:
        list(source.read([DAY]))
    assert f"{DAY.key}.csv.gz" in str(refusal.value)
    (tmp_path / "kept").mkdir()
    (kept,) = source.files(DAY, tmp_path / "kept")
    assert kept.read_bytes() == broken


def test_nothing_stays_in_the_spool(feed: BucketFeed, tmp_path: Path, settings: Settings) -> None:
    source = source_of(feed, tmp_path, settings)
    list(source.read([DAY]))
    batches = source.read([DAY])
    next(batches)
    batches.close()
    assert not [path for path in settings.home.rglob("*") if path.is_file()]


def test_the_key_may_come_from_a_connection(
    feed: BucketFeed, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    server = feed.server
    extra = {"region_name": "us-east-1"}
    right = Connection(
        "s3", "aws", login=server.access_key, password=server.secret_key, extra=extra
    )
    source = source_of(feed, tmp_path, settings, Known({"s3": right}), connection="s3")
    assert len(list(source.read([DAY]))) == 4

    wrong = Known({"s3": replace(right, password="rose-and-thorn")})  # noqa: S106
    source = source_of(feed, tmp_path, settings, wrong, connection="s3")
    with pytest.raises(ConfigError, match="refused the request") as refusal:
        source.states([DAY])
    assert "rose-and-thorn" not in str(refusal.value)
    assert "credentials" in str(refusal.value)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"path": "s3://nowhere-at-all/{date:%Y-%m-%d}.csv"}, ConfigError),
        ({"endpoint": "http://127.0.0.1:9"}, StoreFault),
    ],
)
@pytest.mark.usefixtures("waits")
def test_a_bucket_or_server_that_is_not_there_is_told(
    feed: BucketFeed,
    tmp_path: Path,
    settings: Settings,
    said: dict[str, str],
    kind: type[LaurelError],
) -> None:
    with pytest.raises(kind) as refusal:
        source_of(feed, tmp_path, settings, missing="empty", **said).states([DAY])
    assert refusal.value.dataset == "climate"


class BreakingServer(WebServer):
    """Lists one object, and breaks off while it gives it, as often as it is told."""

    breaks = 0

    def answer(self, method: str, path: str) -> Answer:
        assert method == "GET"
        body = as_csv(rows(DAY))
        if "list-type" in path:
            told = f"<Key>{DAY.key}-1.csv</Key><ETag>&quot;1&quot;</ETag><Size>{len(body)}</Size>"
            listing = f"<ListBucketResult><Contents>{told}</Contents></ListBucketResult>"
            return Answer(200, {}, listing.encode())
        self.asked["object"] += 1
        left = self.asked["object"] <= self.breaks
        return Answer(200, {"ETag": '"1"'}, body[:20] if left else body, cut_off=9 if left else 0)


@pytest.mark.parametrize("breaks", [2, 99])
def test_an_object_that_breaks_off_is_fetched_again_but_not_for_ever(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, breaks: int
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with run_web(BreakingServer()) as web:
        assert isinstance(web, BreakingServer)
        web.breaks = breaks
        said = {"kind": "s3", "path": "s3://landing/{date:%Y-%m-%d}-*.csv", "endpoint": web.url}
        source = opened(tmp_path / "usecase", said, settings)
        if breaks == 2:
            (batch,) = source.read([DAY])
            assert len(batch.rows) == 3
            assert web.asked["object"] == 3
            return
        with pytest.raises(StoreFault, match="did not answer"):
            list(source.read([DAY]))
        assert web.asked["object"] == TRIES
