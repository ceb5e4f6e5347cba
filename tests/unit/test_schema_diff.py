"""A new sample beside the contract: what would be refused, what would be warned of, what is new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from laurel.cli import schema as door
from laurel.domain.schema.difference import Difference, would_refuse
from laurel.stages.compare import compare
from laurel.stages.sample import Sample
from laurel.usecase import UseCase, load_usecase
from support.synthetic import write_toy

shell = CliRunner()
DAY = "2024-02-29"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder)
    return folder


@pytest.fixture(scope="module")
def toy(folder: Path) -> UseCase:
    return load_usecase(folder / "usecases" / "toy")


@pytest.fixture
def visits() -> pd.DataFrame:
    """Forty ordinary visits."""
    shops = ["east", "north", "south", "north"]
    return pd.DataFrame(
        {
            "visit_id": pd.Series([f"{DAY}-{n}" for n in range(40)], dtype="str"),
            "at": pd.date_range(DAY, periods=40, freq="min", tz="UTC", unit="us"),
            "shop": pd.Series(shops * 10, dtype="str"),
            "amount": np.linspace(5, 90, 40),
            "items": [1, 2, 3, 4, 5] * 8,
            "coupon": pd.Series(["vip", None] * 20, dtype="str"),
        }
    )


def set_beside(
    frame: pd.DataFrame, folder: Path, toy: UseCase, *, textual: bool = False, **partitions: int
) -> tuple[Difference, ...]:
    suite = folder / "expectations" / "toy" / "raw.json"
    sample = Sample(frame, textual, not partitions, partitions)
    return compare(sample, toy.dataset("visits"), suite)


def told(found: tuple[Difference, ...]) -> list[tuple[str, str]]:
    return [(each.verdict, each.subject) for each in found]


def text_of(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.assign(at=frame["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return pd.DataFrame({name: plain[name].astype("str") for name in plain})


@pytest.mark.parametrize("textual", [False, True])
def test_an_ordinary_sample_differs_in_nothing(
    folder: Path, toy: UseCase, visits: pd.DataFrame, textual: bool
) -> None:
    frame = text_of(visits) if textual else visits
    assert set_beside(frame, folder, toy, textual=textual, **{DAY: 40}) == ()


def test_new_and_missing_columns_are_refused_with_their_types(
    folder: Path, toy: UseCase, visits: pd.DataFrame
) -> None:
    found = set_beside(visits.drop(columns="coupon").assign(tax=0.5), folder, toy)
    assert told(found) == [("refused", "coupon"), ("refused", "tax")]
    assert found[1].found == "a new column of float64"


@pytest.mark.parametrize(
    ("column", "values", "verdict", "words"),
    [
        ("items", [1.5] * 40, "refused", "1.5 is a fraction: 40 of 40 rows (100.00%)"),
        ("items", ["1"] * 40, "refused", "values are str"),
        ("amount", [None, *[1.0] * 39], "refused", "null: 1 of 40 rows (2.50%)"),
        ("items", [9, *[1] * 39], "refused", "9"),
        ("shop", ["west", *["east", "north", "south"] * 13], "refused", "west"),
        ("visit_id", ["a"] * 40, "refused", "a"),
        ("amount", [3000.0, *[1.0] * 39], "refused", "3000"),
        ("coupon", ["vip", *[None] * 39], "warning", "39"),
        ("coupon", [None] * 40, "warning", "nulls alone"),
        ("coupon", ["vip"] * 40, "info", "no null"),
        ("shop", ["east", "north"] * 20, "info", "never 'south'"),
    ],
)
def test_what_is_otherwise_is_named_with_its_verdict(
    folder: Path,
    toy: UseCase,
    visits: pd.DataFrame,
    column: str,
    values: list[Any],
    verdict: str,
    words: str,
) -> None:
    changed = visits.assign(**{column: values})
    found = [each for each in set_beside(changed, folder, toy) if each.subject == column]
    assert verdict in {each.verdict for each in found}
    assert any(words in each.found for each in found if each.verdict == verdict)


def test_rows_that_cannot_be_read_hide_no_other_difference(
    folder: Path, toy: UseCase, visits: pd.DataFrame
) -> None:
    text = text_of(visits)
    text.loc[0, "amount"] = "12,50"
    text.loc[1, "shop"] = "west"
    found = set_beside(text, folder, toy, textual=True)
    assert told(found) == [("refused", "amount"), ("refused", "shop")]
    assert "'12,50' is not float64: 1 of 40 rows" in found[0].found


def test_rows_are_counted_for_whole_partitions_alone(
    folder: Path, toy: UseCase, visits: pd.DataFrame
) -> None:
    few = visits.head(12)
    assert ("refused", "rows") not in told(set_beside(few, folder, toy))
    (found,) = set_beside(few, folder, toy, **{DAY: 12})
    assert (found.found, found.expected) == (f"12 rows on {DAY}", "40 to 400 rows")


def test_the_gravest_comes_first_and_warnings_alone_refuse_nothing() -> None:
    assert not would_refuse([Difference("warning", "x", "", ""), Difference("info", "x", "", "")])
    assert would_refuse([Difference("refused", "x", "", "")])


def run(folder: Path, patch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    patch.setenv("LAUREL_USECASES", str(folder / "usecases"))
    patch.setenv("LAUREL_EXPECTATIONS", str(folder / "expectations"))
    patch.setenv("COLUMNS", "160")
    done = shell.invoke(door.app, ["diff", "toy", "visits", *words])
    return done.exit_code, done.output


def test_diff_ends_with_1_when_an_ingest_would_refuse_and_with_0_else(
    folder: Path, tmp_path: Path, visits: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "visits.csv"
    text_of(visits).to_csv(file, index=False)
    ordinary = run(folder, monkeypatch, "--file", str(file))
    assert ordinary == (0, "40 rows are as the contract of toy.visits says\n")
    text_of(visits.assign(coupon="vip")).to_csv(file, index=False)
    assert run(folder, monkeypatch, "--file", str(file))[0] == 0
    text_of(visits.assign(items=6)).to_csv(file, index=False)
    code, said = run(folder, monkeypatch, "--file", str(file))
    assert code == 1
    assert "refused" in said


def test_diff_gives_json(
    folder: Path, tmp_path: Path, visits: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "visits.parquet"
    visits.drop(columns="shop").to_parquet(file)
    code, said = run(folder, monkeypatch, "--file", str(file), "--json")
    document = json.loads(said)
    assert (code, document["refused"]) == (1, True)
    assert document["differences"][0] == {
        "verdict": "refused",
        "subject": "shop",
        "found": "no such column",
        "expected": "string, declared",
    }


def test_diff_reads_days_of_the_source(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = run(folder, monkeypatch, "--start", "2024-01-03", "--end", "2024-01-04")
    assert (code, said) == (0, "160 rows are as the contract of toy.visits says\n")
