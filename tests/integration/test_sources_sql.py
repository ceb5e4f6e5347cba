"""Rows of a SQL query on a real PostgreSQL: bound, exact, streamed, only read."""

# ruff: noqa: S608  names of tables are of the tests themselves

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from laurel.adapters.sources import BATCH_ROWS, Connection, Source
from laurel.adapters.sources.sql import ROWS
from laurel.errors import ConfigError, DataError, LaurelError, StoreFault
from laurel.settings import Settings
from support.feeds import DAYS, Known, TableFeed, memory_of, opened, rows, run_postgres

pytestmark = pytest.mark.slow

DAY = DAYS[0]
SECRET = "rose-and-thorn"  # noqa: S105
INSIDE = "WHERE observed >= :start AND observed < :end"
_NUMBERS = count()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with run_postgres(tmp_path_factory.mktemp("postgres")) as connection:
        yield connection


@pytest.fixture
def feed(database: Connection) -> TableFeed:
    """A table of its own that holds three days."""
    feed = TableFeed(database, f"climate_{next(_NUMBERS)}")
    for day in DAYS:
        feed.put(day, rows(day))
    return feed


def source_of(feed: TableFeed, tmp_path: Path, settings: Settings, **said: Any) -> Source:
    document = {**feed.source, **said}
    document = {name: value for name, value in document.items() if value is not None}
    return opened(tmp_path / "usecase", document, settings, feed.connections)


def many(number: int) -> str:
    """A query of that many rows, some 230 bytes each."""
    moment = "CAST(:start AS timestamptz) + least(:end - :start, interval '1 hour')"
    series = f"generate_series(1, {number}) n"
    return f"SELECT repeat('x', 200) AS shop, {moment} AS at, n AS level FROM {series}"


def all_rows(source: Source, days: list[Any] = DAYS) -> pd.DataFrame:
    return pd.concat([batch.rows for batch in source.read(days)], ignore_index=True)


def test_without_a_version_nothing_is_settled(
    feed: TableFeed, tmp_path: Path, settings: Settings
) -> None:
    source = source_of(feed, tmp_path, settings, version_query=None)
    states = source.states(DAYS)
    assert not any(state.settled for state in states.values())
    assert len({state.fingerprint for state in states.values()}) == 1


def test_a_version_of_the_database_is_settled_and_may_say_when_rows_were_corrected(
    feed: TableFeed, tmp_path: Path, settings: Settings
) -> None:
    query = f"SELECT count(*) AS n, max(observed) AS corrected_at FROM {feed.table} {INSIDE}"
    state = source_of(feed, tmp_path, settings, version_query=query).states([DAY])[DAY]
    assert state.settled
    assert state.corrected_at == datetime(2024, 2, 27, 0, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("select", "fact"),
    [
        ("SELECT observed", "one row"),
        ("SELECT max(observed)::text AS corrected_at", "no moment with a time zone"),
        ("SELECT max(observed)::timestamp AS corrected_at", "no moment with a time zone"),
    ],
)
def test_a_version_that_tells_nothing_is_refused(
    feed: TableFeed, tmp_path: Path, settings: Settings, select: str, fact: str
) -> None:
    source = source_of(
        feed, tmp_path, settings, version_query=f"{select} FROM {feed.table} {INSIDE}"
    )
    with pytest.raises(DataError, match=fact) as refusal:
        source.states([DAY])
    assert refusal.value.partition == DAY.key


def test_a_query_in_a_file_is_asked_for_each_day(
    feed: TableFeed, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "climate.sql").write_text(
        f"SELECT shop, observed, level FROM {feed.table} WHERE observed::date = :day"
    )
    said = {"query": None, "query_file": str(tmp_path / "climate.sql")}
    source = source_of(feed, tmp_path, settings, **said)
    assert [batch.day for batch in source.read(DAYS)] == DAYS
    assert len(all_rows(source)) == 9
    assert "climate.sql" in source.place


def test_types_are_those_of_the_database(
    feed: TableFeed, tmp_path: Path, settings: Settings
) -> None:
    query = f"""
        SELECT observed, CASE WHEN shop = 'east' THEN 9007199254740993 END AS large,
               CASE WHEN shop = 'east' THEN true END AS flag, level, shop AS word,
               CASE WHEN shop = 'east' THEN '' END AS empty, observed::timestamp AS local,
               NULL AS nothing
        FROM {feed.table} {INSIDE} ORDER BY observed
    """
    found = all_rows(source_of(feed, tmp_path, settings, query=query), [DAY])
    assert found["large"].iloc[0] == 9007199254740993
    assert {name: str(kind) for name, kind in found.dtypes.items()} == {
        "observed": "datetime64[us, UTC]",
        "large": "Int64",
        "flag": "boolean",
        "level": "float64",
        "word": "str",
        "empty": "str",
        "local": "datetime64[us]",
        "nothing": "object",
    }
    assert found["empty"].isna().tolist() == [False, True, True]


def test_days_are_those_of_utc_whatever_the_clock_of_the_session(
    feed: TableFeed, tmp_path: Path, settings: Settings
) -> None:
    feed.run("ALTER DATABASE postgres SET timezone = 'Asia/Tokyo'")
    try:
        query = f"SELECT observed FROM {feed.table} WHERE observed::timestamp >= :start"
        query += " AND observed::timestamp < :end"
        found = all_rows(source_of(feed, tmp_path, settings, query=query), [DAY])
        assert found["observed"].min() == pd.Timestamp(DAY.start)
        assert len(found) == 3
    finally:
        feed.run("ALTER DATABASE postgres RESET timezone")


def test_a_query_that_writes_is_refused(
    feed: TableFeed, tmp_path: Path, settings: Settings
) -> None:
    query = f"DELETE FROM {feed.table} {INSIDE} RETURNING shop, observed, level"
    with pytest.raises(ConfigError, match="refused the request"):
        all_rows(source_of(feed, tmp_path, settings, query=query))
    with pytest.raises(ConfigError, match="the query writes"):
        source_of(feed, tmp_path, settings, version_query=query).states([DAY])
    assert len(all_rows(source_of(feed, tmp_path, settings))) == 9


@pytest.mark.parametrize(
    "query",
    ["SELECT 1", "SELECT :start", "SELECT :start, :end, :day", "SELECT :begin, :end"],
)
def test_a_query_that_is_not_bound_to_its_interval_is_refused(
    feed: TableFeed, tmp_path: Path, settings: Settings, query: str
) -> None:
    with pytest.raises(ConfigError, match="not bound to the interval") as refusal:
        source_of(feed, tmp_path, settings, query=query)
    assert refusal.value.dataset == "climate"


@pytest.mark.parametrize(
    ("query", "kind", "said"),
    [
        ("SELECT :start, :end FROM nowhere", ConfigError, "nowhere"),
        ("SELEKT :start, :end", ConfigError, "syntax error"),
        ("SELECT :start AS x, :end AS x", ConfigError, "x"),
        ("SELECT 1/0, :start, :end", DataError, "division by zero"),
        ("SELECT 'x'::int, :start, :end", DataError, "invalid input syntax"),
    ],
)
def test_what_the_database_refuses_is_told(
    feed: TableFeed, tmp_path: Path, settings: Settings, query: str, kind: type, said: str
) -> None:
    with pytest.raises(kind, match=said) as refusal:
        all_rows(source_of(feed, tmp_path, settings, query=query))
    assert refusal.value.usecase == "toy"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"host": "/nowhere"}, StoreFault),
        ({"login": "stranger"}, ConfigError),
        ({"schema": "nowhere"}, ConfigError),
        ({"kind": "oracle"}, ConfigError),
        ({"kind": "no_such_kind"}, ConfigError),
        ({"extra": {"sslmode": SECRET}}, LaurelError),
    ],
)
def test_a_connection_that_does_not_work_is_told_without_its_secrets(
    feed: TableFeed,
    tmp_path: Path,
    settings: Settings,
    change: dict[str, Any],
    kind: type[LaurelError],
) -> None:
    broken = Known({"dwh": replace(feed.connection, **change)})
    source = opened(tmp_path / "usecase", feed.source, settings, broken)
    with pytest.raises(kind) as refusal:
        source.states([DAY])
    told: BaseException | None = refusal.value
    while told is not None:
        assert SECRET not in str(told)
        told = told.__cause__


def test_a_connection_that_breaks_while_rows_come_is_a_fault(
    feed: TableFeed, tmp_path: Path, settings: Settings
) -> None:
    batches = source_of(feed, tmp_path, settings, query=many(10 * ROWS)).read([DAY])
    next(batches)
    feed.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    )
    with pytest.raises(StoreFault, match="did not answer"):
        list(batches)


def test_a_reader_that_stops_leaves_no_transaction_behind(
    feed: TableFeed, tmp_path: Path, settings: Settings
) -> None:
    query = f"{many(2 * ROWS)}, {feed.table} WHERE observed = :start"
    batches = source_of(feed, tmp_path, settings, query=query).read([DAY])
    assert len(next(batches).rows) <= BATCH_ROWS
    batches.close()
    feed.run(f"DROP TABLE {feed.table}")


def test_memory_stays_flat_over_a_million_rows(feed: TableFeed, tmp_path: Path) -> None:
    found = memory_of(tmp_path, {**feed.source, "query": many(1_000_000)}, feed.connection)
    assert found["rows"] == 1_000_000
    # some 50 MB; 340 MB where the client takes all rows before the first
    assert found["end"] - found["begun"] < 100
