"""Sinks: where predictions go besides the store, one file for each kind."""

from __future__ import annotations

from laurel.adapters.sinks.contract import Delivery, Sink
from laurel.adapters.sinks.postgres import PostgresTable
from laurel.adapters.sinks.s3 import BucketPrefix
from laurel.adapters.sources.connections import Connections
from laurel.domain.config.sink import PostgresSink, S3Sink

__all__ = ["Delivery", "Sink", "open_sink"]


def open_sink(
    config: PostgresSink | S3Sink, *, endpoint: str | None, connections: Connections
) -> Sink:
    """The sink of a configuration; ``endpoint`` is that of the store. Nothing is asked yet."""
    match config:
        case PostgresSink():
            return PostgresTable(config, connections=connections)
        case S3Sink():
            return BucketPrefix(config, endpoint=endpoint, connections=connections)
