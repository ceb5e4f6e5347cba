"""The stage writes both files first and raises then; the error is short and names the detail."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from laurel.adapters.gx import find_suite
from laurel.adapters.tables import write_table
from laurel.domain.config import UseCaseConfig
from laurel.errors import ConfigError, NotFound, ValidationFailed
from laurel.settings import Settings, load_settings
from laurel.stages.validate import check_partitions, validate
from laurel.usecase import UseCase

CONFIG = {
    "name": "flights",
    "title": "Flights",
    "owner": "a person",
    "start": "2013-01-01",
    "datasets": {
        "flights": {
            "role": "rows",
            "time": "time",
            "key": ["id"],
            "suite": "flights.raw",
            "columns": {"id": {"type": "string"}, "time": {"type": "timestamp"}},
        },
        "arrivals": {
            "role": "labels",
            "time": "arrived",
            "key": ["id"],
            "suite": "flights.arrivals",
            "columns": {
                "id": {"type": "string"},
                "arrived": {"type": "timestamp"},
                "late": {"type": "bool"},
            },
        },
    },
    "label": {"column": "late"},
    "training": {
        "schedule": "0 0 * * 1",
        "start": "2013-03-01",
        "train_days": 28,
        "validation_days": 7,
        "holdout_days": 7,
        "suite": "flights.training",
    },
    "gate": {},
    "scoring": {"suite": "flights.predictions"},
}


def column_suite(severity: str) -> list[dict[str, Any]]:
    kind = "expect_column_values_to_be_between"
    return [
        {"type": kind, "severity": severity, "kwargs": {"column": f"c{i}", "max_value": i}}
        for i in range(6)
    ]


@pytest.fixture
def usecase(tmp_path: Path) -> UseCase:
    return UseCase(folder=tmp_path, config=UseCaseConfig.model_validate(CONFIG))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(load_settings({}), suite_folders=(tmp_path / "expectations",))


def lay(folder: Path, *, value: int, severity: str = "critical") -> Path:
    suite = folder / "expectations" / "flights" / "training.json"
    suite.parent.mkdir(parents=True, exist_ok=True)
    said = {"name": "flights.training", "expectations": column_suite(severity)}
    suite.write_text(json.dumps(said))
    frame = pd.DataFrame({f"c{i}": [0, 0, value] for i in range(6)})
    write_table(frame, folder / "data" / "flights" / "snapshot" / "rows" / "2013-01-02.parquet")
    return folder / "data" / "flights"


def test_good_rows_pass_and_leave_both_files(
    tmp_path: Path, usecase: UseCase, settings: Settings
) -> None:
    data = lay(tmp_path, value=0)
    assert validate(usecase, tmp_path, settings).outcome == "passed"
    document = json.loads((data / "validation.json").read_text())
    assert (document["outcome"], document["rows"], document["evaluated"]) == ("passed", 3, 6)
    assert "flights.training: passed" in (data / "validation.html").read_text()


def test_a_repeat_writes_the_same_bytes(
    tmp_path: Path, usecase: UseCase, settings: Settings
) -> None:
    data = lay(tmp_path, value=7, severity="warning")
    files = [data / "validation.json", data / "validation.html"]
    assert validate(usecase, tmp_path, settings).outcome == "warnings"
    before = [file.read_bytes() for file in files]
    validate(usecase, tmp_path, settings)
    assert [file.read_bytes() for file in files] == before


def test_a_critical_failure_is_raised_after_the_files_are_written(
    tmp_path: Path, usecase: UseCase, settings: Settings
) -> None:
    data = lay(tmp_path, value=4)
    with pytest.raises(ValidationFailed) as caught:
        validate(usecase, tmp_path, settings)
    assert json.loads((data / "validation.json").read_text())["outcome"] == "failed"
    assert "flights.training: failed" in (data / "validation.html").read_text()
    assert str(caught.value).splitlines() == [
        "4 critical expectation(s) of the suite flights.training failed, 4 of 6 in all",
        "  where:    use case flights, dataset flights",
        "  found:    c0: 1 of 3 (33.3 %), e.g. 4",
        "            c1: 1 of 3 (33.3 %), e.g. 4",
        "  expected: c0: values to be between, max_value 0",
        "            c1: values to be between, max_value 1",
        f"  detail:   {data / 'validation.json'}",
        "hint: mend the source; if the suite is wrong, change it in expectations/",
    ]
    assert not caught.value.retryable
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


def test_long_values_do_not_make_long_errors(tmp_path: Path, settings: Settings) -> None:
    suite = tmp_path / "expectations" / "flights" / "raw.json"
    suite.parent.mkdir(parents=True)
    kind = "expect_column_values_to_be_in_set"
    kwargs = {"column": "c", "value_set": [f"value {i}" for i in range(500)]}
    said = {"name": "flights.raw", "expectations": [{"type": kind, "kwargs": kwargs}]}
    suite.write_text(json.dumps(said))
    frame = pd.DataFrame({"c": ["x" * 5000 + "\n" + str(i) for i in range(9)]})
    found = check_partitions({"2013-07-01": frame}, find_suite("flights.raw", settings))
    lines = str(found["2013-07-01"].error("flights", "flights", "2013-07-01")).splitlines()
    assert "partition 2013-07-01" in lines[1]
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 400


def test_partitions_are_checked_each_by_itself(tmp_path: Path, settings: Settings) -> None:
    lay(tmp_path, value=0)
    good = pd.DataFrame({f"c{i}": [0] for i in range(6)})
    found = check_partitions(
        {"2013-07-01": good, "2013-07-02": good + 9, "2013-07-03": good.drop(columns="c3")},
        find_suite("flights.training", settings),
    )
    assert {key: validation.failed for key, validation in found.items()} == {
        "2013-07-01": False,
        "2013-07-02": True,
        "2013-07-03": True,
    }
    assert check_partitions({}, find_suite("flights.training", settings)) == {}


def test_a_missing_suite_or_snapshot_is_named(
    tmp_path: Path, usecase: UseCase, settings: Settings
) -> None:
    with pytest.raises(ConfigError, match=r"flights\.training"):
        validate(usecase, tmp_path, settings)
    data = lay(tmp_path, value=0)
    shutil.rmtree(data / "snapshot" / "rows")
    with pytest.raises(NotFound, match="snapshot/rows"):
        validate(usecase, tmp_path, settings)
    assert not (data / "validation.json").exists()
