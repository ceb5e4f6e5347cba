"""Rows of a SQL query, read through a cursor of the server, never whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa
import sqlalchemy

from laurel.adapters.sources.connections import Connection, Connections
from laurel.adapters.sources.contract import Batch, SourceState
from laurel.adapters.sources.engine import reading
from laurel.adapters.tables.arrow import to_pandas
from laurel.domain.canonical import digest
from laurel.domain.config.source import SqlSource
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, DataError, LaurelError
from laurel.usecase import UseCase

CORRECTED = "corrected_at"
"""The column of a version that says when rows were corrected."""
ROWS = 16_384
"""Rows fetched at a time: as Python objects they take many times the room of a frame."""
PARAMETERS = ({"start", "end"}, {"day"})


class SqlReader:
    """A query for an interval or for a day, bound, in a transaction that only reads."""

    def __init__(
        self, usecase: UseCase, dataset: str, source: SqlSource, *, connections: Connections
    ) -> None:
        self._usecase, self._dataset = usecase, dataset
        self._source, self._connections = source, connections
        with self._placed():
            self._text = self._read_text(source.query, source.query_file)
            self._query = _query(self._text, "query")
            version = source.version_query, source.version_query_file
            said = self._read_text(*version) if any(version) else None
            self._version = None if said is None else _query(said, "version_query")

    @property
    def place(self) -> str:
        file = self._source.query_file
        return f"{file or 'a query'} through connection {self._source.connection}"

    def states(self, days: Sequence[Partition]) -> dict[Partition, SourceState]:
        """The version that the database tells of each day; without one nothing is settled."""
        if self._version is None:
            unknown = SourceState(digest(["query", self._text]), settled=False)
            return dict.fromkeys(days, unknown)
        with self._placed(), reading(self._connection) as database:
            return {day: self._state(database, self._version, day) for day in days}

    def _state(
        self, database: sqlalchemy.Connection, version: sqlalchemy.TextClause, day: Partition
    ) -> SourceState:
        rows = database.execute(version, _values(version, [day])).mappings().fetchmany(2)
        if len(rows) != 1:
            raise DataError(
                "the version of a day is one row",
                partition=day.key,
                found="several rows" if rows else "no row",
                hint="aggregate, as max(changed_at) and count(*); look at version_query",
            )
        said = sorted((name, str(value)) for name, value in rows[0].items())
        fingerprint = digest(["version", self._text, said])
        return SourceState(fingerprint, corrected_at=_moment(rows[0].get(CORRECTED), day))

    def read(self, days: Sequence[Partition]) -> Iterator[Batch]:
        """The rows in the order of the query; with ``:day`` it is asked for each day."""
        by_day = "day" in _parameters(self._query)
        spans = [[day] for day in days] if by_day else [list(days)]
        with self._placed(), reading(self._connection) as database:
            for span in spans:
                yield from self._batches(database, span)

    def _batches(
        self, database: sqlalchemy.Connection, span: Sequence[Partition]
    ) -> Iterator[Batch]:
        day = span[0] if len(span) == 1 else None
        streamed = {"stream_results": True, "max_row_buffer": ROWS}
        values = _values(self._query, span)
        with database.execute(self._query, values, execution_options=streamed) as result:
            names = _names(list(result.keys()))
            given = False
            for rows in result.partitions(ROWS):
                given = True
                yield Batch(_frame(names, rows), day=day)
            if not given:
                # so that the columns are looked at
                yield Batch(pd.DataFrame(columns=names, dtype=object), day=day)

    def _read_text(self, text: str | None, file: str | None) -> str:
        if file is None:
            return text or ""
        path = self._usecase.folder / file
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError("the file of a query cannot be read", found=str(path)) from error

    @cached_property
    def _connection(self) -> Connection:
        return self._connections.get(self._source.connection)

    @contextmanager
    def _placed(self) -> Iterator[None]:
        try:
            yield
        except LaurelError as error:
            raise error.placed(usecase=self._usecase.name, dataset=self._dataset) from error


def _query(text: str, name: str) -> sqlalchemy.TextClause:
    """A query with its parameters; raises :class:`ConfigError` for others than there are."""
    query = sqlalchemy.text(text)
    if _parameters(query) not in PARAMETERS:
        raise ConfigError(
            f"{name} is not bound to the interval that is asked for",
            found=", ".join(f":{each}" for each in sorted(_parameters(query))) or "no parameter",
            expected=":start and :end (moments), or :day (a date), and no others",
            hint=r"write a colon of your own as \:",
        )
    return query


def _parameters(query: sqlalchemy.TextClause) -> set[str]:
    return set(query.compile().params)


def _values(query: sqlalchemy.TextClause, span: Sequence[Partition]) -> dict[str, object]:
    if "day" in _parameters(query):
        return {"day": span[0].day}
    return {"start": span[0].start, "end": span[-1].end}


def _moment(value: object, day: Partition) -> datetime | None:
    if value is None or (isinstance(value, datetime) and value.tzinfo is not None):
        return value
    raise DataError(
        "the moment of correction is no moment with a time zone",
        partition=day.key,
        found=repr(value)[:100],
        detail=f"the column {CORRECTED} of version_query",
    )


def _names(names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError("the query gives a name twice", found=", ".join(twice), hint="use AS")
    return names


def _frame(names: list[str], rows: Sequence[sqlalchemy.Row[Any]]) -> pd.DataFrame:
    columns = zip(*rows, strict=True)
    return pd.DataFrame({name: _series(v) for name, v in zip(names, columns, strict=True)})


def _series(values: tuple[object, ...]) -> pd.Series[Any]:
    """Values of one type as a column of that type, others as they are."""
    try:
        return to_pandas(pa.table({"": pa.array(values)}))[""]
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return pd.Series(list(values), dtype=object)
