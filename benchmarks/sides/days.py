"""A dataset of many small partitions, for measuring what publishing one more costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from laurel.adapters.records import Catalog
from laurel.adapters.tables import write_table
from laurel.domain.partition import Partition
from laurel.runs.site import Site
from laurel.stages.publish import Checked, publish, push_files

USECASE = "bench"
FIRST = Partition(date(2014, 1, 1))
ROWS = 100
ENTRIES = 10
"""Entries of the catalog that a dataset was published in, so both datasets have equally many."""


def checked(partition: Partition, *, folder: Path) -> Checked:
    """A partition's table, made from its day alone; no suite has seen it."""
    draw = np.random.default_rng(partition.day.toordinal())
    frame = pd.DataFrame({"key": np.arange(ROWS), "value": draw.normal(size=ROWS)})
    path = folder / f"{partition.key}.parquet"
    facts = write_table(frame, path)
    return Checked(path=path, facts=facts, suite="none", outcome="passed", fingerprint="none")


def publish_days(site: Site, dataset: str, days: list[Partition], *, folder: Path) -> None:
    """Write, push and publish partitions in one entry, as an ingest does."""
    parts = {day: checked(day, folder=folder) for day in days}
    files = push_files(site.plane, parts)
    made = publish(Catalog(site.store, USECASE, dataset), site.plane, files, run="bench")
    assert len(made.partitions) == len(days)


def build(site: Site, dataset: str, size: int, *, folder: Path) -> None:
    """Publish a dataset of that many partitions."""
    for batch in np.array_split(np.arange(size), ENTRIES):
        publish_days(site, dataset, [FIRST.shifted(int(n)) for n in batch], folder=folder)


def following(size: int) -> Iterator[Partition]:
    """The partitions after the first ``size``."""
    while True:
        yield FIRST.shifted(size)
        size += 1
