"""The flights' expectation suites: real days pass, broken ones are refused for the right reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import great_expectations as gx
import numpy as np
import pandas as pd
import pytest
from great_expectations.data_context.data_context.context_factory import project_manager

from laurel.adapters.gx import Validation, find_suite, validate_frame
from laurel.adapters.tables import conform
from laurel.domain.partition import Partition
from laurel.settings import load_settings
from support.flights import flights_usecase, source

SUITES = {"flights": "flights.raw", "labels": "flights.labels", "weather": "flights.weather"}
Edit = Callable[[pd.DataFrame], pd.DataFrame]


@lru_cache(maxsize=16)
def day(name: str, key: str = "2013-07-02") -> pd.DataFrame:
    partition, config = Partition.of(key), flights_usecase().config
    frame = source().read(name, partition.start, partition.end, {})
    return conform(frame, config.datasets[name], usecase="flights", name=name, partition=key)


def check(name: str, frame: pd.DataFrame) -> Validation:
    return validate_frame(frame, find_suite(name, load_settings({})))


def critical(validation: Validation) -> set[str]:
    return {failure.expectation for failure in validation.critical}


def put(frame: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    changed = frame.copy()
    changed.loc[changed.index[0], column] = value
    return changed


def snapshot() -> pd.DataFrame:
    """Some 40,000 rows in the columns of a training snapshot."""
    parts = []
    for copy in range(42):
        rows = day("flights").assign(partition="2013-07-02", known_at=pd.NaT)
        rows["cutoff"] = pd.Timestamp("2013-07-02", tz="UTC")
        rows["flight_id"] = rows["flight_id"] + f"-{copy}"
        rows["late"] = np.where(np.arange(len(rows)) % 4 == 0, 1.0, 0.0)
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def predictions() -> pd.DataFrame:
    rows = day("flights")
    score = np.linspace(0.05, 0.8, len(rows))
    frame = rows[["flight_id", "sched_dep"]].assign(score=score)
    frame["decision"] = pd.array(score >= 0.35, dtype="boolean")
    return frame.assign(model_version="flights-1", partition="2013-07-02")


@pytest.mark.parametrize("name", SUITES)
def test_an_ordinary_day_passes(name: str) -> None:
    assert check(SUITES[name], day(name)).outcome == "passed"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("flights", "2013-01-02"),
        ("flights", "2013-02-09"),
        ("flights", "2013-11-29"),
        ("flights", "2013-12-31"),
        ("labels", "2013-01-02"),
        ("labels", "2013-02-10"),
        ("labels", "2013-03-09"),
        ("labels", "2013-12-26"),
        ("weather", "2013-02-12"),
        ("weather", "2013-10-26"),
        ("weather", "2013-11-03"),
        ("weather", "2013-12-31"),
    ],
)
def test_the_oddest_real_days_are_never_refused(name: str, key: str) -> None:
    found = check(SUITES[name], day(name, key))
    assert found.outcome in ("passed", "warnings")


def test_the_blizzard_of_february_and_the_wind_of_a_thousand_miles_are_warnings() -> None:
    assert check("flights.raw", day("flights", "2013-02-09")).outcome == "warnings"
    assert check("flights.weather", day("weather", "2013-02-12")).outcome == "warnings"


def test_the_day_in_whose_middle_the_files_end_is_refused() -> None:
    found = check("flights.raw", day("flights", "2014-01-01"))
    assert critical(found) == {"expect_table_row_count_to_be_between"}


@pytest.mark.parametrize(
    ("name", "edit", "reason"),
    [
        ("flights", lambda f: pd.concat([f, f.iloc[:1]]), "expect_column_values_to_be_unique"),
        ("flights", lambda f: f.iloc[: len(f) // 3], "expect_table_row_count_to_be_between"),
        ("flights", lambda f: put(f, "origin", "BOS"), "expect_column_values_to_be_in_set"),
        ("flights", lambda f: put(f, "dest", "?"), "expect_column_values_to_match_regex"),
        ("flights", lambda f: put(f, "distance", 0), "expect_column_values_to_be_between"),
        ("flights", lambda f: put(f, "carrier", None), "expect_column_values_to_not_be_null"),
        ("labels", lambda f: pd.concat([f, f.iloc[:1]]), "expect_column_values_to_be_unique"),
        ("labels", lambda f: f.iloc[:0], "expect_table_row_count_to_be_between"),
        ("labels", lambda f: put(f, "status", "lost"), "expect_column_values_to_be_in_set"),
        ("labels", lambda f: put(f, "late", 0.5), "expect_column_values_to_be_in_set"),
        (
            "labels",
            lambda f: f.assign(late=f["late"].fillna(0.0)),
            "expect_column_values_to_be_null",
        ),
        ("labels", lambda f: f.assign(late=np.nan), "expect_column_values_to_not_be_null"),
        (
            "labels",
            lambda f: f.assign(late=f["late"].mask(f["late"] == 0, 1.0)),
            "expect_column_values_to_be_between",
        ),
        (
            "weather",
            lambda f: pd.concat([f, f.iloc[:1]]),
            "expect_compound_columns_to_be_unique",
        ),
        ("weather", lambda f: put(f, "humid", 101.0), "expect_column_values_to_be_between"),
    ],
)
def test_a_broken_day_is_refused_for_the_right_reason(name: str, edit: Edit, reason: str) -> None:
    found = check(SUITES[name], edit(day(name)).reset_index(drop=True))
    assert found.outcome == "failed"
    assert reason in critical(found)


def test_a_training_snapshot_passes() -> None:
    assert check("flights.frame", snapshot()).outcome == "passed"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda f: f.iloc[:20_000], "expect_table_row_count_to_be_between"),
        (lambda f: f.assign(late=f["late"].where(f.index % 2 == 0)), "not_be_null"),
        (lambda f: f.assign(late=1.0), "expect_column_mean_to_be_between"),
        (lambda f: put(f, "late", 2.0), "expect_column_values_to_be_in_set"),
        (
            lambda f: put(f, "cutoff", pd.Timestamp("2013-07-04", tz="UTC")),
            "expect_column_pair_values_a_to_be_greater_than_b",
        ),
    ],
)
def test_a_snapshot_that_cannot_be_learned_from_is_refused(edit: Edit, reason: str) -> None:
    found = check("flights.frame", edit(snapshot()))
    assert any(reason in name for name in critical(found))


def test_predictions_pass() -> None:
    assert check("flights.predictions", predictions()).outcome == "passed"


@pytest.mark.parametrize(
    "edit",
    [
        lambda f: put(f, "score", 1.01),
        lambda f: put(f, "score", np.nan),
        lambda f: put(f, "model_version", "flights-2"),
        lambda f: pd.concat([f, f.iloc[:1]], ignore_index=True),
        lambda f: f.iloc[:100],
    ],
)
def test_broken_predictions_are_refused(edit: Edit) -> None:
    assert check("flights.predictions", edit(predictions())).failed


def test_scores_that_are_all_the_same_are_a_warning() -> None:
    assert check("flights.predictions", predictions().assign(score=0.2)).outcome == "warnings"


def test_great_expectations_own_file_store_reads_the_suites(tmp_path: Path) -> None:
    folder = find_suite("flights.raw", load_settings({})).parent
    before = getattr(project_manager, "_ProjectManager__project", None)
    try:
        context = gx.get_context(mode="file", project_root_dir=tmp_path)
        shutil.copytree(folder, tmp_path / "gx" / "expectations" / "flights")
        names = {suite.name: suite for suite in context.suites.all()}
    finally:
        project_manager.set_project(before)
    assert set(names) == {f"flights.{file.stem}" for file in folder.glob("*.json")}
    for name, suite in names.items():
        document = json.loads((folder / f"{name.split('.')[1]}.json").read_text())
        assert suite.id == document["id"]
        assert [x.id for x in suite.expectations] == [x["id"] for x in document["expectations"]]
