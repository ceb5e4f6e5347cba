"""A table judged in parts and from disk gets the verdict of the same table in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.adapters import gx_whole
from laurel.adapters.gx import Suite, Validation, find_suite
from laurel.adapters.gx_suite import ALLOWED, REFUSED
from laurel.adapters.gx_whole import WholeTable
from laurel.adapters.tables import conform, iter_table, read_table, write_table
from laurel.domain.partition import Partition
from laurel.errors import ConfigError
from laurel.settings import load_settings
from support.flights import flights_usecase, source
from unit.test_gx import expectation, write_suite

LATE = {
    "type": "comparison",
    "column": {"name": "status"},
    "operator": "==",
    "parameter": "landed",
}
TABLE = ["id", "status", "seats", "delay", "limit", "flag", "at", "empty", "text"]
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("column_distinct_values_to_be_in_set", {"column": "status", "value_set": ["landed", "lost"]}),
    ("column_distinct_values_to_be_in_set", {"column": "seats", "value_set": list(range(40))}),
    ("column_distinct_values_to_contain_set", {"column": "status", "value_set": ["landed", "x"]}),
    ("column_distinct_values_to_equal_set", {"column": "status", "value_set": ["landed"]}),
    ("column_max_to_be_between", {"column": "delay", "max_value": 5}),
    ("column_max_to_be_between", {"column": "empty", "max_value": 5}),
    ("column_max_to_be_between", {"column": "at", "max_value": "2013-07-02"}),
    ("column_min_to_be_between", {"column": "seats", "min_value": 0, "max_value": 3}),
    ("column_mean_to_be_between", {"column": "delay", "max_value": 0}),
    ("column_mean_to_be_between", {"column": "delay", "row_condition": LATE, "max_value": 0}),
    ("column_mean_to_be_between", {"column": "empty", "max_value": 0}),
    ("column_mean_to_be_between", {"column": "nowhere", "max_value": 0}),
    ("column_mean_to_be_between", {"column": "status", "max_value": 0}),
    ("column_median_to_be_between", {"column": "delay", "max_value": -9}),
    ("column_median_to_be_between", {"column": "seats", "row_condition": LATE, "max_value": 0}),
    ("column_most_common_value_to_be_in_set", {"column": "status", "value_set": ["landed"]}),
    ("column_most_common_value_to_be_in_set", {"column": "id", "value_set": ["r1"]}),
    ("column_pair_values_a_to_be_greater_than_b", {"column_A": "limit", "column_B": "delay"}),
    ("column_pair_values_to_be_equal", {"column_A": "limit", "column_B": "delay"}),
    (
        "column_pair_values_to_be_in_set",
        {"column_A": "status", "column_B": "flag", "value_pairs_set": [["landed", True]]},
    ),
    ("column_proportion_of_non_null_values_to_be_between", {"column": "delay", "min_value": 0.99}),
    ("column_proportion_of_unique_values_to_be_between", {"column": "seats", "min_value": 0.99}),
    (
        "column_quantile_values_to_be_between",
        {
            "column": "delay",
            "quantile_ranges": {
                "quantiles": [0.05, 0.31, 0.5, 0.9],
                "value_ranges": [[-9, 0], [0, 1], [None, 5], [1, 2]],
            },
        },
    ),
    (
        "column_quantile_values_to_be_between",
        {
            "column": "delay",
            "allow_relative_error": "linear",
            "quantile_ranges": {"quantiles": [0.27, 1.0], "value_ranges": [[-9, 0], [0, 1]]},
        },
    ),
    ("column_stdev_to_be_between", {"column": "delay", "max_value": 1}),
    ("column_sum_to_be_between", {"column": "seats", "max_value": 1}),
    ("column_sum_to_be_between", {"column": "delay", "max_value": 1}),
    ("column_to_exist", {"column": "nowhere"}),
    ("column_unique_value_count_to_be_between", {"column": "status", "max_value": 1}),
    ("column_value_lengths_to_be_between", {"column": "text", "max_value": 3}),
    ("column_value_lengths_to_equal", {"column": "text", "value": 3}),
    ("column_values_to_be_between", {"column": "delay", "min_value": -5, "max_value": 5}),
    (
        "column_values_to_be_between",
        {"column": "delay", "row_condition": LATE, "min_value": 0, "strict_min": True},
    ),
    ("column_values_to_be_between", {"column": "seats", "max_value": 9, "mostly": 0.2}),
    ("column_values_to_be_between", {"column": "at", "max_value": "2013-07-01T12:00:00+00:00"}),
    ("column_values_to_be_dateutil_parseable", {"column": "text"}),
    ("column_values_to_be_in_set", {"column": "seats", "value_set": [1, 2]}),
    ("column_values_to_be_in_set", {"column": "flag", "value_set": [True]}),
    ("column_values_to_be_in_type_list", {"column": "delay", "type_list": ["int64"]}),
    ("column_values_to_be_json_parseable", {"column": "text"}),
    ("column_values_to_be_null", {"column": "delay"}),
    ("column_values_to_be_of_type", {"column": "delay", "type_": "float64"}),
    ("column_values_to_be_unique", {"column": "id"}),
    ("column_values_to_be_unique", {"column": "seats"}),
    ("column_values_to_be_unique", {"column": "at", "row_condition": LATE}),
    ("column_values_to_match_json_schema", {"column": "text", "json_schema": {"type": "string"}}),
    ("column_values_to_match_regex", {"column": "id", "regex": r"^r\d{1,3}$"}),
    ("column_values_to_match_regex_list", {"column": "id", "regex_list": ["^r1", "^r2"]}),
    ("column_values_to_match_strftime_format", {"column": "text", "strftime_format": "%Y"}),
    ("column_values_to_not_be_in_set", {"column": "status", "value_set": ["lost"]}),
    ("column_values_to_not_be_null", {"column": "delay", "mostly": 0.95}),
    ("column_values_to_not_be_null", {"column": "nowhere"}),
    ("column_values_to_not_match_regex", {"column": "id", "regex": "7$"}),
    ("column_values_to_not_match_regex_list", {"column": "id", "regex_list": ["7$", "8$"]}),
    ("compound_columns_to_be_unique", {"column_list": ["status", "seats"]}),
    ("compound_columns_to_be_unique", {"column_list": ["status", "empty"]}),
    (
        "compound_columns_to_be_unique",
        {"column_list": ["delay", "text"], "ignore_row_if": "any_value_is_missing"},
    ),
    (
        "compound_columns_to_be_unique",
        {"column_list": ["delay", "text"], "ignore_row_if": "never"},
    ),
    ("multicolumn_sum_to_equal", {"column_list": ["delay", "limit"], "sum_total": 3}),
    ("multicolumn_values_to_be_equal", {"column_list": ["delay", "limit"]}),
    ("select_column_values_to_be_unique_within_record", {"column_list": ["delay", "limit"]}),
    ("table_column_count_to_be_between", {"max_value": 3}),
    ("table_column_count_to_equal", {"value": 9}),
    ("table_columns_to_match_ordered_list", {"column_list": TABLE}),
    ("table_columns_to_match_set", {"column_set": ["id", "status"]}),
    ("table_row_count_to_be_between", {"max_value": 99}),
    ("table_row_count_to_equal", {"value": 999}),
]


def rows(count: int = 999, seed: int = 7) -> pd.DataFrame:
    """Rows with nulls, repeated values, an infinity, and a column that is null throughout."""
    random = np.random.default_rng(seed)
    delay = np.round(random.normal(0, 6, count), 1)
    delay[random.random(count) < 0.1] = np.nan
    delay[count // 2] = np.inf
    text = pd.Series(random.choice(["2013", "[1]", "würde", "a b"], count), dtype="str")
    landed = random.choice(["landed", "cancelled", "diverted"], count, p=[0.8, 0.15, 0.05])
    return pd.DataFrame(
        {
            "id": pd.Series([f"r{n if n % 97 else 0}" for n in range(count)], dtype="str"),
            "status": pd.Series(landed, dtype="str").where(random.random(count) > 0.02),
            "seats": pd.array(random.integers(0, 60, count), dtype="Int64"),
            "delay": delay,
            "limit": np.where(random.random(count) < 0.3, delay, 2.0),
            "flag": pd.array(random.random(count) < 0.9, dtype="boolean"),
            "at": pd.date_range("2013-07-01", periods=count, freq="90s", tz="UTC").as_unit("us"),
            "empty": np.full(count, np.nan),
            "text": text.where(random.random(count) > 0.05),
        }
    ).assign(seats=lambda f: f["seats"].where(f.index % 13 != 5))


def parts(file: Path, count: int) -> Iterator[pd.DataFrame]:
    return iter_table(file, rows=count)


def judge_both(suite: Path, file: Path, *, size: int = 137) -> tuple[Validation, Validation]:
    made = Suite(suite)
    with WholeTable(file) as whole:
        return made.judge([read_table(file)]), made.judge(parts(file, size), whole)


def assert_equal(one: Any, other: Any, place: str = "") -> None:
    """Equal values; sums of floats in another order may differ in the last digits."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert set(one) == set(other), place
        for key in one:
            assert_equal(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other), place
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_equal(*pair, f"{place}[{number}]")
    elif isinstance(one, float) and not isinstance(one, bool):
        assert other == pytest.approx(one, rel=1e-9), place
    else:
        assert one == other, place


def test_every_allowed_kind_is_compared() -> None:
    assert {f"expect_{kind}" for kind, _ in KINDS} == ALLOWED
    assert not ALLOWED & set(REFUSED)


def test_every_kind_says_the_same_of_a_table_in_parts(tmp_path: Path) -> None:
    said = [expectation(f"expect_{kind}", **kwargs) for kind, kwargs in KINDS]
    suite = write_suite(tmp_path, said)
    write_table(rows(), tmp_path / "rows.parquet")
    memory, flat = judge_both(suite, tmp_path / "rows.parquet")
    for one, other in zip(memory.document["results"], flat.document["results"], strict=True):
        assert_equal(one, other, str(one["expectation_config"]))
    assert flat.outcome == memory.outcome == "failed"
    assert flat.document["rows"] == 999


def flights_day(name: str, key: str) -> pd.DataFrame:
    partition, config = Partition.of(key), flights_usecase().config
    spec = config.datasets[name]
    frame = source().read(name, partition.start, partition.end, {})
    return conform(frame, spec, usecase="flights", name=name, partition=key)


def spoil(frame: pd.DataFrame, key: str, time: str) -> pd.DataFrame:
    """Some rows twice, some columns partly null, some numbers far out."""
    bad = pd.concat([frame, frame.iloc[5:25]], ignore_index=True)
    for place, name in enumerate(bad.columns):
        rows = bad.index[place :: 17 + place]
        if name in (key, time):
            continue
        if pd.api.types.is_integer_dtype(bad[name]) or pd.api.types.is_bool_dtype(bad[name]):
            bad.loc[rows, name] = bad[name].max()
        elif pd.api.types.is_numeric_dtype(bad[name]):
            bad.loc[rows, name] = bad[name] * 1e4
        else:
            bad.loc[rows, name] = pd.NA if place % 2 else bad[name].iloc[0]
    return bad


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suite", "name", "day"),
    [
        ("flights.raw", "flights", "2013-02-09"),
        ("flights.labels", "labels", "2013-02-10"),
        ("flights.weather", "weather", "2013-10-26"),
        ("flights.frame", "flights", "2013-07-02"),
        ("flights.predictions", "flights", "2013-07-02"),
    ],
)
def test_shipped_suites_say_the_same_of_real_and_spoiled_days_in_parts(
    tmp_path: Path, suite: str, name: str, day: str
) -> None:
    frame, spec = flights_day(name, day), flights_usecase().config.datasets[name]
    file = find_suite(suite, load_settings({}))
    for number, each in enumerate([frame, spoil(frame, spec.key[0], spec.time)]):
        path = tmp_path / f"{number}.parquet"
        write_table(each, path)
        memory, flat = judge_both(file, path, size=101 if len(each) > 101 else 20)
        for one, other in zip(memory.document["results"], flat.document["results"], strict=True):
            assert_equal(one, other, str(one["expectation_config"]))
        assert flat.outcome == memory.outcome
        assert [f.line(f.observed) for f in flat.critical] == [
            f.line(f.observed) for f in memory.critical
        ]


def test_every_shipped_suite_is_compared() -> None:
    folder = find_suite("flights.raw", load_settings({})).parent
    assert {f"flights.{file.stem}" for file in folder.glob("*.json")} == {
        "flights.raw",
        "flights.labels",
        "flights.weather",
        "flights.frame",
        "flights.predictions",
    }


@pytest.mark.parametrize("kind", ["unexpected_rows_expectation", "expect_column_values_to_be_x"])
def test_a_kind_that_could_not_be_judged_in_parts_is_refused_by_name(
    tmp_path: Path, kind: str
) -> None:
    kwargs = {"unexpected_rows_query": "select 1"} if kind.startswith("unexpected") else {}
    with pytest.raises(ConfigError, match="expectation 1 of the suite"):
        Suite(write_suite(tmp_path, [expectation(kind, **kwargs)]))


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("expect_column_values_to_be_increasing", {"column": "at"}),
        ("expect_column_value_z_scores_to_be_less_than", {"column": "at", "threshold": 3}),
        ("expect_column_values_to_match_like_pattern", {"column": "at", "like_pattern": "x%"}),
    ],
)
def test_a_refused_kind_says_why(tmp_path: Path, kind: str, kwargs: dict[str, Any]) -> None:
    extra = {"double_sided": True} if "z_scores" in kind else {}
    with pytest.raises(ConfigError, match="kind that is not judged here") as caught:
        Suite(write_suite(tmp_path, [expectation(kind, **kwargs, **extra)]))
    assert REFUSED[kind] in str(caught.value)


def test_too_many_different_values_break_the_expectation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gx_whole, "DIFFERENT", 100)
    kind = "expect_column_distinct_values_to_be_in_set"
    suite = write_suite(tmp_path, [expectation(kind, column="id", value_set=["r1"])])
    write_table(rows(), tmp_path / "rows.parquet")
    _, flat = judge_both(suite, tmp_path / "rows.parquet")
    assert "more than 100 different values" in flat.critical[0].observed
