"""Sinks on real servers: a PostgreSQL table and an S3 prefix hold the newest predictions, once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import boto3
import duckdb
import pandas as pd
import psycopg
import pytest
import s3fs

from laurel.adapters.sinks import Delivery, open_sink
from laurel.adapters.sources.connections import Connection
from laurel.adapters.tables import write_table
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.config.sink import PostgresSink, S3Sink
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, DataError, NotFound, StoreFault
from laurel.runs import deliver as runs
from laurel.runs.site import Site, open_site
from laurel.settings import Settings
from support.feeds import Known, run_postgres
from support.servers import S3Server, use_credentials

pytestmark = pytest.mark.slow

DAY, OTHER = Partition.of("2024-02-13"), Partition.of("2024-02-14")
TABLE = "marts.visits_Scored"
STRANGE = 'it\'s "quoted", a\\b; DROP TABLE x --\n\tß'


def frame(day: Partition, *, shift: float = 0.0, rows: int = 3) -> pd.DataFrame:
    """Predictions with what a CSV could lose: null, quotes, all bits of a number, moments."""
    return pd.DataFrame(
        {
            "visit_id": pd.Series([f"{day.key}-{n}" for n in range(rows)], dtype="str"),
            "at": pd.Series([day.start] * rows).astype("datetime64[us, UTC]"),
            "score": [0.1 + 0.2 + shift + n / 3 for n in range(rows)],
            "decision": pd.array([True, None, False, *[True] * rows][:rows], dtype="boolean"),
            "model_version": pd.Series([STRANGE, "", "toy-1", *["x"] * rows][:rows], dtype="str"),
            "partition": pd.Series(day.key, index=range(rows), dtype="str"),
        }
    )


def delivery(folder: Path, table: pd.DataFrame, *, revision: int = 1) -> Delivery:
    day = str(table["partition"].iloc[0])
    file = folder / f"{day}-{revision}.parquet"
    facts = write_table(table, file)
    return Delivery(day, revision, facts.content_hash, facts.rows, file)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with run_postgres(tmp_path_factory.mktemp("postgres")) as connection:
        with psycopg.connect(**address(connection)) as opened:
            opened.execute("CREATE SCHEMA marts")
        yield connection


def address(connection: Connection) -> dict[str, Any]:
    return {"host": connection.host, "user": connection.login, "dbname": connection.schema}


@dataclass(frozen=True)
class Table:
    """A sink, and what is in its table."""

    connection: Connection
    config: PostgresSink

    @property
    def sink(self) -> Any:
        known = Known({"dwh": self.connection})
        return open_sink(self.config, endpoint=None, connections=known)

    def rows(self) -> pd.DataFrame:
        schema, name = self.config.table.split(".")
        query = f'SELECT * FROM "{schema}"."{name}" ORDER BY visit_id'  # noqa: S608
        with psycopg.connect(**address(self.connection)) as opened:
            opened.execute("SET TIME ZONE 'UTC'")
            cursor = opened.execute(query)
            names = [column.name for column in cursor.description or ()]
            return pd.DataFrame(cursor.fetchall(), columns=names)


@pytest.fixture
def table(database: Connection, request: pytest.FixtureRequest) -> Table:
    name = f"{TABLE}_{abs(hash(request.node.name)) % 10**8}"
    return Table(database, PostgresSink(kind="postgres", connection="dwh", table=name))


def test_a_table_holds_exactly_what_was_published(table: Table, tmp_path: Path) -> None:
    given = frame(DAY)
    table.sink.deliver(DAY.key, lambda: delivery(tmp_path, given))

    found = table.rows()
    assert list(found) == list(given)
    assert found["score"].tolist() == given["score"].tolist(), "to the last bit"
    assert found["decision"].tolist() == [True, None, False]
    assert found["model_version"].tolist() == [STRANGE, "", "toy-1"]
    assert [moment.timestamp() for moment in found["at"]] == [DAY.start.timestamp()] * 3


def test_a_partition_is_replaced_and_the_others_stay(table: Table, tmp_path: Path) -> None:
    for made in (frame(DAY), frame(OTHER)):
        table.sink.deliver(made["partition"][0], lambda made=made: delivery(tmp_path, made))
    again = frame(DAY, shift=1.0, rows=2)
    table.sink.deliver(DAY.key, lambda: delivery(tmp_path, again, revision=2))

    found = table.rows()
    assert found["partition"].tolist() == [DAY.key] * 2 + [OTHER.key] * 3
    assert found["score"].tolist()[:2] == again["score"].tolist()


def test_a_delivery_that_breaks_leaves_what_was_there(table: Table, tmp_path: Path) -> None:
    table.sink.deliver(DAY.key, lambda: delivery(tmp_path, frame(DAY)))
    before = table.rows()
    lies = replace(delivery(tmp_path, frame(DAY, rows=2), revision=2), rows=3)

    with pytest.raises(DataError, match="another number of rows"):
        table.sink.deliver(DAY.key, lambda: lies)
    nul = frame(DAY).assign(model_version=pd.Series(["a\0b", "", ""], dtype="str"))
    with pytest.raises(DataError, match="refuses a value"):
        table.sink.deliver(DAY.key, lambda: delivery(tmp_path, nul, revision=3))
    pd.testing.assert_frame_equal(table.rows(), before)


def test_a_table_of_other_columns_is_refused_and_untouched(table: Table, tmp_path: Path) -> None:
    table.sink.deliver(DAY.key, lambda: delivery(tmp_path, frame(DAY)))
    wider = frame(DAY).assign(score_red=0.5)

    with pytest.raises(ConfigError, match="score_red"):
        table.sink.deliver(DAY.key, lambda: delivery(tmp_path, wider, revision=2))
    assert len(table.rows()) == 3


def test_of_two_deliveries_at_once_the_newest_stays(table: Table, tmp_path: Path) -> None:
    one, two = (delivery(tmp_path, frame(DAY, shift=n), revision=n) for n in (1, 2))
    newest = [one]

    def late() -> Delivery:
        newest[0] = two  # is published while the first delivery holds the partition
        thread.start()
        return one

    thread = Thread(target=lambda: table.sink.deliver(DAY.key, lambda: newest[0]))
    table.sink.deliver(DAY.key, late)
    thread.join()
    assert table.rows()["score"].tolist() == frame(DAY, shift=2)["score"].tolist()


def test_errors_of_a_database_say_what_to_do_and_no_password(
    database: Connection, tmp_path: Path
) -> None:
    config = PostgresSink(kind="postgres", connection="dwh", table="nowhere.predictions")
    given = delivery(tmp_path, frame(DAY))
    sink = Table(database, config).sink
    with pytest.raises(ConfigError, match="nowhere") as refused:
        sink.deliver(DAY.key, lambda: given)
    assert "rose-and-thorn" not in str(refused.value)

    gone = Table(replace(database, host=str(tmp_path)), config).sink
    with pytest.raises(StoreFault, match="did not answer"):
        gone.deliver(DAY.key, lambda: given)
    other = Table(replace(database, kind="mysql"), config).sink
    with pytest.raises(ConfigError, match="no PostgreSQL"):
        other.deliver(DAY.key, lambda: given)


@pytest.fixture
def bucket(seaweedfs: S3Server, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, S3Sink]:
    use_credentials(seaweedfs, monkeypatch)
    client = boto3.client("s3", endpoint_url=seaweedfs.endpoint)
    return client, S3Sink(kind="s3", path=seaweedfs.fresh_url(), endpoint=seaweedfs.endpoint)


def held(client: Any, config: S3Sink, day: Partition) -> pd.DataFrame:
    name, _, prefix = config.path.removeprefix("s3://").partition("/")
    key = f"{prefix}/partition={day.key}/predictions.parquet"
    return pd.read_parquet(io.BytesIO(client.get_object(Bucket=name, Key=key)["Body"].read()))


def test_a_prefix_holds_one_file_for_each_partition_and_never_an_older_one(
    bucket: tuple[Any, S3Sink], tmp_path: Path
) -> None:
    client, config = bucket
    sink = open_sink(config, endpoint=None, connections=Known({}))
    one, two = (delivery(tmp_path, frame(DAY, shift=n), revision=n) for n in (1, 2))
    newest = iter([one, two])

    def overtaken() -> Delivery:
        given = next(newest)
        if given is one:
            # another delivery comes in between the look and the write
            other = open_sink(config, endpoint=None, connections=Known({}))
            other.deliver(DAY.key, lambda: two)
        return given

    assert sink.deliver(DAY.key, overtaken) is two
    pd.testing.assert_series_equal(held(client, config, DAY)["score"], frame(DAY, shift=2)["score"])
    sink.deliver(OTHER.key, lambda: delivery(tmp_path, frame(OTHER)))
    assert len(held(client, config, OTHER)) == 3


def test_wrong_credentials_of_a_bucket_are_no_fault_to_retry(
    bucket: tuple[Any, S3Sink], tmp_path: Path
) -> None:
    client, config = bucket
    stranger = Connection("lake", "aws", login="stranger", password="rose-and-thorn")  # noqa: S106
    named = config.model_copy(update={"connection": "lake"})
    sink = open_sink(named, endpoint=None, connections=Known({"lake": stranger}))
    with pytest.raises(ConfigError, match="credentials") as refused:
        sink.deliver(DAY.key, lambda: delivery(tmp_path, frame(DAY)))
    assert "rose-and-thorn" not in str(refused.value)
    with pytest.raises(client.exceptions.NoSuchKey):
        held(client, config, DAY)


class Published:
    """A catalog of predictions, and a data plane that holds its files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.revisions = folder, dict[str, tuple[Revision, ...]]()

    def publish(self, table: pd.DataFrame) -> None:
        day = str(table["partition"].iloc[0])
        before = self.revisions.get(day, ())
        made = delivery(self.folder, table, revision=len(before) + 1)
        revision: Any = SimpleNamespace(
            partition=day,
            revision=made.revision,
            md5=str(made.file),
            content_hash=made.content_hash,
            rows=made.rows,
            run=f"run{made.revision}",
        )
        self.revisions[day] = (*before, revision)

    def catalog(self, *_: Any) -> Any:
        return SimpleNamespace(read=lambda: CatalogState(self.revisions))

    def place(self, files: dict[Path, str]) -> None:
        for target, source in files.items():
            target.write_bytes(Path(source).read_bytes())


@pytest.fixture
def published(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> tuple[Published, Site]:
    made = Published(tmp_path)
    site = open_site(settings)
    monkeypatch.setattr(Site, "catalog", made.catalog)
    return made, replace(site, plane=made)  # type: ignore[arg-type]


def usecase(config: PostgresSink | S3Sink) -> Any:
    scoring = SimpleNamespace(sinks={"warehouse": config})
    return SimpleNamespace(name="toy", config=SimpleNamespace(scoring=scoring))


def test_a_revision_is_delivered_once_and_a_new_one_replaces_it(
    table: Table, published: tuple[Published, Site]
) -> None:
    made, site = published
    site = replace(site, connections=Known({"dwh": table.connection}))
    case = usecase(table.config)
    with pytest.raises(NotFound, match="no predictions"):
        runs.deliver(site, case, sink="warehouse", partition=DAY)

    made.publish(frame(DAY))
    first = runs.deliver(site, case, sink="warehouse", partition=DAY)
    with psycopg.connect(**address(table.connection)) as opened:
        schema, name = table.config.table.split(".")
        opened.execute(f'DELETE FROM "{schema}"."{name}"')  # noqa: S608
    again = runs.deliver(site, case, sink="warehouse", partition=DAY)
    assert (first.changed, again.changed) == (True, False)
    assert table.rows().empty, "a re-run delivers nothing"
    assert list(runs.behind(site, case, sink="warehouse")) == []

    made.publish(frame(DAY, shift=1))
    assert list(runs.behind(site, case, sink="warehouse")) == [DAY]
    assert runs.deliver(site, case, sink="warehouse", partition=DAY).revision == 2
    assert table.rows()["score"].tolist() == frame(DAY, shift=1)["score"].tolist()
    records = runs.deliveries(site, case, sink="warehouse", partition=DAY)
    assert [(r["revision"], r["run"], r["rows"]) for r in records] == [
        (1, "run1", 3),
        (2, "run2", 3),
    ]

    with pytest.raises(ConfigError, match="no such sink"):
        runs.deliver(site, case, sink="lake", partition=DAY)


def test_pandas_and_duckdb_read_a_prefix_as_hive_layout(
    bucket: tuple[Any, S3Sink], published: tuple[Published, Site], seaweedfs: S3Server
) -> None:
    """The column of the partition is in the path alone: in both, readers refuse it or read one."""
    (_, config), (made, site) = bucket, published
    for day in (DAY, OTHER):
        made.publish(frame(day))
        runs.deliver(site, usecase(config), sink="warehouse", partition=day)
    wanted = pd.concat([frame(DAY), frame(OTHER)], ignore_index=True)
    client = {"endpoint_url": seaweedfs.endpoint}
    options = {"key": seaweedfs.access_key, "secret": seaweedfs.secret_key, "client_kwargs": client}

    found = pd.read_parquet(config.path, storage_options=options).sort_values("visit_id")
    assert set(found) == set(wanted)
    assert found["partition"].astype("str").tolist() == wanted["partition"].tolist()
    assert found["score"].tolist() == wanted["score"].tolist()

    with duckdb.connect() as database:
        database.register_filesystem(s3fs.S3FileSystem(**options))
        rows = database.execute(
            "SELECT visit_id, score, partition::varchar FROM "
            "read_parquet($1, hive_partitioning = true) ORDER BY visit_id",
            [f"{config.path}/*/*.parquet"],
        ).fetchall()
        only = database.execute(
            "SELECT count(*) FROM read_parquet($1, hive_partitioning = true) WHERE partition = $2",
            [f"{config.path}/*/*.parquet", OTHER.key],
        ).fetchall()
    assert rows == [*wanted[["visit_id", "score", "partition"]].itertuples(index=False, name=None)]
    assert only == [(3,)]
