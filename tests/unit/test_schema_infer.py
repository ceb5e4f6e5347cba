"""A proposal from a sample: types that every value has, wide bounds, questions for a person."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from laurel.adapters.gx_suite import ALLOWED
from laurel.cli import schema as door
from laurel.domain.config import Dataset
from laurel.domain.schema.facts import ColumnFacts, rounded_out
from laurel.domain.schema.personal import is_iban, suspect
from laurel.domain.schema.proposal import Proposal
from laurel.domain.schema.proposal_text import proposal_json, proposal_yaml
from laurel.errors import ConfigError, DataError, NotFound, Refused
from laurel.stages.infer import infer
from laurel.stages.sample import Sample, sample_file

shell = CliRunner()


def propose(frame: pd.DataFrame, *, textual: bool = True, **partitions: int) -> Proposal:
    return infer(Sample(frame, textual, True, partitions), dataset="new", suite="toy.new")


def facts(values: list[str | None], name: str = "x") -> ColumnFacts:
    return propose(pd.DataFrame({name: pd.Series(values, dtype="str")})).columns[0]


def said(found: ColumnFacts) -> dict[str, Any]:
    return found.column.model_dump(mode="json")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "-20"], {"type": "int64"}),
        (["1", None], {"type": "int64", "nullable": True}),
        (["1", "2.5"], {"type": "float64"}),
        (["1e5", ".5"], {"type": "float64"}),
        (["1", "NA", "NULL"], {"type": "int64", "nullable": True, "null_words": ["NA", "NULL"]}),
        (["true", "false"], {"type": "bool"}),
        (["Y", "N", "Y"], {"type": "bool", "true_words": ["Y"], "false_words": ["N"]}),
        (["Y", "Y"], {"type": "string"}),
        (["2024-02-29T01:00:00Z"], {"type": "timestamp"}),
        (["2024-02-29T01:00:00"], {"type": "timestamp", "timezone": "UTC"}),
        (
            ["29.02.2024 01:00"],
            {"type": "timestamp", "format": "%d.%m.%Y %H:%M", "timezone": "UTC"},
        ),
        (["2024-02-29", "2023-02-29"], {"type": "string"}),
        (["01", "2"], {"type": "string"}),
        (["01234", "5.5"], {"type": "string"}),
        (["1", "a"], {"type": "string"}),
        (["9" * 25], {"type": "float64"}),
        (["NA", "NA"], {"type": "string"}),
        ([None, None], {"type": "string", "nullable": True}),
    ],
)
def test_the_type_is_the_strictest_that_every_text_has(
    texts: list[str | None], expected: dict[str, Any]
) -> None:
    if texts == ["9" * 25]:
        expected = {"type": "string"}  # as a float it would be another number
    assert said(facts(texts)) == expected


def test_what_reading_leaves_open_is_a_question() -> None:
    assert "whose clock" in facts(["2024-02-29T01:00:00"]).questions[0]
    assert "the day first or the month" in facts(["02/03/2024"]).questions[0]
    assert "a code" in facts(["007"]).questions[0]
    assert "no value" in facts([None]).questions[0]


def test_of_two_orders_of_day_and_month_the_one_that_every_text_has_is_taken() -> None:
    assert facts(["02/03/2024", "25/03/2024"]).column.format == "%d/%m/%Y"
    assert facts(["02/03/2024", "03/25/2024"]).column.format == "%m/%d/%Y"


def typed() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "code": pd.Series(["AA", "BB"] * 10, dtype="str"),
            "count": np.arange(20),
            "ratio": np.linspace(0, 1, 20),
            "flag": [True, False] * 10,
            "whole": [float(n) for n in range(20)],
            "at": pd.date_range("2024-02-29", periods=20, tz="UTC", unit="us"),
            "clock": pd.date_range("2024-02-29", periods=20, unit="us"),
            "mixed": pd.Series([1, "a"] * 10, dtype=object),
            "maybe": pd.array([1, None] * 10, dtype="Int64"),
            "none": [None] * 20,
        }
    )


def test_typed_rows_keep_the_types_they_have() -> None:
    found = {each.name: each for each in propose(typed(), textual=False).columns}
    assert {name: each.column.type for name, each in found.items()} == {
        "code": "string",
        "count": "int64",
        "ratio": "float64",
        "flag": "bool",
        "whole": "float64",
        "at": "timestamp",
        "clock": "timestamp",
        "mixed": "string",
        "maybe": "int64",
        "none": "string",
    }
    assert found["maybe"].column.nullable
    assert "int64?" in found["whole"].questions[0]
    assert "int and str" in found["mixed"].questions[0]
    assert found["clock"].column.timezone == "UTC"


def test_keys_are_columns_or_pairs_that_no_two_rows_share() -> None:
    assert ("count",) in propose(typed(), textual=False).keys
    pair = pd.DataFrame({"a": ["x", "x", "y", "y"], "b": ["1", "2", "1", "2"]}, dtype="str")
    assert propose(pair).keys == (("a", "b"),)
    assert propose(pd.concat([pair, pair])).keys == ()


def test_a_few_values_that_repeat_are_a_candidate_set_and_never_a_rule() -> None:
    proposal = propose(typed(), textual=False)
    assert proposal.columns[0].levels == ("AA", "BB")
    assert proposal.columns[0].column.allowed == ()
    assert "# allowed: [AA, BB]  # decide: 2 values in 20 rows" in proposal_yaml(proposal)
    assert facts(["AA", "BB"]).levels == ()


NUMBERS = st.lists(
    st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-5, 5).map(float),
    min_size=1,
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(numbers=NUMBERS)
def test_bounds_are_never_the_least_or_the_largest_and_hold_for_most_values(
    numbers: list[float],
) -> None:
    frame = pd.DataFrame({"x": np.array(numbers) + 0.25})
    for expected in propose(frame, textual=False).document["expectations"]:
        kwargs = expected["kwargs"]
        assert expected["severity"] == "warning"
        assert 0 < kwargs["mostly"] < 1
        low, high = kwargs["min_value"], kwargs["max_value"]
        assert low != frame["x"].min()
        assert high != frame["x"].max()
        assert frame["x"].between(low, high).mean() >= kwargs["mostly"]


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12))
@settings(deadline=None)
def test_bounds_are_wider_than_what_they_were_made_of(low: float, width: float) -> None:
    wide = rounded_out(low, low + width)
    assert wide[0] < low <= low + width < wide[1]


def test_every_proposed_expectation_is_of_a_kind_that_is_judged_in_parts() -> None:
    proposal = propose(typed(), textual=False, **{"2024-02-29": 20})
    assert {each["type"] for each in proposal.document["expectations"]} <= ALLOWED
    rows = proposal.document["expectations"][0]["kwargs"]
    assert rows == {"min_value": 10, "max_value": 41}


def test_equal_samples_give_equal_texts_whatever_the_order_of_rows() -> None:
    shuffled = typed().sample(frac=1, random_state=1)
    one, other = (propose(frame, textual=False) for frame in (typed(), shuffled))
    assert proposal_yaml(one) == proposal_yaml(other)
    assert proposal_json(one) == proposal_json(other)


def test_the_proposal_loads_as_a_dataset_and_reads_the_sample() -> None:
    odd = {"a: b": ["x"], "#c": ["1"], "yes": ["Y"], "né\n": ["2"], "at": ["2024-02-29T00:00:00Z"]}
    proposal = propose(pd.DataFrame(odd, dtype="str"))
    document = yaml.safe_load(proposal_yaml(proposal))["new"]
    dataset = Dataset.model_validate(document)
    assert list(dataset.columns) == list(odd)
    assert dataset.time == "at"


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        ("customer_email", [], "direct"),
        ("eMail", [], "direct"),
        ("lastName", [], "direct"),
        ("name", [], "direct"),
        ("phone2", [], "direct"),
        ("date_of_birth", [], "indirect"),
        ("zip", [], "indirect"),
        ("gender", [], "sensitive"),
        ("note", ["a@b.example", "c.d@e.example", "?"], "direct"),
        ("note", ["+49 30 1234567", "0049 30 7654321"], "direct"),
        ("note", ["192.0.2.1", "198.51.100.255"], "indirect"),
        ("note", ["DE89370400440532013000"], "direct"),
    ],
)
def test_personal_data_is_suspected_by_name_or_shape(
    name: str, texts: list[str], expected: str
) -> None:
    found = suspect(name, texts)
    assert found is not None
    assert found.personal == expected


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("airport_name", ["Newark", "JFK"]),
        ("shipment", ["300.1.1.1", "1.2.3"]),
        ("stage", ["1", "2"]),
        ("lateness", []),
        ("code", ["2013-07-01-UA-1545-EWR", "2013-07-01-UA-1714-LGA"]),
        ("amount", ["12.50", "0.99"]),
        ("at", ["2024-02-29 10:00:00", "2024-02-29"]),
    ],
)
def test_ordinary_columns_are_not_suspected(name: str, texts: list[str]) -> None:
    assert suspect(name, texts) is None


def test_a_wrong_digit_makes_no_bank_account() -> None:
    assert is_iban("FR1420041010050500013M02606")
    assert not is_iban("FR1420041010050500013M02607")


def test_values_of_suspected_columns_are_not_shown() -> None:
    people = pd.DataFrame({"email": ["ann@host.example", "bob@host.example"] * 20}, dtype="str")
    proposal = propose(people)
    said_all = proposal_yaml(proposal) + proposal_json(proposal)
    assert "personal: direct  # suspected, values look like e-mail addresses" in said_all
    assert "host.example" not in said_all


CSV = "id,size,at\na,1,2024-02-29T10:00:00Z\nb,,2024-02-29T11:00:00Z\n"


def csv(folder: Path) -> Path:
    (folder / "x.csv").write_text(CSV)
    return folder / "x.csv"


def packed(folder: Path) -> Path:
    (folder / "x.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    return folder / "x.csv.gz"


def tabbed(folder: Path) -> Path:
    (folder / "x.tsv").write_text(CSV.replace(",", "\t"))
    return folder / "x.tsv"


def parquet(folder: Path) -> Path:
    pd.DataFrame({"id": ["a", "b"], "size": pd.array([1, None], dtype="Int64")}).assign(
        at=pd.date_range("2024-02-29T10:00", periods=2, freq="h", tz="UTC", unit="us")
    ).to_parquet(folder / "x.parquet")
    return folder / "x.parquet"


@pytest.mark.parametrize("write", [csv, packed, tabbed, parquet])
def test_a_file_is_sampled_whatever_its_kind(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    sample = sample_file(write(tmp_path), rows=10)
    found = infer(sample, dataset="new", suite="toy.new").columns
    assert [said(each) for each in found] == [
        {"type": "string"},
        {"type": "int64", "nullable": True},
        {"type": "timestamp"},
    ]
    assert not sample.cut
    assert sample_file(write(tmp_path), rows=1).cut


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        sample_file(tmp_path / "no.csv", rows=1)
    (tmp_path / "x.xlsx").write_text("")
    with pytest.raises(ConfigError, match="no file of rows"):
        sample_file(tmp_path / "x.xlsx", rows=1)
    (tmp_path / "x.parquet").write_bytes(b"PAR1 cut")
    with pytest.raises(DataError):
        sample_file(tmp_path / "x.parquet", rows=1)
    (tmp_path / "x.csv").write_text("a,b\n")
    with pytest.raises(DataError, match="no row"):
        sample_file(tmp_path / "x.csv", rows=1)


def test_infer_writes_two_new_files_and_overwrites_none(tmp_path: Path) -> None:
    words = ["infer", "toy", "new", "--file", str(csv(tmp_path)), "--out", str(tmp_path / "out")]
    assert shell.invoke(door.app, words).exit_code == 0
    suite = json.loads((tmp_path / "out" / "new.json").read_text())
    assert suite["name"] == "toy.new"
    before = (tmp_path / "out" / "new.yaml").read_bytes()
    (tmp_path / "out" / "new.json").unlink()
    again = shell.invoke(door.app, words)
    assert isinstance(again.exception, Refused)
    assert (tmp_path / "out" / "new.yaml").read_bytes() == before
    assert not (tmp_path / "out" / "new.json").exists()


def test_infer_reads_days_of_the_source_alike_each_time() -> None:
    words = ["infer", "flights", "labels", "--start", "2013-07-01", "--end", "2013-07-02"]
    one, other = (shell.invoke(door.app, [*words, "--sample-rows", "300"]) for _ in range(2))
    assert one.exit_code == 0
    assert one.output == other.output
    assert "from 300 rows" in one.output
    assert "# allowed: [cancelled, diverted, landed]" in one.output


@pytest.mark.parametrize("words", [[], ["--start", "2013-07-01", "--file", "x.csv"]])
def test_a_sample_comes_from_one_place(words: list[str]) -> None:
    done = shell.invoke(door.app, ["infer", "flights", "labels", *words])
    assert "--start and --end, or --file" in str(done.exception)
