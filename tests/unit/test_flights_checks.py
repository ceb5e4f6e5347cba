"""The flights' checks against the past: quiet on real days, loud on the blizzard and on damage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pytest

from laurel.adapters.gx import Validation, find_suite
from laurel.adapters.tables import conform, write_table
from laurel.domain.check.past import Past
from laurel.domain.check.profile import Profile, Profiler, pool
from laurel.domain.partition import Partition
from laurel.settings import load_settings
from laurel.stages.check import check_files
from support.flights import flights_usecase, source

pytestmark = pytest.mark.slow

FIRST, DAY = Partition.of("2013-01-02"), Partition.of("2013-02-06")
Edit = Callable[[pd.DataFrame], pd.DataFrame]


@lru_cache(maxsize=128)
def real(name: str, partition: Partition) -> pd.DataFrame:
    spec = flights_usecase().config.datasets[name]
    frame = source().read(name, partition.start, partition.end, {})
    return conform(frame, spec, usecase="flights", name=name, partition=partition.key)


@lru_cache(maxsize=128)
def profile(partition: Partition) -> Profile:
    profiler = Profiler(flights_usecase().config.datasets["flights"])
    profiler.add(real("flights", partition))
    return profiler.profile()


class January:
    """The days before, as published, and a champion that learned from January."""

    first = FIRST.day

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def past(self, partition: Partition, days: Sequence[date]) -> Past:
        known = (Partition(day) for day in days if FIRST.day <= day < partition.day)
        return {each.day: profile(each) for each in known}

    def champion(self, _: Partition) -> Profile:
        return pool([profile(FIRST.shifted(n)) for n in range(28)])

    def others(
        self, dataset: str, partition: Partition, *, before: int, after: int
    ) -> Sequence[Path]:
        days = [partition.shifted(n) for n in range(-before, after + 1)]
        for day in days:
            write_table(real(dataset, day), self.folder / f"{dataset}-{day}.parquet")
        return [self.folder / f"{dataset}-{day}.parquet" for day in days]


def judge(folder: Path, frame: pd.DataFrame, partition: Partition = DAY) -> Validation:
    path = folder / "landed" / f"{partition}.parquet"
    write_table(frame, path)
    suite = find_suite("flights.raw", load_settings({}))
    spec = flights_usecase().config.datasets["flights"]
    return check_files({partition: path}, suite, dataset=spec, history=January(folder))[
        partition
    ].validation


def alarms(validation: Validation) -> list[tuple[str | None, str]]:
    checks = [each for each in validation.document["checks"] if each["outcome"] == "failed"]
    return [(each["kind"], each["column"] or "") for each in checks]


@pytest.mark.parametrize("key", ["2013-01-20", "2013-02-05", "2013-02-06", "2013-02-10"])
def test_real_days_are_quiet(tmp_path: Path, key: str) -> None:
    partition = Partition.of(key)
    assert alarms(judge(tmp_path, real("flights", partition), partition)) == []


def test_the_blizzard_is_heard(tmp_path: Path) -> None:
    partition = Partition.of("2013-02-09")
    found = judge(tmp_path, real("flights", partition), partition)
    assert set(alarms(found)) >= {("distribution", "plane_seats"), ("distribution", "plane_year")}
    assert found.outcome == "warnings"


@pytest.mark.parametrize(
    ("edit", "heard"),
    [
        (lambda f: f.iloc[::2], ("volume", "")),
        (lambda f: f[f["sched_dep"].dt.hour < 20], ("freshness", "")),
        (lambda f: f.assign(distance=(f["distance"] * 0.5).astype("int64")), "distance"),
        (lambda f: f.assign(plane_seats=f["plane_seats"].where(f.index % 2 == 0)), "plane_seats"),
        (lambda f: f.assign(carrier=f["carrier"].replace({"UA": "CO"})), "carrier"),
        (lambda f: f.assign(carrier=f["carrier"].replace({"UA": "CO"})), ("schema", "carrier")),
        (lambda f: f[f["origin"] != "LGA"], "origin"),
    ],
)
def test_damage_that_the_suite_cannot_see_is_heard(
    tmp_path: Path, edit: Edit, heard: str | tuple[str, str]
) -> None:
    wanted = ("distribution", heard) if isinstance(heard, str) else heard
    found = judge(tmp_path, edit(real("flights", DAY)).reset_index(drop=True))
    assert not found.failed
    assert wanted in alarms(found)
