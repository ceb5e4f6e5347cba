"""Great Expectations: outcomes by severity, results without clocks, a page that fetches nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
import pytest
from great_expectations.core import ExpectationSuite
from great_expectations.data_context.data_context.context_factory import project_manager

from laurel.adapters.gx import Validation, find_suite, validate_frame, validate_frames
from laurel.domain.canonical import canonical_json, digest
from laurel.errors import ConfigError
from laurel.settings import load_settings

SUITE_ID = "0b3e4f5a-7c1d-4e2f-8a9b-1c2d3e4f5a6b"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def expectation(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": {}}


EXPECTATIONS = [
    expectation("expect_table_row_count_to_be_between", min_value=3),
    expectation("expect_column_values_to_be_in_set", "warning", column="carrier", value_set=["AA"]),
    expectation("expect_column_values_to_be_between", column="seats", min_value=1, max_value=9),
    expectation("expect_column_mean_to_be_between", "info", column="seats", max_value=5),
]


def write_suite(
    folder: Path, expectations: list[dict[str, Any]] | None = None, name: str = "flights.raw"
) -> Path:
    file = folder / f"{name.replace('.', '/')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    said = EXPECTATIONS if expectations is None else expectations
    numbered = [
        {"id": f"00000000-0000-4000-8000-{place:012d}", **each} for place, each in enumerate(said)
    ]
    document = {"name": name, "id": SUITE_ID, "expectations": numbered, "meta": {}, "notes": None}
    file.write_text(json.dumps(document))
    return file


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"carrier": ["AA", "AA", "AA"], "seats": [1, 2, 3], **columns})


def check(folder: Path, **columns: Any) -> Validation:
    return validate_frame(frame(**columns), write_suite(folder))


def test_all_expectations_met_is_passed(tmp_path: Path) -> None:
    validation = check(tmp_path)
    assert validation.outcome == "passed"
    assert validation.failures == ()
    assert validation.suite == "flights.raw"


def test_failed_warnings_are_warnings(tmp_path: Path) -> None:
    validation = check(tmp_path, carrier=["AA", "AA", "ZZ"])
    assert validation.outcome == "warnings"
    assert validation.critical == ()
    assert len(validation.failures) == 1


def test_failed_infos_are_counted_and_nothing_else(tmp_path: Path) -> None:
    validation = check(tmp_path, seats=[9, 9, 9])
    assert validation.outcome == "passed"
    assert validation.counts == {"info": 1}


def test_a_failed_critical_expectation_fails_and_comes_first(tmp_path: Path) -> None:
    validation = check(tmp_path, carrier=["AA", "UA", "ZZ"], seats=[1, 99, 3])
    assert validation.outcome == "failed"
    critical, warning, info = validation.failures
    assert (critical.severity, warning.severity, info.severity) == ("critical", "warning", "info")
    assert critical.expectation == "expect_column_values_to_be_between"
    assert critical.column == "seats"
    assert critical.observed == "1 of 3 (33.3 %), e.g. 99"
    assert critical.expected == "values to be between, min_value 1, max_value 9"
    assert (critical.unexpected_count, critical.unexpected_percent) == (1, 33.33)
    assert warning.examples == ("UA", "ZZ")
    assert float(info.observed) == pytest.approx(103 / 3, rel=1e-3)


def test_a_missing_column_breaks_the_expectation_and_fails(tmp_path: Path) -> None:
    validation = validate_frame(frame().drop(columns="seats"), write_suite(tmp_path))
    assert validation.outcome == "failed"
    assert '"seats"' in validation.critical[0].observed
    assert "Traceback" not in json.dumps(validation.document)


def test_a_broken_warning_is_a_warning(tmp_path: Path) -> None:
    validation = validate_frame(frame().drop(columns="carrier"), write_suite(tmp_path))
    assert validation.outcome == "warnings"


def test_an_expectation_without_severity_is_critical(tmp_path: Path) -> None:
    bare = {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1}}
    validation = validate_frame(frame(), write_suite(tmp_path, [bare]))
    assert validation.outcome == "failed"


def test_results_keep_the_order_of_the_suite(tmp_path: Path) -> None:
    results = check(tmp_path).document["results"]
    assert [result["expectation_config"]["type"] for result in results] == [
        each["type"] for each in EXPECTATIONS
    ]


def test_equal_rows_have_equal_documents_and_pages(tmp_path: Path) -> None:
    bad = {"carrier": ["AA", "UA", "ZZ"], "seats": [1, 99, 3]}
    one, other = check(tmp_path / "a", **bad), check(tmp_path / "b", **bad)
    assert canonical_json(one.document) == canonical_json(other.document)
    assert one.html == other.html
    assert not re.search(r"20\d\d-\d\d-\d\dT|\d{8}T\d{6}|batch_id|run_id", json.dumps(one.document))
    assert one.suite_digest == digest(json.loads(write_suite(tmp_path / "a").read_text()))


def test_nan_and_infinity_are_text_in_the_document(tmp_path: Path) -> None:
    suite = write_suite(
        tmp_path,
        [expectation("expect_column_max_to_be_between", column="seats", max_value=1)],
    )
    validation = validate_frame(frame(seats=[1.0, float("inf"), 2.0]), suite)
    assert validation.critical[0].observed == "inf"
    canonical_json(validation.document)
    empty = validate_frame(frame().head(0), suite)
    assert empty.outcome == "failed"
    canonical_json(empty.document)


def test_nullable_types_are_understood(tmp_path: Path) -> None:
    frame_ = frame(
        seats=pd.array([1, None, 99], dtype="Int64"), flag=pd.array([True, None, False], "boolean")
    )
    suite = write_suite(
        tmp_path,
        [
            expectation("expect_column_values_to_not_be_null", column="flag", mostly=0.5),
            expectation("expect_column_values_to_be_between", column="seats", max_value=9),
        ],
    )
    validation = validate_frame(frame_, suite)
    assert [failure.examples for failure in validation.failures] == [("99",)]


def test_frames_are_validated_each_by_itself(tmp_path: Path) -> None:
    frames = {"good": frame(), "bad": frame(seats=[0, 1, 2]), "odd": frame(carrier=["ZZ"] * 3)}
    outcomes = {
        key: validation.outcome
        for key, validation in validate_frames(frames, write_suite(tmp_path)).items()
    }
    assert outcomes == {"good": "passed", "bad": "failed", "odd": "warnings"}


def test_threads_do_not_mix_their_results(tmp_path: Path) -> None:
    suite = write_suite(tmp_path)

    def outcome(place: int) -> tuple[int, int]:
        rows = 1 + place % 5
        validation = validate_frame(frame().head(1).loc[[0] * rows], suite)
        return rows, validation.document["results"][0]["result"]["observed_value"]

    with ThreadPoolExecutor(4) as pool:
        assert all(rows == seen for rows, seen in pool.map(outcome, range(12)))


def test_nothing_is_left_behind(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    suite = write_suite(tmp_path)
    mine = gx.get_context(mode="ephemeral")
    capfd.readouterr()
    try:
        check(tmp_path)
        assert project_manager.get_current_project() is mine
        assert list(mine.data_sources.all()) == []
    finally:
        project_manager.set_project(None)
    check(tmp_path)
    assert project_manager._ProjectManager__project is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [suite]
    assert capfd.readouterr() == ("", "")


def test_the_page_is_whole_and_fetches_nothing(tmp_path: Path) -> None:
    page = check(tmp_path, carrier=["AA", "UA", "ZZ"], seats=[1, 99, 3]).html
    assert "flights.raw: failed" in page
    assert "66.6667%" in page or "66.67" in page
    assert "ZZ" in page
    assert not re.search(r"https?:|//|<script|<link|<img|src=|href=| on\w+=", page)
    assert "default-src 'none'" in page
    assert len(page) < 40_000


def test_the_page_shows_hostile_values_as_text(tmp_path: Path) -> None:
    page = check(tmp_path, carrier=["AA", EVIL, "b & c"]).html
    assert "<img" not in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "b &amp; c" in page


def test_the_page_of_a_broken_expectation_names_the_reason(tmp_path: Path) -> None:
    validation = validate_frame(frame().drop(columns="seats"), write_suite(tmp_path))
    assert '"seats" in BatchData does not exist' in validation.html
    assert "Traceback" not in validation.html
    assert "&amp;" not in validation.html


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (expectation("expect_the_unexpected"), "expect_the_unexpected not found"),
        (expectation("expect_column_values_to_be_unique", "grave", column="seats"), "severity"),
        (expectation("expect_column_values_to_be_unique", colum="seats"), "colum"),
        ({"type": "expect_column_values_to_be_unique", "kwarg": {}}, "kwarg"),
    ],
)
def test_an_expectation_that_gx_would_drop_is_refused(
    tmp_path: Path, bad: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match="expectation 5 of the suite") as caught:
        validate_frame(frame(), write_suite(tmp_path, [*EXPECTATIONS, bad]))
    assert said in str(caught.value.found)


def test_a_suite_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expects nothing"):
        validate_frame(frame(), write_suite(tmp_path, []))
    file = write_suite(tmp_path)
    with pytest.raises(ConfigError, match="named by its folder and file"):
        validate_frame(frame(), file.rename(file.with_name("other.json")))
    file.with_name("broken.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        validate_frame(frame(), file.with_name("broken.json"))
    twice = [{**each, "id": SUITE_ID} for each in EXPECTATIONS]
    with pytest.raises(ConfigError, match="same id"):
        validate_frame(frame(), write_suite(tmp_path, twice))


def test_suites_are_found_by_name_in_all_folders(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    settings = replace(load_settings({}), suite_folders=(ours, theirs))
    raw, labels = write_suite(ours), write_suite(theirs, name="flights.labels")
    write_suite(theirs)
    assert find_suite("flights.raw", settings) == raw
    assert find_suite("flights.labels", settings) == labels
    with pytest.raises(ConfigError, match=r"did you mean 'flights.raw'\?"):
        find_suite("flights.row", settings)
    with pytest.raises(ConfigError):
        find_suite("../flights", settings)


def test_a_gx_file_context_lists_and_loads_the_suite_by_name(tmp_path: Path) -> None:
    write_suite(tmp_path / "ours")
    shutil.copytree(tmp_path / "ours", tmp_path / "gx" / "expectations")
    try:
        context = gx.get_context(mode="file", context_root_dir=str(tmp_path / "gx"))
        assert [suite.name for suite in context.suites.all()] == ["flights.raw"]
        suite = context.suites.get("flights.raw")
    finally:
        project_manager.set_project(None)
    assert isinstance(suite, ExpectationSuite)
    assert suite.id == SUITE_ID
    assert [each.severity.value for each in suite.expectations] == [
        each["severity"] for each in EXPECTATIONS
    ]


def test_documents_are_equal_in_another_interpreter(tmp_path: Path) -> None:
    """Hash seeds, and with them the order of sets, differ between interpreters."""
    kind = "expect_table_columns_to_match_set"
    suite = write_suite(tmp_path, [expectation(kind, column_set=["seats", "x", "y"])])
    code = (
        "import pandas as pd, pathlib, sys; from laurel.adapters.gx import validate_frame;"
        "from laurel.domain.canonical import digest;"
        "frame = pd.DataFrame({'a': [1], 'b': [2], 'c': [3], 'seats': [1]});"
        "print(digest(validate_frame(frame, pathlib.Path(sys.argv[1])).document))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, str(suite)], capture_output=True, text=True, check=True
    )
    here = validate_frame(pd.DataFrame({"a": [1], "b": [2], "c": [3], "seats": [1]}), suite)
    assert other.stdout.strip() == digest(here.document)
    assert other.stderr == ""
