"""Bad input: a clear error, nothing published of it, nothing lost, and the rest goes on."""

from __future__ import annotations

import socket
import sys

import pandas as pd
import pytest

from laurel.adapters.quarantine import Held, list_quarantine
from laurel.cli import main
from laurel.domain.partition import Partition
from laurel.errors import (
    ConfigError,
    DataError,
    LaurelError,
    Pending,
    Refused,
    StoreFault,
    ValidationFailed,
)
from laurel.runs.ingest import ingest
from laurel.runs.site import open_site
from support.runs import Home, open_home

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]

DAY = "2024-01-03"


def refused(home: Home, dataset: str, *, first: str = DAY, last: str = DAY) -> LaurelError:
    """The error of an ingest, in the form that every error has."""
    with pytest.raises(DataError) as raised:
        home.ingest(dataset, first, last)
    check(raised.value, "use case toy", f"dataset {dataset}")
    return raised.value


def check(error: LaurelError, *words: str) -> None:
    text = str(error)
    assert len(text.splitlines()) <= 10, text
    assert "Traceback" not in text
    for word in words:
        assert word in text, f"{word!r} is not in:\n{text}"


def published(home: Home, dataset: str) -> list[str]:
    return sorted(home.site.catalog(home.usecase, dataset).read().revisions)


def held(home: Home) -> Held:
    """The one thing in quarantine."""
    (only,) = list_quarantine(home.site.store, "toy")
    return only


def rows(home: Home, item: Held) -> pd.DataFrame:
    with home.site.workspace() as folder:
        home.site.plane.get(item.files["rows.parquet"], folder / "rows.parquet")
        return pd.read_parquet(folder / "rows.parquet")


def give(home: Home, dataset: str, frame: pd.DataFrame, *, day: str = DAY) -> None:
    frame.to_parquet(home.override(dataset, day))


def records(home: Home) -> list[str]:
    """All keys but those that each process writes to see whether it may."""
    found = home.keys()
    return [key for key in found if not key.startswith("probes/")]


def duplicated(home: Home) -> pd.DataFrame:
    frame = home.source("visits", DAY)
    return pd.concat([frame, frame.iloc[:2]], ignore_index=True)


def test_duplicate_keys_are_quarantined_and_the_other_days_published(fresh: Home) -> None:
    frame = duplicated(fresh)
    give(fresh, "visits", frame)

    error = refused(fresh, "visits", first="2024-01-01", last="2024-01-05")

    check(error, f"partition {DAY}", "1 partition(s) are in quarantine", "20240103-0000")
    assert isinstance(error, ValidationFailed)
    assert published(fresh, "visits") == ["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"]
    assert held(fresh).partition == DAY
    assert error.detail == held(fresh).key
    assert rows(fresh, held(fresh)).equals(frame)


def test_a_mended_partition_is_published_and_the_quarantine_stays(fresh: Home) -> None:
    give(fresh, "visits", duplicated(fresh))
    refused(fresh, "visits")
    fresh.override("visits", DAY).unlink()

    assert fresh.ingest("visits", DAY, DAY).published == (DAY,)
    assert held(fresh).partition == DAY


def test_the_same_refused_twice_is_held_once(fresh: Home) -> None:
    give(fresh, "visits", duplicated(fresh))

    refused(fresh, "visits")
    refused(fresh, "visits")

    assert held(fresh).partition == DAY
    assert published(fresh, "visits") == []


def test_a_missing_label_column_is_refused_by_name(fresh: Home) -> None:
    frame = fresh.source("returns", DAY).drop(columns="returned")
    give(fresh, "returns", frame)

    error = refused(fresh, "returns")

    check(error, f"partition {DAY}", "missing: returned", "visit_id, arrived, refund")
    assert published(fresh, "returns") == []
    assert rows(fresh, held(fresh)).equals(frame)


def test_unknown_columns_are_refused_by_name(fresh: Home) -> None:
    give(fresh, "visits", fresh.source("visits", DAY).assign(colour="red"))

    check(refused(fresh, "visits"), f"partition {DAY}", "unknown: colour")
    assert published(fresh, "visits") == []


def test_a_file_cut_in_half_is_refused_and_the_other_days_published(fresh: Home) -> None:
    give(fresh, "visits", fresh.source("visits", DAY))
    file = fresh.override("visits", DAY)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])

    error = refused(fresh, "visits", first="2024-01-01", last="2024-01-05")

    check(error, f"partition {DAY}", "the source could not be read", "ArrowInvalid")
    assert published(fresh, "visits") == ["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"]
    assert held(fresh).partition == DAY
    assert file.read_bytes() == whole[: len(whole) // 2], "the source is left as it is"
    file.write_bytes(whole)
    assert fresh.ingest("visits", "2024-01-01", "2024-01-05").published == (DAY,)


def test_a_source_that_fails_for_every_day_is_one_clear_error(fresh: Home) -> None:
    for day in ("2024-01-01", "2024-01-02", "2024-01-03"):
        fresh.override("visits", day).write_bytes(b"PAR1 no more")

    error = refused(fresh, "visits", first="2024-01-01", last="2024-01-03")

    check(error, "the source could not be read", "source.py", "hint:")
    assert fresh.keys("quarantine/") == fresh.keys("catalog/") == []


def test_a_lost_connection_of_the_source_may_be_tried_again(fresh: Home) -> None:
    source = fresh.usecase.folder / "source.py"
    broken = "\n\ndef read(*_):\n    raise ConnectionResetError('gone')\n"
    source.write_text(source.read_text() + broken)

    with pytest.raises(StoreFault, match="could not be read") as raised:
        fresh.ingest("visits", DAY, DAY)

    assert raised.value.retryable
    assert fresh.keys("quarantine/") == []


@pytest.mark.parametrize("time", [None, "2024-01-09T08:00:00Z"])
def test_rows_without_a_time_of_their_day_are_quarantined(fresh: Home, time: str | None) -> None:
    frame = fresh.source("visits", DAY)
    frame.loc[4, "at"] = pd.NaT if time is None else pd.Timestamp(time)
    give(fresh, "visits", frame)

    error = refused(fresh, "visits", first="2024-01-01", last="2024-01-04")

    words = ["at: null"] if time is None else ["outside the interval", "1 of 80 rows"]
    check(error, f"partition {DAY}", *words)
    assert published(fresh, "visits") == ["2024-01-01", "2024-01-02", "2024-01-04"]
    item = held(fresh)
    assert item.rows == len(frame)
    assert set(item.files) == {"rows.parquet", *(["refused.jsonl"] if time is None else [])}
    kept = frame[frame["at"].notna()].reset_index(drop=True)
    assert rows(fresh, item).equals(kept)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def read(:", ["cannot be loaded", "SyntaxError", "source.py"]),
        ("import no_such_module_anywhere", ["cannot be loaded", "no_such_module_anywhere"]),
        ("read = print", ["lacks a function", "fingerprint"]),
        ("read = fingerprint = lambda *_: 1", ["no table", "int"]),
        ("read = lambda *_: {}['x']\nfingerprint = lambda *_: ''", ["KeyError: 'x'"]),
    ],
)
def test_a_broken_source_file_is_an_error_without_a_traceback(
    fresh: Home, code: str, words: list[str]
) -> None:
    (fresh.usecase.folder / "source.py").write_text(code)

    with pytest.raises((ConfigError, DataError)) as raised:
        fresh.ingest("visits", DAY, DAY)

    check(raised.value, "use case toy", *words)
    assert fresh.keys("catalog/") == []


def test_a_failed_critical_expectation_leaves_rows_reasons_and_a_page(fresh: Home) -> None:
    frame = fresh.source("visits", DAY)
    frame.loc[7, "amount"] = 99_999.0
    give(fresh, "visits", frame)

    error = refused(fresh, "visits", first="2024-01-01", last="2024-01-04")

    check(error, f"partition {DAY}", "toy.raw", "amount", "99999")
    assert published(fresh, "visits") == ["2024-01-01", "2024-01-02", "2024-01-04"]
    assert rows(fresh, held(fresh)).equals(frame)
    (reason,) = held(fresh).reasons
    assert "amount" in reason
    (page,) = [key for key in fresh.keys("runs/toy/ingest/") if f"{DAY}.html" in key]
    assert page.endswith(f"/validation/visits-{DAY}.html")
    assert "99999" in fresh.site.store.read(page).decode()


def test_a_changed_suite_has_pages_of_its_own(fresh: Home) -> None:
    give(fresh, "visits", fresh.source("visits", DAY).assign(amount=3000.0))
    refused(fresh, "visits")
    suite = fresh.folder / "cases" / "expectations" / "toy" / "raw.json"
    suite.write_text(suite.read_text().replace('"max_value": 2000', '"max_value": 4000'))
    pages: dict[str, str] = {}
    partition = Partition.of(DAY)

    ingest(
        fresh.site,
        fresh.usecase,
        dataset="visits",
        start=partition.start,
        end=partition.end,
        pages=pages,
    )

    assert published(fresh, "visits") == [DAY]
    docs = [key for key in fresh.keys("runs/") if key.endswith(".html")]
    old, new = sorted(docs, key=pages["Data Docs"].__eq__)
    assert new == pages["Data Docs"]
    assert fresh.site.store.read(old) != fresh.site.store.read(new)


def test_warnings_publish_and_are_told(fresh: Home) -> None:
    frame = fresh.source("visits", DAY)
    give(fresh, "visits", frame.assign(coupon=pd.Series([None] * len(frame), dtype="str")))

    made = fresh.ingest("visits", DAY, DAY)

    assert (made.published, made.warnings) == ((DAY,), (DAY,))
    revision = fresh.site.catalog(fresh.usecase, "visits").read().corrected(DAY)
    assert revision is not None
    assert revision.outcome == "warnings"


def test_what_is_quarantined_is_waited_for_and_never_scored(fresh: Home) -> None:
    give(fresh, "visits", duplicated(fresh))
    refused(fresh, "visits")

    with pytest.raises(Pending) as raised:
        fresh.score(DAY)

    check(raised.value, f"partition {DAY}", "laurel quarantine list toy")


def test_a_suite_that_is_not_there_is_named_with_its_near_match(fresh: Home) -> None:
    file = fresh.usecase.folder / "usecase.yaml"
    file.write_text(file.read_text().replace("suite: toy.raw", "suite: toy.rwa"))

    with pytest.raises(ConfigError) as raised:
        fresh.ingest("visits", DAY, DAY)

    check(raised.value, "'toy.rwa'", "did you mean 'toy.raw'?")
    assert fresh.keys("catalog/") == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("threshold: 0.5", "treshold: 0.5", ["scoring.treshold", "did you mean 'threshold'?"]),
        ("title:", "titel:", ["titel: unknown key", "did you mean 'title'?"]),
        ("eta: 0.2", "eta: [0.2]", ["training.model.params.eta"]),
        ("0 0 * * 1", "every monday", ["training.schedule", "not a cron expression"]),
    ],
)
def test_what_usecase_yaml_may_not_say_is_named(
    fresh: Home, old: str, new: str, words: list[str]
) -> None:
    file = fresh.usecase.folder / "usecase.yaml"
    file.write_text(file.read_text().replace(old, new))

    with pytest.raises(ConfigError) as raised:
        fresh.ingest("visits", DAY, DAY)

    check(raised.value, "use case toy", "usecase.yaml", *words)


def test_an_unknown_dataset_is_named_with_its_near_match(fresh: Home) -> None:
    with pytest.raises(ConfigError) as raised:
        fresh.ingest("visit", DAY, DAY)

    check(raised.value, "use case toy", "climate, returns, visits", "did you mean 'visits'?")


@pytest.mark.parametrize("last", ["2024-01-02", "2023-12-31"])
def test_a_range_that_ends_before_it_begins_is_refused(fresh: Home, last: str) -> None:
    with pytest.raises(ConfigError, match="no whole partition"):
        fresh.ingest("visits", DAY, last)


def test_labels_before_the_first_arrival_are_nothing_to_publish(fresh: Home) -> None:
    made = fresh.ingest("returns", "2024-01-01", "2024-01-01")

    assert not made
    assert "begins later" in made.sentence()
    assert fresh.keys("catalog/") == []


def test_a_store_out_of_reach_is_a_fault_within_seconds(
    fresh: Home, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "laurel")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        home = open_home(
            fresh.folder / "away", LAUREL_STORE="s3://laurel/x", LAUREL_S3_ENDPOINT=address
        )
        with pytest.raises(StoreFault) as raised:
            home.ingest("visits", DAY, DAY)

    assert 0 < len(waits) < 8
    assert sum(waits) < 20
    check(raised.value, "did not answer", address, "LAUREL_S3_ENDPOINT")
    assert raised.value.retryable


def test_a_second_scheduler_on_a_store_is_refused(fresh: Home) -> None:
    fresh.ingest("climate", DAY, DAY)
    before = records(fresh)
    other = open_home(fresh.folder, fresh=False, LAUREL_SCHEDULER="another")

    with pytest.raises(Refused) as raised:
        open_site(other.settings)

    check(raised.value, "another scheduler of record", "default", "another", "LAUREL_SCHEDULER")
    assert records(fresh) == before


def test_a_training_frame_that_fails_leaves_output_and_page_in_the_store(copied: Home) -> None:
    """The workspace is gone afterwards; what the error names is not."""
    suite = copied.folder / "cases" / "expectations" / "toy" / "frame.json"
    suite.write_text(suite.read_text().replace('"max_value": 0.7', '"max_value": 0.11'))
    before = {*copied.keys()}

    with pytest.raises(LaurelError) as raised:
        copied.train(Partition.of("2024-02-26").start)

    check(raised.value, "use case toy, dataset visits", "toy_validate", "max_value 0.11", "hint:")
    assert "1 critical expectation(s) of the suite toy.frame failed" in raised.value.fact
    made = {*copied.keys()} - before
    log, page = sorted(key for key in made if key.startswith("runs/"))
    assert raised.value.detail == log
    assert b"critical expectation" in copied.site.store.read(log)
    assert page.endswith("/validation.html")
    assert not [key for key in made if key.startswith(("ledger/", "catalog/"))]


def test_the_command_line_says_it_without_a_traceback(fresh: Home) -> None:
    give(fresh, "visits", duplicated(fresh))
    words = ("ingest", "toy", "visits", "--start", DAY, "--end", DAY)

    failed = fresh.laurel(*words)

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: 1 partition(s) are in quarantine")
    assert f"use case toy, dataset visits, partition {DAY}" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr.strip().splitlines()) <= 10
    listed = fresh.laurel("quarantine", "list", "toy")
    assert listed.returncode == 0
    assert held(fresh).id[:8] in listed.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "toy", "--as-of", "next monday"), "next monday"),
        (("score", "toy", "2024-13-01"), "'2024-13-01'"),
        (("ingest", "tpy", "visits", "--start", DAY, "--end", DAY), "did you mean 'toy'?"),
    ],
)
def test_words_that_cannot_be_meant_end_with_a_text_and_exit_1(
    fresh: Home,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    for name, value in fresh.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["laurel", *words])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert said in printed.err
    assert "Traceback" not in printed.err
