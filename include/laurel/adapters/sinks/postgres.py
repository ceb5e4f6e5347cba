"""A PostgreSQL table: each partition is replaced in one transaction, at the speed of COPY."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from laurel.adapters.sinks.contract import Delivery
from laurel.adapters.sources.connections import Connection, Connections
from laurel.adapters.tables.delimited import Kind, column_kinds, iter_csv
from laurel.domain.config.names import PARTITION
from laurel.domain.config.sink import PostgresSink
from laurel.errors import ConfigError, DataError, LaurelError, StoreFault

TYPES: Mapping[Kind, str] = {
    "string": "text",
    "int64": "bigint",
    "float64": "double precision",
    "bool": "boolean",
    "timestamp": "timestamptz",
}
CONNECT_SECONDS = 10
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_PASSING = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that may pass: connection, rollback, resources, locks, shut down, system."""


class PostgresTable:
    """A table that holds the newest predictions of every partition delivered to it."""

    def __init__(self, config: PostgresSink, *, connections: Connections) -> None:
        self._config, self._connections = config, connections
        self._table = sql.Identifier(*config.table.split("."))

    @property
    def place(self) -> str:
        return f"table {self._config.table} through connection {self._config.connection}"

    def deliver(self, partition: str, newest: Callable[[], Delivery]) -> Delivery:
        known = self._connections.get(self._config.connection)
        with _faults(known, self.place), psycopg.connect(**_address(known)) as database:
            # held until the transaction ends
            database.execute(_LOCK, [f"laurel {self._config.table} {partition}"])
            given = newest()
            kinds = column_kinds(given.file)
            self._make(known, kinds)
            delete = sql.SQL("DELETE FROM {} WHERE {} = %s")
            database.execute(
                delete.format(self._table, sql.Identifier(PARTITION)), [given.partition]
            )
            self._copy(database, given, kinds)
        return given

    def _copy(
        self, database: psycopg.Connection[Any], given: Delivery, kinds: Mapping[str, Kind]
    ) -> None:
        names = sql.SQL(", ").join(map(sql.Identifier, kinds))
        copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(self._table, names)
        with database.cursor() as cursor:
            with cursor.copy(copy) as target:
                for part in iter_csv(given.file):
                    target.write(part)
            if cursor.rowcount != given.rows:
                raise DataError(
                    "the table took another number of rows than were published",
                    partition=given.partition,
                    found=f"{cursor.rowcount:,}",
                    expected=f"{given.rows:,}",
                    hint=f"is there a trigger or a rule on {self._config.table}?",
                )

    def _make(self, known: Connection, kinds: Mapping[str, Kind]) -> None:
        """Make the table where it is not there, in a transaction of its own."""
        with psycopg.connect(**_address(known)) as database:
            database.execute(_LOCK, [f"laurel {self._config.table}"])
            name = self._table.as_string(database)
            found = database.execute("SELECT to_regclass(%s)", [name]).fetchone()
            if found and found[0] is not None:
                return
            columns = sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(TYPES[kind]))
                for name, kind in kinds.items()
            )
            database.execute(sql.SQL("CREATE TABLE {} ({})").format(self._table, columns))
            index = sql.SQL("CREATE INDEX ON {} ({})")
            database.execute(index.format(self._table, sql.Identifier(PARTITION)))


def _address(known: Connection) -> dict[str, Any]:
    """What psycopg is given; extras that are not texts or numbers are not for it."""
    if known.kind != "postgres":
        raise ConfigError(
            "the connection of a sink is no PostgreSQL",
            found=f"{known.conn_id}: {known.kind}",
            expected="postgres",
        )
    extra = {
        name: str(value)
        for name, value in known.extra.items()
        if isinstance(value, str | int) and (name.startswith("ssl") or name in _OPTIONS)
    }
    named = {
        "host": known.host,
        "port": known.port,
        "user": known.login,
        "password": known.password,
        "dbname": known.schema,
    }
    given = {name: value for name, value in named.items() if value is not None}
    return {"connect_timeout": CONNECT_SECONDS, **extra, **given, "client_encoding": "UTF8"}


_OPTIONS = ("connect_timeout", "options", "host", "keepalives", "target_session_attrs")


@contextmanager
def _faults(known: Connection, place: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        # its text may hold the login, so it is no cause of ours
        raise _worded(error, known, place) from None


def _worded(error: psycopg.Error, known: Connection, place: str) -> LaurelError:
    state = error.sqlstate
    said = " ".join(str(error).splitlines()[:2]) or type(error).__name__
    found = known.hide(said)[:300]
    if isinstance(error, psycopg.DataError):
        return DataError("the table refuses a value", found=found, detail=place)
    passing = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if (state or "").startswith(_PASSING) or (passing and state is None and not _refused(said)):
        return StoreFault(
            "the database of a sink did not answer",
            found=found,
            hint="is the server up? trying again is safe",
            detail=place,
        )
    return ConfigError(
        "the database of a sink refused the predictions",
        found=found,
        hint="look at the columns and rights of the table, and at the connection",
        detail=place,
    )


def _refused(said: str) -> bool:
    """Whether a connection was refused for who asked, not for when."""
    words = ("authentication failed", "no password supplied", "does not exist", "permission denied")
    return any(word in said for word in words)
