"""Files behind addresses: downloaded against checksums, tried again, without telling secrets."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from laurel.adapters.sources import Connection, KeepsFiles, Source
from laurel.adapters.sources import http as http_source
from laurel.errors import ConfigError, DataError, LaurelError, StoreFault
from laurel.settings import Settings
from support.feeds import DAYS, Answer, Known, WebFeed, WebServer, as_csv, frames, opened, rows
from support.feeds import run_web as running

pytestmark = pytest.mark.slow

DAY = DAYS[0]
PATH = "/20240227.csv.gz"
SECRET = "rose-and-thorn"  # noqa: S105


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A server that holds one day; nobody waits between tries."""
    monkeypatch.setattr(http_source.time, "sleep", lambda _: None)
    with running() as web:
        WebFeed(web).put(DAY, rows(DAY))
        yield web


@pytest.fixture
def known() -> Known:
    return Known({"partner": Connection("partner", "http", login="me", password=SECRET)})


def source_of(
    web: WebServer, tmp_path: Path, settings: Settings, known: Known | None = None, **said: Any
) -> Source:
    return opened(tmp_path / "usecase", {**WebFeed(web).source, **said}, settings, known)


def levels(source: Source, tmp_path: Path) -> list[float]:
    return frames(source, [DAY], tmp_path / "spec")[DAY.key]["level"].tolist()


EXPECTED = rows(DAY)["level"].to_pylist()


@pytest.mark.parametrize(
    "passing", [Answer(503), Answer(429, {"Retry-After": "1"}), Answer(500), Answer(200, cut_off=9)]
)
def test_what_may_pass_is_tried_again(
    web: WebServer, tmp_path: Path, settings: Settings, passing: Answer
) -> None:
    source = source_of(web, tmp_path, settings)
    source.states([DAY])
    before = web.asked[f"GET {PATH}"]
    # the first answer is to HEAD, the second one to the download
    web.next[PATH] = [web.answer("HEAD", PATH), passing]
    assert levels(source, tmp_path) == EXPECTED
    assert web.asked[f"GET {PATH}"] == before + 2


def test_a_server_is_waited_for_as_long_as_it_asks_but_not_longer_than_a_minute(
    web: WebServer, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(http_source.time, "sleep", waited.append)
    web.next[PATH] = [Answer(429, {"Retry-After": "7"}), Answer(503, {"Retry-After": "9999"})]
    source_of(web, tmp_path, settings, tries=3).states([DAY])
    assert waited == [7, 60]


def test_what_does_not_pass_is_a_fault_after_the_last_try(
    web: WebServer, tmp_path: Path, settings: Settings
) -> None:
    web.next[PATH] = [Answer(502)] * 9
    with pytest.raises(StoreFault, match="did not answer") as fault:
        source_of(web, tmp_path, settings, tries=3).states([DAY])
    assert "HTTP 502, 3 times" in str(fault.value)
    assert len(web.next[PATH]) == 6


def test_a_server_that_is_away_is_a_fault(tmp_path: Path, settings: Settings) -> None:
    with running() as web:
        source = source_of(web, tmp_path, settings, tries=1)
    with pytest.raises(StoreFault, match="did not answer"):
        source.states([DAY])


def test_a_file_is_checked_against_the_checksum_beside_it(
    web: WebServer, tmp_path: Path, settings: Settings
) -> None:
    source = source_of(web, tmp_path, settings, checksum_url="{url}.sha256")
    right = hashlib.sha256(web.files[PATH]).hexdigest()
    web.files[f"{PATH}.sha256"] = f"{'0' * 64}  other.gz\n{right} *20240227.csv.gz\n".encode()
    assert levels(source, tmp_path) == EXPECTED
    assert source.states([DAY])[DAY].settled
    web.files[PATH] = gzip.compress(as_csv(rows(DAY, shift=1)))
    with pytest.raises(DataError, match="not what its checksum says") as refusal:
        list(source.read([DAY]))
    assert right in str(refusal.value)
    assert refusal.value.partition == DAY.key


def test_a_file_against_its_checksum_is_kept_as_it_came(
    web: WebServer, tmp_path: Path, settings: Settings
) -> None:
    source = source_of(web, tmp_path, settings, sha256={DAY.key: "0" * 64})
    assert isinstance(source, KeepsFiles)
    (tmp_path / "kept").mkdir()
    (kept,) = source.files(DAY, tmp_path / "kept")
    assert kept.name == "20240227.csv.gz"
    assert kept.read_bytes() == web.files[PATH]


def test_the_sums_of_a_month_may_stand_in_one_file(
    web: WebServer, tmp_path: Path, settings: Settings
) -> None:
    digest = hashlib.md5(web.files[PATH], usedforsecurity=False).hexdigest()
    web.files["/2024-02/SUMS"] = f"{digest}  ./20240227.csv.gz\n".encode()
    said = {"checksum_url": f"{web.url}/{{date:%Y-%m}}/SUMS", "algorithm": "md5"}
    assert levels(source_of(web, tmp_path, settings, **said), tmp_path) == EXPECTED
    web.files["/2024-02/SUMS"] = b"nothing of the kind"
    with pytest.raises(DataError, match="no checksum in the file beside"):
        list(source_of(web, tmp_path, settings, **said).read([DAY]))
    del web.files["/2024-02/SUMS"]
    with pytest.raises(StoreFault, match="checksum is not there"):
        list(source_of(web, tmp_path, settings, **said).read([DAY]))


def test_a_known_checksum_is_the_state_and_other_days_are_refused(
    web: WebServer, tmp_path: Path, settings: Settings
) -> None:
    said = {DAY.key: hashlib.sha256(web.files[PATH]).hexdigest()}
    source = source_of(web, tmp_path, settings, sha256=said)
    assert levels(source, tmp_path) == EXPECTED
    assert source.states([DAY])[DAY].settled
    with pytest.raises(DataError, match="no checksum of this day"):
        list(source.read([DAYS[1]]))
    assert not source.states([DAYS[1]])[DAYS[1]].settled


@pytest.mark.parametrize(
    ("headers", "settled"),
    [
        ({"ETag": '"1"'}, True),
        ({"ETag": 'W/"1"'}, False),
        ({"ETag": "", "Last-Modified": "Tue, 27 Feb 2024 10:00:00 GMT"}, True),
        ({"ETag": ""}, False),
    ],
)
def test_only_what_proves_equal_bytes_is_settled(
    web: WebServer, tmp_path: Path, settings: Settings, headers: dict[str, str], settled: bool
) -> None:
    web.always = headers
    state = source_of(web, tmp_path, settings).states([DAY])[DAY]
    assert state.settled is settled


def test_a_change_in_the_second_of_the_answer_proves_nothing(
    web: WebServer, tmp_path: Path, settings: Settings
) -> None:
    now = "Tue, 27 Feb 2024 10:00:00 GMT"
    web.next[PATH] = [Answer(200, {"Last-Modified": now, "Date": now}, b"rows")]
    assert not source_of(web, tmp_path, settings).states([DAY])[DAY].settled


def test_a_server_without_head_is_asked_with_get(
    web: WebServer, tmp_path: Path, settings: Settings
) -> None:
    web.heads = False
    source = source_of(web, tmp_path, settings)
    assert source.states([DAY])[DAY].settled
    assert levels(source, tmp_path) == EXPECTED


def test_a_file_that_changes_between_two_requests_is_a_fault(
    web: WebServer, tmp_path: Path, settings: Settings
) -> None:
    web.next[PATH] = [Answer(200, {"ETag": '"old"'}, web.files[PATH])]
    with pytest.raises(StoreFault, match="changed after it was found"):
        list(source_of(web, tmp_path, settings).read([DAY]))


def test_a_redirect_is_followed_but_the_credentials_are_not_sent_to_another_host(
    web: WebServer, tmp_path: Path, settings: Settings, known: Known
) -> None:
    with running() as other:
        other.files = dict(web.files)
        web.next[PATH] = [Answer(302, {"Location": f"{other.url}{PATH}"}) for _ in range(2)]
        source = source_of(web, tmp_path, settings, known, connection="partner")
        assert levels(source, tmp_path) == EXPECTED
        assert other.authorized == [None, None]
        assert web.authorized[0] == "Basic bWU6cm9zZS1hbmQtdGhvcm4="


@pytest.mark.parametrize("target", ["file:///etc/hostname", "https://127.0.0.1/x", "ftp://h/x"])
def test_a_redirect_to_another_scheme_is_refused(
    web: WebServer, tmp_path: Path, settings: Settings, target: str
) -> None:
    web.next[PATH] = [Answer(302, {"Location": target})]
    with pytest.raises(ConfigError, match="another scheme"):
        source_of(web, tmp_path, settings).states([DAY])


def test_redirects_in_a_circle_end(web: WebServer, tmp_path: Path, settings: Settings) -> None:
    web.next[PATH] = [Answer(302, {"Location": PATH})] * 99
    with pytest.raises(ConfigError, match="too many redirects"):
        source_of(web, tmp_path, settings).states([DAY])


def test_a_token_is_sent_as_bearer(web: WebServer, tmp_path: Path, settings: Settings) -> None:
    known = Known({"partner": Connection("partner", "http", password=SECRET)})
    source_of(web, tmp_path, settings, known, connection="partner").states([DAY])
    assert web.authorized == [f"Bearer {SECRET}"]


@pytest.mark.parametrize("answers", [[Answer(401)], [Answer(403)], [Answer(503)] * 9])
def test_errors_show_no_secret(
    web: WebServer, tmp_path: Path, settings: Settings, known: Known, answers: list[Answer]
) -> None:
    url = f"{web.url}/{{date:%Y%m%d}}.csv.gz?key={SECRET}"
    web.next[f"{PATH}?key={SECRET}"] = answers
    source = source_of(web, tmp_path, settings, known, connection="partner", url=url)
    assert SECRET not in source.place
    with pytest.raises(LaurelError) as refusal:
        source.states([DAY])
    told: BaseException | None = refusal.value
    while told is not None:
        assert SECRET not in str(told)
        told = told.__cause__


def test_a_download_that_is_cut_off_within_is_refused_by_its_format(
    web: WebServer, tmp_path: Path, settings: Settings
) -> None:
    web.files[PATH] = web.files[PATH][:-9]
    with pytest.raises(DataError, match="damaged"):
        list(source_of(web, tmp_path, settings).read([DAY]))
