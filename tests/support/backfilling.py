"""Ranges ingested in processes of their own, as the tasks of schedulers that know of no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from laurel.errors import LaurelError
from support.forking import SPAWN
from support.runs import open_home

TRIES = 5
"""As often as a task is retried."""


def ingest_range(
    folder: Path, environ: Mapping[str, str], dataset: str, first: str, last: str
) -> int:
    """Ingest days into the home in a folder, as a task with retries; how many it published."""
    home = open_home(folder, fresh=False, **environ)
    for _ in range(TRIES):
        try:
            return len(home.ingest(dataset, first, last).published)
        except LaurelError as error:
            if not error.retryable:
                raise
    raise AssertionError(f"{first} to {last} failed {TRIES} times")


def backfill(
    homes: Sequence[tuple[Path, Mapping[str, str]]],
    dataset: str,
    ranges: Sequence[tuple[str, str]],
    *,
    processes: int,
) -> list[int]:
    """Ingest ranges into homes, several at once; how many days were published in each, in all."""
    with ProcessPoolExecutor(processes, mp_context=SPAWN) as pool:
        jobs = [
            [pool.submit(ingest_range, *home, dataset, *each) for home in homes] for each in ranges
        ]
        done = [[job.result() for job in row] for row in jobs]
    return [sum(published) for published in zip(*done, strict=True)]
