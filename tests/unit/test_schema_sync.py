"""The contract in suites and pages: written once, kept in step, never said twice."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from laurel.adapters.gx import validate_frame
from laurel.cli import schema as door
from laurel.domain.config import Column, Dataset
from laurel.domain.schema.dictionary import dictionary_page, dictionary_table, escape, values_of
from laurel.domain.schema.suite import contract_expectations, empty_suite, synced
from laurel.errors import ConfigError
from laurel.usecase import load_usecase
from support.synthetic import write_toy

shell = CliRunner()
CURATED = {
    "id": "0001",
    "kwargs": {"column": "size", "max_value": 5, "min_value": 2, "mostly": 0.9},
    "meta": {},
    "severity": "warning",
    "type": "expect_column_values_to_be_between",
}


def dataset(**columns: Column) -> Dataset:
    return Dataset(
        role="context",
        time="at",
        key=("code", "at"),
        suite="toy.context",
        columns={
            "code": Column(type="string", pattern="[A-Z]{2}|-", allowed=("AA", "BB", "-")),
            "at": Column(type="timestamp"),
            "size": Column(type="int64", nullable=True, minimum=1, maximum=9),
            **columns,
        },
    )


def suite(*curated: dict[str, Any]) -> dict[str, Any]:
    return {**empty_suite("toy.context"), "expectations": list(curated)}


def frame(**columns: list[Any]) -> pd.DataFrame:
    plain: dict[str, Any] = {
        "code": ["AA", "BB", "-"],
        "at": pd.date_range("2024-02-29", periods=3, tz="UTC", unit="us"),
        "size": pd.array([1, 9, None], dtype="Int64"),
    }
    return pd.DataFrame(plain | columns)


def failed(tmp_path: Path, rows: pd.DataFrame) -> set[str]:
    file = tmp_path / "toy" / "context.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(synced(suite(), dataset())))
    return {failure.expectation for failure in validate_frame(rows, file).critical}


def test_rows_that_keep_the_contract_pass_what_is_written_from_it(tmp_path: Path) -> None:
    assert failed(tmp_path, frame()) == set()


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (frame(code=["AA", "CC", "-"]), "expect_column_values_to_be_in_set"),
        (frame(code=["AA", "BBB", "-"]), "expect_column_values_to_match_regex"),
        (frame(code=["AA", None, "-"]), "expect_column_values_to_not_be_null"),
        (frame(size=[0, 1, 2]), "expect_column_values_to_be_between"),
        (frame().iloc[[0, 0]], "expect_compound_columns_to_be_unique"),
        (frame()[["at", "code", "size"]], "expect_table_columns_to_match_ordered_list"),
    ],
)
def test_rows_that_break_the_contract_fail_it(
    tmp_path: Path, rows: pd.DataFrame, kind: str
) -> None:
    assert kind in failed(tmp_path, rows)


def test_curated_expectations_stay_untouched_behind_those_of_the_contract() -> None:
    document = suite(CURATED)
    before = copy.deepcopy(document)
    once = synced(document, dataset())
    assert document == before
    assert once["expectations"][-1] == CURATED
    assert once["expectations"][:-1] == contract_expectations(dataset())
    assert synced(once, dataset()) == once


def test_ids_stay_while_the_contract_of_other_columns_changes() -> None:
    wider = dataset(size=Column(type="int64", maximum=99), more=Column(type="bool"))
    before = {said["id"] for said in contract_expectations(dataset())}
    after = {said["id"] for said in contract_expectations(wider)}
    assert len(before) == len(contract_expectations(dataset()))
    assert before <= after


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("column_values_to_not_be_null", {"column": "code", "mostly": 0.5}),
        ("column_values_to_be_in_set", {"column": "code", "value_set": ["-", "BB", "AA", "ZZ"]}),
        ("column_values_to_be_between", {"column": "size", "min_value": 0.0, "max_value": 9.5}),
        ("column_values_to_be_between", {"column": "size", "max_value": 9}),
        ("column_values_to_match_regex", {"column": "code", "regex": "^[A-Z]{2}|-$"}),
        ("compound_columns_to_be_unique", {"column_list": ["code", "at"]}),
    ],
)
def test_a_curated_expectation_that_says_no_more_than_the_contract_is_refused(
    kind: str, kwargs: dict[str, Any]
) -> None:
    said = {**CURATED, "type": f"expect_{kind}", "kwargs": kwargs}
    with pytest.raises(ConfigError, match="repeats what the contract says") as caught:
        synced(suite(said), dataset())
    assert f"expect_{kind} of " in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("column_values_to_not_be_null", {"column": "size", "mostly": 0.5}),
        ("column_values_to_be_in_set", {"column": "code", "value_set": ["AA", "BB"]}),
        ("column_values_to_be_between", {"column": "size", "min_value": 1, "max_value": 8}),
        (
            "column_values_to_be_between",
            {"column": "size", "min_value": 0, "max_value": 9, "strict_max": True},
        ),
        ("column_values_to_match_regex", {"column": "code", "regex": "^A"}),
    ],
)
def test_a_curated_expectation_that_says_more_is_kept(kind: str, kwargs: dict[str, Any]) -> None:
    said = {**CURATED, "type": f"expect_{kind}", "kwargs": kwargs}
    assert synced(suite(said), dataset())["expectations"][-1] == said


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that holds the toy use case alone."""
    usecases, suites = write_toy(tmp_path / "include")
    suites.rename(tmp_path / "expectations")
    monkeypatch.setattr("laurel.settings.checkout_root", lambda: tmp_path)
    for name in ("LAUREL_USECASES", "LAUREL_EXPECTATIONS"):
        monkeypatch.delenv(name, raising=False)  # the tests of DAGs leave theirs
    assert usecases == tmp_path / "include" / "usecases"
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    done = shell.invoke(door.app, list(words))
    return done.exit_code, done.output


def test_sync_writes_suites_and_pages_and_then_finds_them_in_step(checkout: Path) -> None:
    assert run("sync", "--check")[0] == 1
    assert not (checkout / "docs").exists()
    assert run("sync")[0] == 0
    assert run("sync", "--check") == (
        0,
        "suites and data dictionaries are in step with the use cases\n",
    )
    usecase = load_usecase(checkout / "include" / "usecases" / "toy")
    page = checkout / "docs" / "usecases" / "toy.md"
    assert page.read_text() == dictionary_page(usecase.config)


def test_a_suite_that_is_missing_is_begun_with_the_contract(checkout: Path) -> None:
    file = checkout / "expectations" / "toy" / "context.json"
    file.unlink()
    run("sync")
    kinds = [said["type"] for said in json.loads(file.read_text())["expectations"]]
    assert kinds[0] == "expect_table_columns_to_match_ordered_list"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("include/usecases/toy/usecase.yaml", "maximum: 5", "maximum: 6"),
        ("include/usecases/toy/usecase.yaml", "unit: euro", "unit: cent"),
        ("include/usecases/toy/usecase.yaml", "allowed: [east,", "allowed: [west, east,"),
        ("expectations/toy/raw.json", '"max_value": 5', '"max_value": 7'),
        ("docs/usecases/toy.md", "Number of the visit", "Something else"),
    ],
)
def test_check_fails_where_contract_suite_or_page_has_drifted(
    checkout: Path, name: str, old: str, new: str
) -> None:
    run("sync")
    file = checkout / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    code, said = run("sync", "--check")
    assert code == 1
    assert "out of step with the use cases; run: laurel schema sync" in said


def test_docs_writes_pages_alone(checkout: Path) -> None:
    suite_file = checkout / "expectations" / "toy" / "raw.json"
    before = suite_file.read_bytes()
    assert run("docs")[0] == 0
    assert (checkout / "docs" / "usecases" / "toy.md").is_file()
    assert suite_file.read_bytes() == before
    assert run("docs", "--check")[0] == 0


def test_a_suite_that_is_no_json_is_named(checkout: Path) -> None:
    file = checkout / "expectations" / "toy" / "raw.json"
    file.write_text("{")
    done = shell.invoke(door.app, ["sync"])
    assert isinstance(done.exception, ConfigError)
    assert str(file) in str(done.exception)


def test_text_in_pages_cannot_become_markup() -> None:
    evil = "<script>x</script> | [a](javascript:b) `c` *d*\n# e & ![f](g)"
    said = escape(evil)
    assert "<" not in said
    assert "\n" not in said
    row = dictionary_table(dataset(size=Column(type="int64", description=evil))).splitlines()[-1]
    assert row.replace(r"\|", "").count("|") == 8
    assert "](" not in row.replace(r"\]", "")


def test_values_are_told_in_words() -> None:
    many = Column(type="int64", allowed=tuple(range(30)))
    assert values_of(many).endswith("18, 19 and 10 more")
    assert values_of(Column(type="float64", maximum=2.5)) == "at most 2.5"
    clock = Column(type="timestamp", format="%d.%m.%Y", timezone="Europe/Berlin")
    assert values_of(clock) == "written %d.%m.%Y; on the clock of Europe/Berlin"


def test_show_prints_the_contract(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = shell.invoke(door.app, ["show", "toy", "visits"])
    assert done.exception is None, repr(done.exception)
    said = done.output
    assert "visits: key visit_id, by the day of at" in said
    assert "east, north, south" in said
    done = shell.invoke(door.app, ["show", "toy", "visit"])
    assert "did you mean 'visits'?" in str(done.exception)
