"""What is delivered, and what every sink promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Delivery:
    """One revision of a partition, ready to go out."""

    partition: str
    revision: int
    content_hash: str
    rows: int
    file: Path
    """The published Parquet file."""


class Sink(Protocol):
    """A place outside that holds one revision of each partition."""

    @property
    def place(self) -> str:
        """Where it is, without secrets."""
        ...

    def deliver(self, partition: str, newest: Callable[[], Delivery]) -> Delivery:
        """Replace a partition there by what ``newest`` gives, whole or not at all.

        ``newest`` is asked when nobody else can deliver the partition, so that of several at once
        the newest stays. The same again changes nothing that a reader sees. Raises
        :class:`StoreFault` for what may pass, :class:`ConfigError` and :class:`DataError` for what
        does not.
        """
        ...
