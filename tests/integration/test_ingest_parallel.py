"""Two schedulers' worth of backfills over the same days, at once: the catalog of a serial run."""

from __future__ import annotations

from pathlib import Path

import pytest

from laurel.domain.catalog import CatalogState, sameness
from laurel.domain.partition import Partition
from laurel.runs.audit import audit_store
from support.backfilling import backfill
from support.runs import Home, open_home
from support.servers import S3Server, use_credentials

pytestmark = pytest.mark.slow

DATASET, FIRST, DAYS = "climate", Partition.of("2024-02-25"), 8
"""Over the leap day."""
PROCESSES = 3


def day(number: int) -> str:
    return FIRST.shifted(number).key


RANGES = [
    *((day(start), day(min(start + 3, DAYS - 1))) for start in range(0, DAYS, 2)),
    *((day(number), day(number)) for number in reversed(range(0, DAYS, 3))),
    (day(0), day(DAYS - 1)),
]
"""Overlapping spans in order, single days backwards, and all of it."""


def catalog(home: Home) -> CatalogState:
    return home.site.catalog(home.usecase, DATASET).audit().state


def test_parallel_backfills_of_the_same_days_end_as_a_serial_run(
    seaweedfs: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a folder and on S3 at the same time."""
    use_credentials(seaweedfs, monkeypatch)
    environ = {"LAUREL_STORE": seaweedfs.fresh_url(), **seaweedfs.env}
    serial = open_home(tmp_path / "serial")
    serial.ingest(DATASET, day(0), day(DAYS - 1))
    expected = catalog(serial)
    homes = {tmp_path / "folder": {}, tmp_path / "s3": environ}
    opened = [open_home(folder, **given) for folder, given in homes.items()]

    published = backfill(list(homes.items()), DATASET, RANGES, processes=PROCESSES)

    assert published == [DAYS, DAYS]  # each day by one of the runs, whoever came first
    for home in opened:
        state = catalog(home)
        assert sameness(state) == sameness(expected)
        assert [r.md5 for r in state.newest()] == [r.md5 for r in expected.newest()]
        assert state.tree == expected.tree
        assert audit_store(home.site, hashed=1.0).wrong == ()
