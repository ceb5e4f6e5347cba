"""A process that appends to a journal: ``python -m support.journal_writer STORE TAG COUNT``.

It waits for a line on its standard input, so that all writers of a race start together, and says
what it won, one number a line.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

from laurel.adapters.journal import Journal
from laurel.adapters.store import open_store
from laurel.errors import Contention
from laurel.settings import load_settings
from support.counting import Counting, witness


def main(url: str, tag: str, count: str) -> None:
    store = open_store(load_settings({**os.environ, "LAUREL_STORE": url}))
    journal = Journal(store, "race", Counting())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for _ in range(int(count)):
        sys.stdout.write(f"{_append(journal, tag)}\n")
        sys.stdout.flush()


def _append(journal: Journal[Any], tag: str) -> int:
    """The number that was won: who lost every race of an append tries again, as a task does."""
    while True:
        with suppress(Contention):
            _, entry = journal.append(witness(tag))
            assert entry is not None
            return entry.number


if __name__ == "__main__":
    main(*sys.argv[1:])
