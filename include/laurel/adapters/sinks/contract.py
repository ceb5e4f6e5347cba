"""What is delivered, and what every sink promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class Delivery:
    """One revision of a partition, ready to go out."""

    partition: str
    revision: int
    content_hash: str
    rows: int
    file: Path
    """The published Parquet file."""


class Held(NamedTuple):
    """Which revision a place holds of a partition."""

    revision: str
    content_hash: str


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


class Place(Sink, Protocol):
    """A sink that says what it holds, with a list of it beside the partitions."""

    def held(self, only: Sequence[str] | None = None) -> dict[str, Held]:
        """What is there of each partition, or of those named; a damaged file is left out."""
        ...

    def note(self, name: str, text: Callable[[], bytes]) -> None:
        """Replace a file beside the partitions by what is known when nobody else replaces it."""
        ...
