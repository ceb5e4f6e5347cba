"""The stage that checks files: flat over parts, bad rows split off, the past compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.tables import read_table, write_table
from laurel.domain.check.past import Past
from laurel.domain.check.profile import Profile, Profiler
from laurel.domain.config import Dataset
from laurel.domain.partition import Partition
from laurel.stages import check as stage
from laurel.stages.check import Examined, check_files
from unit.test_gx import expectation, write_suite

COLUMNS = {
    "id": {"type": "string"},
    "at": {"type": "timestamp"},
    "carrier": {"type": "string", "nullable": True},
    "seats": {"type": "float64", "nullable": True},
}
SUITE = [
    expectation("expect_table_row_count_to_be_between", min_value=50),
    expectation("expect_column_values_to_be_between", column="seats", min_value=0, max_value=9),
    expectation("expect_column_values_to_match_regex", column="carrier", regex="^[A-Z]{2}$"),
    expectation("expect_column_values_to_be_unique", column="id"),
    expectation("expect_column_values_to_be_between", "warning", column="seats", max_value=8.5),
]
DAY = Partition.of("2013-07-29")


def dataset(**other: Any) -> Dataset:
    said = {"role": "rows", "time": "at", "key": ["id"], "suite": "a.b", "columns": COLUMNS}
    return Dataset.model_validate({**said, **other})


def day(partition: Partition = DAY, *, count: int = 300, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed + partition.day.toordinal())
    at = pd.date_range(partition.start, partition.end, count + 1).as_unit("us")[:-1]
    return pd.DataFrame(
        {
            "id": pd.Series([f"{partition}-{n}" for n in range(count)], dtype="str"),
            "at": at,
            "carrier": pd.Series(random.choice(["AA", "UA"], count, p=[0.7, 0.3]), dtype="str"),
            "seats": random.uniform(0, 8, count),
        }
    )


@dataclass(frozen=True)
class Told:
    """A history that a test tells."""

    profiles: Mapping[date, Profile] = field(default_factory=dict)
    model: Profile | None = None
    beside: Sequence[Path] = ()
    first: date = date(2013, 1, 1)

    def past(self, partition: Partition, days: int) -> Past:  # noqa: ARG002
        return {day: each for day, each in self.profiles.items() if day < partition.day}

    def champion(self, partition: Partition) -> Profile | None:  # noqa: ARG002
        return self.model

    def others(self, *_: object, **__: object) -> Sequence[Path]:
        return self.beside


def check(
    folder: Path, frame: pd.DataFrame, *, partition: Partition = DAY, **other: Any
) -> Examined:
    spec, told = other.pop("spec", dataset()), other.pop("history", None)
    path = folder / "landed" / f"{partition}.parquet"
    write_table(frame, path)
    suite = write_suite(folder, SUITE)
    return check_files({partition: path}, suite, dataset=spec, history=told, **other)[partition]


def spoiled(*rows: int, count: int = 300) -> pd.DataFrame:
    """A day with seats that cannot be in some rows, and a carrier that cannot be in the first."""
    frame = day(count=count)
    frame.loc[list(rows), "seats"] = 99.0
    if rows:
        frame.loc[rows[0], "carrier"] = "?"
    return frame


def test_a_file_in_parts_is_judged_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = spoiled(3, 200)
    whole = check(tmp_path / "a", frame)
    monkeypatch.setattr(stage, "PART", 64)
    parted = check(tmp_path / "b", frame)
    assert parted.validation.document == whole.validation.document
    assert parted.validation.failed
    assert parted.profile is not None
    assert whole.profile is not None
    assert {**parted.profile, "columns": None} == {**whole.profile, "columns": None}
    assert parted.split is None


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    check(tmp_path, day())
    assert [path.name for path in (tmp_path / "landed").iterdir()] == [f"{DAY}.parquet"]


@pytest.mark.parametrize("personal", [None, "direct"])
def test_no_value_that_names_a_person_is_shown_or_profiled(
    tmp_path: Path, personal: str | None
) -> None:
    columns = COLUMNS | {"carrier": {"type": "string", "nullable": True, "personal": personal}}
    frame = day()
    frame.loc[[3, 4], "carrier"] = "Ms Miller"
    found = check(tmp_path, frame, spec=dataset(columns=columns))
    shown = personal is None
    document, page = json.dumps(found.validation.document), found.validation.html
    assert found.validation.failed
    assert found.validation.failures[0].unexpected_count == 2
    assert [("Ms Miller" in said) for said in (document, page)] == [shown, shown]
    assert ("Ms Miller" in str(found.validation.error("a"))) == shown
    assert ("Ms Miller" in json.dumps(found.profile)) == shown


def test_a_day_without_rows_is_judged(tmp_path: Path) -> None:
    found = check(tmp_path, day().head(0))
    assert [f.expectation for f in found.validation.critical] == [
        "expect_table_row_count_to_be_between"
    ]
    assert found.profile is not None
    assert found.profile["rows"] == 0


@pytest.mark.parametrize("part", [40, 100_000])
def test_bad_rows_are_split_off_and_the_rest_is_judged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(stage, "PART", part)
    frame = spoiled(7, 150)
    frame.loc[[20, 280], "id"] = "twice"
    found = check(tmp_path, frame, spec=dataset(split={"max_share": 0.02}))
    assert not found.validation.failed
    assert found.validation.document["rows"] == 296
    assert found.split is not None
    assert found.split.rows == 4
    bad = frame.iloc[[7, 20, 150, 280]].reset_index(drop=True)
    pd.testing.assert_frame_equal(read_table(found.split.file), bad)
    rest = frame.drop(index=[7, 20, 150, 280]).reset_index(drop=True)
    pd.testing.assert_frame_equal(read_table(found.file), rest)
    assert found.profile is not None
    assert found.profile["rows"] == 296
    assert any("seats: 2 of 300" in reason for reason in found.split.reasons)


@pytest.mark.parametrize(
    ("spec", "refused"),
    [({}, 0), ({"split": {"max_share": 0.003}}, 0), ({"split": {"max_share": 0.01}}, 2)],
    ids=["not asked for", "too many", "too many with those refused before"],
)
def test_a_partition_with_too_many_bad_rows_fails_as_a_whole(
    tmp_path: Path, spec: dict[str, Any], refused: int
) -> None:
    found = check(tmp_path, spoiled(7, 150), spec=dataset(**spec), refused={DAY: refused})
    assert found.validation.failed
    assert found.split is None
    assert found.file.name == f"{DAY}.parquet"


def test_no_split_mends_a_failure_that_is_not_about_rows(tmp_path: Path) -> None:
    found = check(tmp_path, spoiled(3, count=45), spec=dataset(split={"max_share": 0.5}))
    assert found.validation.failed
    assert found.split is None


def test_warnings_alone_split_nothing_off(tmp_path: Path) -> None:
    frame = day()
    frame.loc[3, "seats"] = 8.8
    found = check(tmp_path, frame, spec=dataset(split={"max_share": 0.5}))
    assert found.validation.outcome == "warnings"
    assert found.split is None


CHECKS = [
    {"kind": "volume", "severity": "critical"},
    {"kind": "freshness"},
    {"kind": "distribution", "columns": ["carrier", "seats"], "severity": "info"},
    {
        "kind": "reference",
        "columns": ["carrier"],
        "dataset": "carriers",
        "to": ["code"],
        "before": 1,
    },
    {"kind": "schema"},
]


def profiles(days: int = 29) -> dict[date, Profile]:
    found = {}
    for partition in (DAY.shifted(-back) for back in range(1, days + 1)):
        profiler = Profiler(dataset())
        profiler.add(day(partition))
        found[partition.day] = profiler.profile()
    return found


def test_findings_are_judged_shown_and_counted_with_the_expectations(tmp_path: Path) -> None:
    known = profiles()
    codes = tmp_path / "codes.parquet"
    write_table(pd.DataFrame({"code": pd.Series(["AA"], dtype="str")}), codes)
    told = Told(known, model=known[date(2013, 7, 1)], beside=[codes])
    spec = dataset(checks=CHECKS)
    good = check(tmp_path, day(), spec=spec, history=told).validation
    assert good.outcome == "warnings"
    assert [f.expectation for f in good.failures] == ["reference"]
    assert "of 300 rows" in good.failures[0].observed
    assert "UA" in good.failures[0].observed
    bad = day(count=100).assign(seats=4.0, carrier=pd.Series(["ZZ"] * 100, dtype="str"))
    found = check(tmp_path, bad, spec=dataset(checks=[*CHECKS]), history=told).validation
    assert found.failed
    assert [(f.severity, f.expectation) for f in found.failures] == [
        ("critical", "volume"),
        ("warning", "reference"),
        ("warning", "schema"),
    ]
    assert "1 critical" in str(found.error("toy", "visits", DAY.key))
    assert "Against the past" in found.html
    assert "100 rows" in found.html
    assert "too little to tell" in found.html
    outcomes = {each["kind"]: each["outcome"] for each in found.document["checks"]}
    assert outcomes["distribution"] == "underpowered"


def test_infos_alone_let_a_partition_pass_and_are_counted(tmp_path: Path) -> None:
    told = Told(profiles(10))
    (distribution,) = [each for each in CHECKS if each["kind"] == "distribution"]
    moved = day().assign(seats=day()["seats"] / 100)
    found = check(tmp_path, moved, spec=dataset(checks=[distribution]), history=told).validation
    assert found.outcome == "passed"
    assert found.counts == {"info": 1}
    assert found.failures[0].column == "seats"


def test_earlier_partitions_of_a_range_are_the_past_of_later_ones(tmp_path: Path) -> None:
    files = {}
    for back in range(28, -1, -1):
        partition = DAY.shifted(-back)
        files[partition] = tmp_path / f"{partition}.parquet"
        write_table(day(partition, count=300 if back else 60), files[partition])
    spec = dataset(checks=[CHECKS[0], {"kind": "freshness"}])
    first = DAY.shifted(-28).day
    found = check_files(
        files, write_suite(tmp_path, SUITE), dataset=spec, history=Told(first=first)
    )
    assert list(found) == list(files)
    outcomes = [each.validation.outcome for each in found.values()]
    assert outcomes == ["passed"] * 28 + ["failed"]
    del files[DAY.shifted(-1)]
    again = check_files(
        files, write_suite(tmp_path, SUITE), dataset=spec, history=Told(first=first)
    )
    missing = [f for f in again[DAY].validation.failures if f.expectation == "freshness"]
    assert missing[0].observed == f"0 of 1 days before, {DAY.shifted(-1)} is missing"
