"""What a started stack notes of itself, and the lock of its home."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from laurel.errors import Refused
from laurel.local.layout import Layout
from laurel.local.leftovers import Birth, Marks


@dataclass(frozen=True)
class Record:
    """What a started stack notes of itself."""

    stack: str
    url: str
    dags: str | None
    """The folder of DAG files, unless the caller configured bundles."""
    supervisor: Birth

    @property
    def folder(self) -> Path | None:
        """The folder of DAG files."""
        return Path(self.dags) if self.dags else None


def marks_of(places: Layout, record: Record | None) -> Marks:
    """By what the processes of this home's stack are known."""
    return Marks(
        stack=record.stack if record else "none",
        supervisor=record.supervisor if record else None,
        database=places.database,
    )


def read_record(places: Layout) -> Record | None:
    """The record of the last start, or ``None`` when there is none that can be read."""
    try:
        document = json.loads(places.state.read_text())
        return Record(**{**document, "supervisor": Birth(**document["supervisor"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(places: Layout, record: Record) -> None:
    """Replace the record, never seen half written."""
    aside = places.state.with_suffix(".new")
    aside.write_text(json.dumps(asdict(record), indent=2))
    aside.replace(places.state)


@contextmanager
def alone(places: Layout) -> Iterator[None]:
    """Hold the lock of this home; raises :class:`Refused` while another call holds it."""
    handle = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                "another `laurel up` or `laurel down` is at work on this home",
                found=str(places.lock),
                hint="wait until it has ended",
            ) from error
        yield
    finally:
        os.close(handle)
