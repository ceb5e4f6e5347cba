"""``kill -9`` at each write of an ingest to S3, as :mod:`support.killing` does it on a folder.

    python -m support.killing_s3 FOLDER STORE

The writes are requests that change something. Killed is before each, so after the one before it
too. Each kill has a prefix of its own, STORE and a number; the server and the credentials
are in the environment.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

from support.killing import BAD, DATASET, facts, in_child, ingest, repeat, say
from support.runs import Home, open_home

_READING = ("Get", "Head", "List")


def watch_requests(on_request: Callable[[int, str], None]) -> None:
    """Call before each request that writes, with its number."""
    original = BaseClient._make_api_call
    count = 0

    def told(client: Any, operation: str, asked: dict[str, Any]) -> Any:
        nonlocal count
        if not operation.startswith(_READING):
            count += 1
            on_request(count, f"{operation} {asked.get('Key')}")
        return original(client, operation, asked)

    BaseClient._make_api_call = told


def fresh(folder: Path, store: str) -> Home:
    """A home on a prefix of its own that is claimed, and a source that lies about the last day."""
    shutil.rmtree(folder, ignore_errors=True)
    home = open_home(folder, LAUREL_STORE=store, LAUREL_S3_ENDPOINT=os.environ["AWS_ENDPOINT_URL"])
    home.source(DATASET, BAD).assign(amount=5000.0).to_parquet(home.override(DATASET, BAD))
    return home


def count_requests(home: Home) -> list[str]:
    """The writing requests of an ingest, in their order."""
    seen: list[str] = []
    assert home.site.store
    watch_requests(lambda _number, request: seen.append(request))
    ingest(home)
    return seen


def killed_at(number: int, home: Home) -> None:
    """An ingest that ends at the request of that number."""

    def end(count: int, _request: str) -> None:
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    assert home.site.store
    watch_requests(end)
    ingest(home)


def main(folder: Path, store: str) -> None:
    """Print a line for the undisturbed run, then one for each request."""
    home = fresh(folder, f"{store}-0")
    _, requests = in_child(lambda: count_requests(home))
    _, expected = in_child(lambda: facts(home))
    say({"expected": expected, "writes": requests})
    for number, request in enumerate(requests, start=1):
        home = fresh(folder, f"{store}-{number}")
        code, _ = in_child(lambda number=number, home=home: killed_at(number, home))
        _, found = in_child(lambda home=home: repeat(home))
        say({"number": number, "write": request, "code": code, **(found or {})})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
