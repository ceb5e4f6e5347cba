"""DVC locks the files of a stage again in each step of it: here once, while the first lock holds.

A stage of ours depends on a hundred files, and twenty times a stage DVC writes which of them it
reads and writes into a file that other commands in the same workspace look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from dvc import rwlock


@contextmanager
def locking_once() -> Iterator[None]:
    """Let DVC lock only what it has not locked yet, for as long as the block lasts."""
    lock, reads, writes = rwlock.rwlock, set[str](), set[str]()

    @contextmanager
    def locked(
        folder: str, fs: Any, cmd: str, read: Sequence[str], write: Sequence[str], hardlink: bool
    ) -> Iterator[None]:
        new_reads, new_writes = {*read} - reads - writes, {*write} - writes
        if not new_reads and not new_writes:
            yield
            return
        with lock(folder, fs, cmd, sorted(new_reads), sorted(new_writes), hardlink):
            reads.update(new_reads)
            writes.update(new_writes)
            try:
                yield
            finally:
                reads.difference_update(new_reads)
                writes.difference_update(new_writes)

    with patch.object(rwlock, "rwlock", locked):
        yield
