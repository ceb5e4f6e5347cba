"""Where predictions are delivered to besides, once they are published."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from laurel.domain.config.base import Frozen
from laurel.domain.config.source import ConnectionId

Table = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$")
]
Prefix = Annotated[
    str,
    StringConstraints(
        pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_=][A-Za-z0-9_.=-]*)*$"
    ),
]


class PostgresSink(Frozen):
    """A table of its own for a use case; each partition is replaced in one transaction."""

    kind: Literal["postgres"]
    connection: ConnectionId
    table: Table
    """``table`` or ``schema.table``; made with the first delivery where it is not there."""


class S3Sink(Frozen):
    """A prefix of a bucket: one Parquet file for each partition, in hive layout.

    As readers of that layout want it, the column ``partition`` is in the path and not in the file.
    """

    kind: Literal["s3"]
    path: Prefix
    connection: ConnectionId | None = None
    """Credentials; those of the usual chain when left out."""
    endpoint: str | None = None
    """That of the store when left out."""


Sink = Annotated[PostgresSink | S3Sink, Field(discriminator="kind")]
