"""Sources of every kind that hold the same rows, with the real thing behind each."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import sqlalchemy
import yaml
from dvc.repo import Repo

from laurel.adapters.conform import conform_batch, in_order
from laurel.adapters.sources import Batch, Connection, Connections, Source, open_source
from laurel.domain.partition import Partition
from laurel.errors import ConfigError
from laurel.local.environment import DATABASE_USER
from laurel.local.layout import Layout, create_folders
from laurel.local.postgres import is_ready, prepare_database, server_command
from laurel.settings import Settings
from laurel.usecase import UseCase, load_usecase
from support.servers import S3Server
from support.synthetic import write_toy

DATASET = "climate"
DAYS = [Partition.of(f"2024-02-{day}") for day in (27, 28, 29)]


def rows(day: Partition, *, shift: float = 0.0, count: int = 3) -> pa.Table:
    """Rows of a day; another ``shift`` makes other levels."""
    moments = [day.start + timedelta(minutes=number) for number in range(count)]
    shops = [("east", "north", "south")[number % 3] for number in range(count)]
    levels = [0.1 * number + shift for number in range(count)]
    observed = pa.array(moments, pa.timestamp("us", "UTC"))
    return pa.table({"shop": shops, "observed": observed, "level": levels})


def as_csv(table: pa.Table) -> bytes:
    """The rows as CSV, moments as ISO 8601, every text in quotes."""
    moments = [moment.isoformat() for moment in table["observed"].to_pylist()]
    place = table.schema.names.index("observed")
    target = io.BytesIO()
    pa.csv.write_csv(table.set_column(place, "observed", pa.array(moments)), target)
    return target.getvalue()


def as_parquet(table: pa.Table) -> bytes:
    """The rows as a Parquet file."""
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


def usecase_with(folder: Path, source: Mapping[str, Any]) -> UseCase:
    """The toy use case, whose climate comes from a source of its own."""
    file = write_toy(folder)[0] / "toy" / "usecase.yaml"
    document = yaml.safe_load(file.read_text())
    document["datasets"][DATASET]["source"] = dict(source)
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return load_usecase(file.parent)


def opened(
    folder: Path,
    source: Mapping[str, Any],
    settings: Settings,
    connections: Connections | None = None,
) -> Source:
    """The source of the climate."""
    usecase = usecase_with(folder, source)
    return open_source(usecase, DATASET, settings=settings, connections=connections)


def frames(source: Source, days: list[Partition], folder: Path) -> dict[str, pd.DataFrame]:
    """The rows of each day, as the contract reads them."""
    spec = usecase_with(folder, {"kind": "python"}).config.datasets[DATASET]
    parts = [_conformed(batch, spec) for batch in source.read(days)]
    table = pd.concat(parts, ignore_index=True)
    keys = table["observed"].dt.strftime("%Y-%m-%d")
    return {day.key: in_order(table[keys == day.key], spec) for day in days}


def _conformed(batch: Batch, spec: Any) -> pd.DataFrame:
    found = conform_batch(
        batch.rows, spec, textual=batch.textual, usecase="toy", name=DATASET, partition=None
    )
    assert not len(found.refused), found.reasons
    return found.table


@dataclass(frozen=True)
class Known:
    """Connections that a test knows."""

    connections: Mapping[str, Connection]

    def get(self, conn_id: str) -> Connection:
        if conn_id not in self.connections:
            raise ConfigError("there is no such connection", found=conn_id)
        return self.connections[conn_id]


class Feed(Protocol):
    """A place that holds rows by day, and what ``usecase.yaml`` says of it."""

    source: dict[str, Any]
    connections: Connections | None

    def put(self, day: Partition, table: pa.Table) -> None:
        """Hold these rows of a day, and no others."""
        ...


@dataclass
class FolderFeed:
    """Files in a folder; CSV with gzip, or Parquet."""

    folder: Path
    suffix: str = "csv.gz"
    connections: Connections | None = None

    @property
    def source(self) -> dict[str, Any]:
        return {"kind": "files", "path": f"{self.folder}/{{date:%Y/%m/%d}}/*.{self.suffix}"}

    def put(self, day: Partition, table: pa.Table) -> None:
        target = self.folder / f"{day.day:%Y/%m/%d}" / f"rows.{self.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(packed(table, self.suffix))


def packed(table: pa.Table, suffix: str) -> bytes:
    """The rows as a file whose name ends so."""
    plain = as_parquet(table) if suffix.startswith("parquet") else as_csv(table)
    return gzip.compress(plain) if suffix.endswith(".gz") else plain


@dataclass
class BucketFeed:
    """Objects of a bucket."""

    server: S3Server
    prefix: str
    connections: Connections | None = None

    @property
    def source(self) -> dict[str, Any]:
        path = f"s3://{self.server.bucket}/{self.prefix}/{{date:%Y-%m-%d}}-*.csv"
        return {"kind": "s3", "path": path}

    @cached_property
    def client(self) -> Any:
        """What writes there."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.server.endpoint,
            aws_access_key_id=self.server.access_key,
            aws_secret_access_key=self.server.secret_key,
            region_name="us-east-1",
        )

    def write(self, name: str, data: bytes) -> None:
        """An object below the prefix."""
        self.client.put_object(Bucket=self.server.bucket, Key=f"{self.prefix}/{name}", Body=data)

    def put(self, day: Partition, table: pa.Table) -> None:
        self.write(f"{day.key}-all.csv", as_csv(table))


@dataclass
class Answer:
    """What a server of a test says to one request instead of the file."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_off: int = 0
    """Bytes that are promised but not sent."""


class WebServer:
    """A server of files on the loopback; the next answers of a path can be set beforehand."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.next: dict[str, list[Answer]] = {}
        self.always: dict[str, str] = {}
        """Headers of every answer."""
        self.asked: Counter[str] = Counter()
        self.authorized: list[str | None] = []
        self.heads = True
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, method: str, path: str) -> Answer:
        """The answer to a request."""
        self.asked[f"{method} {path}"] += 1
        if self.next.get(path):
            return self.next[path].pop(0)
        if method == "HEAD" and not self.heads:
            return Answer(405)
        if path not in self.files:
            return Answer(404)
        body = self.files[path]
        etag = f'"{hash(body) & 0xFFFFFFFF:08x}"'
        return Answer(200, {"ETag": etag, **self.always}, body)


@contextmanager
def run_web(web: WebServer | None = None) -> Iterator[WebServer]:
    """Start the server, and end it again."""
    web = web or WebServer()
    thread = threading.Thread(target=web.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.server.shutdown()
        web.server.server_close()
        thread.join()


def _handler(web: WebServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send("GET")

        def do_HEAD(self) -> None:
            self._send("HEAD")

        def _send(self, method: str) -> None:
            web.authorized.append(self.headers.get("Authorization"))
            said = web.answer(method, self.path)
            self.send_response(said.status)
            for name, value in said.headers.items():
                if value:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body) + said.cut_off))
            self.end_headers()
            if method == "GET":
                self.wfile.write(said.body)
            if said.cut_off:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    return Handler


@dataclass
class WebFeed:
    """Files behind addresses."""

    web: WebServer
    connections: Connections | None = None

    @property
    def source(self) -> dict[str, Any]:
        return {"kind": "http", "url": f"{self.web.url}/{{date:%Y%m%d}}.csv.gz", "tries": 2}

    def put(self, day: Partition, table: pa.Table) -> None:
        self.web.files[f"/{day.day:%Y%m%d}.csv.gz"] = gzip.compress(as_csv(table))


@contextmanager
def run_postgres(folder: Path) -> Iterator[Connection]:
    """Start PostgreSQL with its data in ``folder``, and end it again."""
    places = Layout(folder)
    create_folders(places)
    prepare_database(places)
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(server_command(places), stdout=log, stderr=log)
    try:
        for _ in range(300):
            if is_ready(places):
                break
            time.sleep(0.1)
        yield Connection(
            "dwh",
            "postgres",
            host=str(places.sockets),
            login=DATABASE_USER,
            password="rose-and-thorn",  # noqa: S106
            schema="postgres",
        )
    finally:
        running.terminate()
        running.wait(30)


def engine_of(connection: Connection) -> sqlalchemy.Engine:
    """An engine that may write."""
    address = sqlalchemy.URL.create(
        "postgresql+psycopg2",
        username=connection.login,
        host=connection.host,
        database=connection.schema,
    )
    return sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)


@dataclass
class TableFeed:
    """A table of PostgreSQL."""

    connection: Connection
    table: str = "climate"

    def __post_init__(self) -> None:
        self.run(
            f"CREATE TABLE {self.table} (shop text, observed timestamptz, level float8,"
            " changed timestamptz NOT NULL DEFAULT clock_timestamp())"
        )

    @property
    def connections(self) -> Connections:
        return Known({"dwh": self.connection})

    @property
    def source(self) -> dict[str, Any]:
        inside = f"FROM {self.table} WHERE observed >= :start AND observed < :end"
        return {
            "kind": "sql",
            "connection": "dwh",
            "query": f"SELECT shop, observed, level {inside} ORDER BY observed",
            "version_query": f"SELECT count(*) AS n, max(changed) AS changed {inside}",
        }

    def run(self, statement: str, values: Iterable[dict[str, Any]] | None = None) -> None:
        """Run a statement, for each of the values if there are any."""
        engine = engine_of(self.connection)
        with engine.begin() as database:
            database.execute(sqlalchemy.text(statement), list(values) if values else None)

    def put(self, day: Partition, table: pa.Table) -> None:
        inside = {"start": day.start, "end": day.end}
        self.run(f"DELETE FROM {self.table} WHERE observed >= :start AND observed < :end", [inside])  # noqa: S608
        insert = f"INSERT INTO {self.table} VALUES (:shop, :observed, :level)"  # noqa: S608
        self.run(insert, table.to_pylist())


@dataclass
class RepoFeed:
    """A DVC repository of another team, with a remote of its own."""

    folder: Path
    rev: str = "main"
    connections: Connections | None = None

    def __post_init__(self) -> None:
        self.repo.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Another team")
        self.git("config", "user.email", "team@example.org")
        with Repo.init(str(self.repo)) as repo, repo.config.edit() as config:
            config["core"] = {"remote": "own", "analytics": False}
            config["remote"] = {"own": {"url": str(self.folder / "remote")}}

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    @property
    def source(self) -> dict[str, Any]:
        path = "data/{date:%Y}/*-{date:%m-%d}.parquet"
        return {"kind": "dvc", "repo": str(self.repo), "rev": self.rev, "path": path}

    def git(self, *words: str) -> str:
        """Run git there."""
        command = ["git", "-C", str(self.repo), *words]
        found = subprocess.run(command, check=True, capture_output=True, text=True, env=_quiet())
        return found.stdout.strip()

    def put(self, day: Partition, table: pa.Table) -> None:
        self.write(f"data/{day.day:%Y}/climate-{day.day:%m-%d}.parquet", as_parquet(table))

    def write(self, path: str, data: bytes) -> None:
        """A file below ``data``, added, committed and pushed."""
        target = self.repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # what DVC has added is read-only
        target.write_bytes(data)
        with Repo(str(self.repo)) as repo:
            repo.add(str(self.repo / "data"))
            repo.push()
        self.commit(f"write {path}")

    def commit(self, message: str) -> None:
        """Commit everything that git sees."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)


def _quiet() -> dict[str, str]:
    return {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


PYTHON = """\
from pathlib import Path
import hashlib
import pyarrow.parquet as pq

def _file(day, options):
    return Path(options["folder"]) / f"{day:%Y-%m-%d}.parquet"

def read(dataset, start, end, options):
    for file in sorted(Path(options["folder"]).glob("*.parquet")):
        if f"{start:%Y-%m-%d}" <= file.stem < f"{end:%Y-%m-%d}":
            yield pq.read_table(file)

def state(dataset, day, options):
    return hashlib.sha256(_file(day, options).read_bytes()).hexdigest()
"""


@dataclass
class PythonFeed:
    """A file in the use case's folder that yields Arrow tables."""

    folder: Path
    connections: Connections | None = None

    @property
    def source(self) -> dict[str, Any]:
        self.folder.mkdir(parents=True, exist_ok=True)
        code = self.folder / "climate.py"
        code.write_text(PYTHON)
        return {"kind": "python", "file": str(code), "options": {"folder": str(self.folder)}}

    def put(self, day: Partition, table: pa.Table) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{day.key}.parquet").write_bytes(as_parquet(table))


def an_hour_ago(path: Path) -> None:
    """Let a file be old, as if it had been written long before it is read."""
    past = datetime.now().timestamp() - 3600  # noqa: DTZ005
    os.utime(path, (past, past))


def memory_of(
    folder: Path, source: Mapping[str, Any], connection: Connection | None = None
) -> dict[str, float]:
    """Rows of the first day read in a process of its own, and its peaks of memory in MB."""
    said = json.dumps([dict(source), asdict(connection) if connection else None])
    command = [sys.executable, "-m", "support.peak", str(folder), said]
    tests = Path(__file__).parents[1]
    found = subprocess.run(command, cwd=tests, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(found.stdout)
    return told
