"""A database behind a connection, opened to read; its errors, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy import exc
from sqlalchemy.pool import NullPool

from laurel.adapters.sources.connections import Connection
from laurel.errors import ConfigError, DataError, LaurelError, StoreFault

DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "mssql": "mssql+pymssql",
    "mysql": "mysql+mysqldb",
    "oracle": "oracle+oracledb",
}
"""Kinds of connections whose name SQLAlchemy does not know, or for which it has several drivers."""
_POSTGRES = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_OF_AIRFLOW = {"iam", "redshift", "cursor", "aws_conn_id", "region_name", "cluster-identifier"}
"""Extras that the hooks of Airflow read themselves; the others are for the driver."""
_MISCONFIGURED = re.compile(
    r"authentication failed|no password supplied|does not exist|access denied|permission denied",
    re.IGNORECASE,
)
_READ_ONLY = "25006"


@contextmanager
def reading(connection: Connection) -> Iterator[sqlalchemy.Connection]:
    """A connection to the database, in one transaction that sees one state of it.

    Raises :class:`ConfigError` for a login, driver or query that is wrong, :class:`DataError`
    for values that the database refuses, :class:`StoreFault` for what may pass.
    """
    with _faults(connection):
        engine = _engine(connection)
        try:
            with engine.connect() as database:
                if engine.dialect.name == "postgresql":
                    # moments without a zone are compared with bounds on the clock of the session
                    database.execute(sqlalchemy.text("SET LOCAL TIME ZONE 'UTC'"))
                yield database
        finally:
            engine.dispose()


def _engine(connection: Connection) -> sqlalchemy.Engine:
    driver = DRIVERS.get(connection.kind, connection.kind)
    address = sqlalchemy.URL.create(
        driver,
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
        query=_options(connection.extra),
    )
    options = _POSTGRES if driver.startswith("postgresql") else {}
    return sqlalchemy.create_engine(
        address, poolclass=NullPool, hide_parameters=True, execution_options=options
    )


def _options(extra: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value)
        for name, value in extra.items()
        if isinstance(value, str | int) and name not in _OF_AIRFLOW and "__" not in name
    }


@contextmanager
def _faults(connection: Connection) -> Iterator[None]:
    try:
        yield
    except (exc.NoSuchModuleError, ImportError) as error:
        raise ConfigError(
            "there is no driver for this kind of connection",
            found=connection.kind,
            expected=", ".join(sorted(DRIVERS)),
            hint="install its driver for SQLAlchemy",
        ) from error
    except exc.SQLAlchemyError as error:
        raise _worded(error, connection) from None


def _worded(error: exc.SQLAlchemyError, connection: Connection) -> LaurelError:
    """The error of a database; its text may hold the login, so it is no cause of ours."""
    original = getattr(error, "orig", None)
    said = " ".join(str(original or type(error).__name__).splitlines()[:2])
    found = connection.hide(said)[:300]
    place = f"connection {connection.conn_id}"
    if isinstance(error, exc.DataError):
        return DataError("the database refuses a value", found=found, detail=place)
    if getattr(original, "pgcode", None) == _READ_ONLY:
        return ConfigError("the query writes", found=found, expected="one that reads", detail=place)
    passing = isinstance(
        error, exc.OperationalError | exc.InterfaceError | exc.InternalError | exc.TimeoutError
    )
    if passing and not _MISCONFIGURED.search(said):
        return StoreFault(
            "the database did not answer",
            found=found,
            hint="is the server up? trying again is safe",
            detail=place,
        )
    return ConfigError(
        "the database refused the request",
        found=found,
        hint="look at the query, and at the connection and its rights",
        detail=place,
    )
