"""Checks of a partition against its past: what they find, and what they cannot tell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.domain.canonical import canonical_json
from laurel.domain.check import profile as profiles
from laurel.domain.check.distribution import check_distribution
from laurel.domain.check.finding import Finding
from laurel.domain.check.freshness import check_freshness
from laurel.domain.check.past import days_needed
from laurel.domain.check.profile import Profile, Profiler, pool
from laurel.domain.check.reference import Lookup, check_reference
from laurel.domain.check.schema import check_schema
from laurel.domain.check.volume import check_volume
from laurel.domain.config import Dataset, UseCaseConfig
from laurel.domain.config.check import Distribution, Freshness, Reference, Schema, Volume
from laurel.domain.partition import Partition
from support.flights import flights_usecase

DAY = date(2013, 7, 29)
COLUMNS = {
    "id": {"type": "string"},
    "at": {"type": "timestamp"},
    "carrier": {"type": "string", "nullable": True},
    "seats": {"type": "float64", "nullable": True},
    "stops": {"type": "int64", "nullable": True},
    "late": {"type": "bool", "nullable": True},
}
SPEC = Dataset.model_validate(
    {"role": "rows", "time": "at", "key": ["id"], "suite": "a.b", "columns": COLUMNS}
)


def frame(day: date = DAY, count: int = 400, *, seed: int = 0, **other: Any) -> pd.DataFrame:
    random = np.random.default_rng(seed + day.toordinal())
    start = Partition(day).start
    made = pd.DataFrame(
        {
            "id": pd.Series([f"{day}-{n}" for n in range(count)], dtype="str"),
            "at": pd.date_range(start, start + timedelta(days=1), count + 1).as_unit("us")[:-1],
            "carrier": pd.Series(random.choice(["AA", "DL", "UA"], count), dtype="str"),
            "seats": random.normal(150, 30, count),
            "stops": pd.array(random.integers(0, 3, count), dtype="Int64"),
            "late": pd.array(random.random(count) < 0.2, dtype="boolean"),
        }
    )
    return made.assign(**other)


def profile(table: pd.DataFrame, *, part: int | None = None) -> Profile:
    profiler = Profiler(SPEC)
    for start in range(0, len(table) or 1, part or len(table) or 1):
        profiler.add(table.iloc[start : start + (part or len(table) or 1)])
    return profiler.profile()


@lru_cache(maxsize=8)
def past(days: int = 28, **other: Any) -> list[Profile]:
    return [profile(frame(DAY - timedelta(days=n), **other)) for n in range(days, 0, -1)]


def compare(
    table: pd.DataFrame, before: Sequence[Profile] | None = None, **said: Any
) -> dict[str | None, Finding]:
    columns = said.pop("columns", ("carrier", "seats", "stops", "late"))
    check = Distribution(kind="distribution", columns=columns, **said)
    found = check_distribution(
        check,
        profile(table),
        past=past() if before is None else before,
        champion=pool(before or past()) if said.get("against") == "champion" else None,
    )
    return {finding.column: finding for finding in found}


def test_a_profile_does_not_depend_on_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    table = frame(count=300, carrier=pd.Series(["AA"] * 299 + [None], dtype="str"))
    whole = profile(table)
    assert canonical_json(json.loads(json.dumps(whole))) == canonical_json(whole)
    for part in (1, 97):
        parted = profile(table, part=part)
        numbers = parted["columns"]["seats"], whole["columns"]["seats"]
        assert numbers[0]["points"] == numbers[1]["points"]
        assert numbers[0]["mean"] == pytest.approx(numbers[1]["mean"], rel=1e-12)
        assert numbers[0]["std"] == pytest.approx(numbers[1]["std"], rel=1e-12)
        assert parted["time"] == whole["time"]
        assert parted["columns"]["carrier"] == whole["columns"]["carrier"]
    monkeypatch.setattr(profiles, "SAMPLE", 128)
    sampled, exact = profile(table, part=90)["columns"]["seats"], table["seats"]
    assert sampled["mean"] == pytest.approx(exact.mean())
    assert sampled["std"] == pytest.approx(exact.std(ddof=0))
    assert sampled["points"][50] == pytest.approx(exact.quantile(0.505), abs=15)


@pytest.mark.parametrize("part", [None, 1])
def test_numbers_too_large_to_square_are_profiled_and_stand_out(part: int | None) -> None:
    seats = np.where(np.arange(400) % 2, 1.7e308, -1.7e308)
    huge = profile(frame(seats=seats), part=part)
    canonical_json(huge)
    assert huge["columns"]["seats"]["max"] == 1.7e308
    assert canonical_json(pool([huge, huge]))
    found = compare(frame(seats=np.full(400, 1e300)), columns=("seats",))
    assert found["seats"].outcome == "failed"
    assert compare(frame(), before=[huge] * 28, columns=("seats",))


def test_a_profile_of_odd_rows_is_defined() -> None:
    empty = profile(frame(count=0))
    assert empty["rows"] == 0
    assert empty["time"] == {"first": None, "last": None, "gap": None}
    assert empty["columns"]["seats"]["mean"] is None
    one = profile(frame(count=1, seats=[2.5], carrier=pd.Series([None], dtype="str")))
    assert one["columns"]["seats"] == {
        "type": "float64",
        "nulls": 0,
        "mean": 2.5,
        "std": 0.0,
        "min": 2.5,
        "max": 2.5,
        "points": [2.5] * 100,
    }
    assert one["columns"]["carrier"] == {"type": "string", "nulls": 1, "categories": {}}
    infinite = profile(frame(count=3, seats=[1.0, float("inf"), float("nan")]))
    assert infinite["columns"]["seats"]["mean"] == 1.0
    count = profiles.CATEGORIES + 1
    names = pd.Series([f"c{n}" for n in range(count)], dtype="str")
    many = profile(frame(count=count, carrier=names))
    assert many["columns"]["carrier"]["categories"] is None
    assert many["columns"]["id"]["categories"] is None
    assert len(canonical_json(many)) < 10_000


def test_pooled_days_are_as_one_day_of_all_their_rows() -> None:
    tables = [frame(DAY - timedelta(days=n), count=300 + 50 * n) for n in range(4)]
    together, pooled = profile(pd.concat(tables)), pool([profile(each) for each in tables])
    assert pooled["rows"] == together["rows"]
    for name in ("seats", "stops"):
        one, other = pooled["columns"][name], together["columns"][name]
        assert one["mean"] == pytest.approx(other["mean"])
        assert one["std"] == pytest.approx(other["std"])
        assert np.abs(np.subtract(one["points"], other["points"])).max() <= 25
    assert (
        pooled["columns"]["carrier"]["categories"] == together["columns"]["carrier"]["categories"]
    )


@pytest.mark.parametrize(
    ("rows", "weeks", "outcome"),
    [
        (1000, [990, 1010, 1000, 1005], "passed"),
        (600, [990, 1010, 1000, 1005], "passed"),
        (400, [990, 1010, 1000, 1005], "failed"),
        (1700, [990, 1010, 1000, 1005], "failed"),
        (1700, [400, 1000, 1600, 2200], "passed"),
        (0, [990, 1010, 1000], "failed"),
        (0, [0, 0, 0], "passed"),
        (1000, [990, 1010], "underpowered"),
        (1000, [], "underpowered"),
    ],
)
def test_volume_is_judged_by_the_same_weekday(rows: int, weeks: list[int], outcome: str) -> None:
    before = {DAY - timedelta(weeks=n): {"rows": rows} for n, rows in enumerate(weeks, start=1)}
    other_days = {DAY - timedelta(days=n): {"rows": 7} for n in range(1, 6)}
    check = Volume(kind="volume", severity="critical")
    found = check_volume(check, {"rows": rows}, day=DAY, past={**before, **other_days})
    assert (found.outcome, found.severity) == (outcome, "critical")


def test_freshness_finds_the_lag_the_gap_and_the_missing_day() -> None:
    table = frame(count=24)
    check = Freshness(kind="freshness", max_lag_hours=2, max_gap_hours=3, previous=2)
    yesterday = {DAY - timedelta(days=1): {"rows": 1}}

    def outcomes(table: pd.DataFrame, first: date = date(2013, 1, 1)) -> list[str]:
        found = check_freshness(check, profile(table), day=DAY, past=yesterday, first=first)
        return [each.outcome for each in found]

    assert outcomes(table) == ["passed", "passed", "failed"]
    assert outcomes(table, first=DAY - timedelta(days=1)) == ["passed", "passed", "passed"]
    assert outcomes(table.iloc[:20])[0] == "failed"
    assert outcomes(table.drop(index=[5, 6, 7]))[1] == "failed"
    assert outcomes(table.iloc[5:])[1] == "failed"
    assert outcomes(table.iloc[:0]) == ["failed", "failed", "failed"]


def test_a_day_like_those_before_passes() -> None:
    assert {name: f.outcome for name, f in compare(frame()).items()} == dict.fromkeys(
        ("carrier", "seats", "stops", "late"), "passed"
    )
    against = compare(frame(), against="champion")
    assert {finding.outcome for finding in against.values()} == {"passed"}


def test_changes_are_found_and_named() -> None:
    shifted = compare(frame(seats=frame()["seats"] + 40))["seats"]
    assert "standard deviations apart" in shifted.observed
    wider = compare(frame(seats=150 + 4 * (frame()["seats"] - 150)))["seats"]
    assert "standard deviation" in wider.observed
    assert "mean" not in wider.observed
    null = compare(frame(seats=frame()["seats"].where(frame().index % 3 > 0)))["seats"]
    assert null.observed.startswith("33.5 % null after 0 %")
    carriers = frame()["carrier"].replace({"UA": "ZZ"})
    replaced = compare(frame(carrier=carriers))["carrier"]
    assert "in 1 new categories: ZZ" in replaced.observed
    assert "1 vanished categories: UA" in replaced.observed
    late = compare(frame(late=pd.array([True] * 400, dtype="boolean")))["late"]
    assert "vanished categories: False" in late.observed
    found = [shifted, wider, null, replaced, late]
    assert {(each.outcome, each.severity) for each in found} == {("failed", "warning")}


def test_what_days_usually_show_is_no_news() -> None:
    tides = [
        profile(frame(day, seats=frame(day)["seats"] + 60 * (n % 2)))
        for n, day in enumerate(DAY - timedelta(days=n) for n in range(28))
    ]
    assert compare(frame(seats=frame()["seats"] + 60), tides)["seats"].outcome == "passed"
    assert compare(frame(seats=frame()["seats"] + 400), tides)["seats"].outcome == "failed"


def test_too_little_to_compare_with_is_no_failure() -> None:
    odd = frame(seats=frame()["seats"] + 999)
    assert compare(odd, past(3))["seats"].outcome == "underpowered"
    assert compare(odd, [])["seats"].outcome == "underpowered"
    assert compare(odd.head(20))["seats"].outcome == "underpowered"
    assert compare(odd.head(0))["seats"].outcome == "underpowered"
    unknown = {"rows": 400, "columns": {"other": {}}}
    lacking = Distribution(kind="distribution", columns=("seats",))
    (found,) = check_distribution(lacking, unknown, past=past(), champion=None)
    assert found.outcome == "underpowered"


def test_constant_and_empty_columns_are_compared() -> None:
    same = past(seats=7.0)
    assert compare(frame(seats=7.0), same)["seats"].outcome == "passed"
    assert compare(frame(seats=9.0), same)["seats"].outcome == "failed"
    assert compare(frame(), same)["seats"].outcome == "failed"
    gone = past(seats=np.nan)
    assert compare(frame(seats=np.nan), gone)["seats"].outcome == "passed"
    assert compare(frame(), gone)["seats"].observed == "0 % null after 100 %"


def test_a_reference_tolerates_a_share() -> None:
    check = Reference(
        kind="reference", columns=("origin",), dataset="weather", to=("origin",), missing=0.1
    )
    assert check_reference(check, Lookup(rows=10, missing=1)).outcome == "passed"
    assert check_reference(check, Lookup(rows=10, missing=2, examples=("x",))).failed
    assert check_reference(check, Lookup(rows=0, missing=0)).outcome == "passed"
    none = check_reference(check, Lookup(rows=0, missing=0, partitions=0))
    assert none.outcome == "underpowered"
    with pytest.raises(ValueError, match="not as many"):
        Reference(kind="reference", columns=("a",), dataset="weather", to=("a", "b"))


def test_the_schema_is_that_of_the_champion() -> None:
    check, trained = Schema(kind="schema"), pool(past(5))
    assert [f.outcome for f in check_schema(check, profile(frame()), champion=None)] == [
        "underpowered"
    ]
    assert [f.outcome for f in check_schema(check, profile(frame()), champion=trained)] == [
        "passed"
    ]
    columns = dict(profile(frame())["columns"])
    columns["wings"] = columns.pop("seats")
    columns["stops"] = {**columns["stops"], "type": "float64"}
    carrier = {**columns["carrier"], "categories": {"AA": 90, "ZZ": 10}}
    changed = {"rows": 100, "columns": {**columns, "carrier": carrier}}
    shape, unseen = check_schema(check, changed, champion=trained)
    assert shape.observed == "seats is not there; wings is new; stops is float64, was int64"
    assert (unseen.column, unseen.observed) == ("carrier", "10 of 100 rows (10 %) in ZZ")


def test_only_days_that_a_check_looks_at_are_read() -> None:
    checks = (Volume(kind="volume", weeks=2), Freshness(kind="freshness", previous=1))
    assert [(DAY - day).days for day in days_needed(checks, DAY)] == [14, 7, 1]
    assert days_needed((Schema(kind="schema"),), DAY) == ()


@pytest.mark.parametrize(
    ("column", "said"),
    [("wings", "not there"), ("at", "no distribution"), ("id", "no distribution")],
)
def test_a_distribution_that_cannot_be_checked_is_refused(column: str, said: str) -> None:
    wrong = {**SPEC.model_dump(), "checks": [{"kind": "distribution", "columns": [column]}]}
    with pytest.raises(ValueError, match=said):
        Dataset.model_validate(wrong)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dataset": "wether"}, "refers to the dataset 'wether'; there are: flights, labels"),
        ({"to": ["origins"]}, "weather.origins, which is no column"),
        ({"to": ["temp"]}, "weather.temp, which is of another type than origin"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(changed: dict[str, Any], said: str) -> None:
    config = flights_usecase().config
    good = {"kind": "reference", "columns": ["origin"], "dataset": "weather", "to": ["origin"]}
    document = config.document()
    document["datasets"]["flights"]["checks"] = [{**good, **changed}]
    with pytest.raises(ValueError, match=said):
        UseCaseConfig.model_validate(document)
