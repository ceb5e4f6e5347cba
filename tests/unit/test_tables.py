"""Tables: exact types, deterministic bytes, a content hash of the content alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laurel.adapters.tables import (
    TableWriter,
    conform,
    content_hash,
    empty_table,
    iter_table,
    read_table,
    write_table,
    writing,
)
from laurel.adapters.tables.content import hash_arrow
from laurel.adapters.tables.sorting import iter_sorted, repeated_keys
from laurel.domain.config import Column, Dataset
from laurel.domain.partition import Partition
from laurel.errors import DataError, NotFound

DAY = Partition.of("2013-07-01")
START = pd.Timestamp("2013-07-01", tz="UTC")
TEXT = pd.StringDtype(na_value=np.nan)


def dataset(**columns: Column) -> Dataset:
    return Dataset(
        role="rows",
        time="time",
        key=("id",),
        suite="flights.raw",
        columns={
            "id": Column(type="string"),
            "time": Column(type="timestamp"),
            "seats": Column(type="int64"),
            "dep": Column(type="int64", nullable=True),
            "delay": Column(type="float64", nullable=True),
            "late": Column(type="bool"),
            "paid": Column(type="bool", nullable=True),
            "note": Column(type="string", nullable=True),
            **columns,
        },
    )


def frame(n: int = 4) -> pd.DataFrame:
    """``n`` rows of the dataset in reverse order of time, types as a source may give them."""
    return pd.DataFrame(
        {
            "late": [bool(i % 2) for i in range(n)],
            "id": [f"r{i}" for i in range(n)],
            "time": [START + pd.Timedelta(minutes=n - i) for i in range(n)],
            "seats": np.arange(n, dtype="int32"),
            "dep": [None if i == 1 else float(i) for i in range(n)],
            "delay": [None if i == 2 else i / 3 for i in range(n)],
            "paid": pd.array([None if i == 0 else True for i in range(n)], dtype="boolean"),
            "note": [None if i == 0 else f"é{i}" for i in range(n)],
        }
    )


def told(data: pd.DataFrame, declared: Dataset | None = None, **other: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        conform(data, declared or dataset(), usecase="flights", name="flights", **other)
    assert len(str(caught.value).splitlines()) <= 10
    return caught.value


def conformed(n: int = 4) -> pd.DataFrame:
    return conform(frame(n), dataset(), usecase="flights", name="flights", partition=DAY.key)


def test_conform_gives_declared_columns_types_and_canonical_rows() -> None:
    given = frame()
    before = given.copy()
    table = conformed()
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        "id": "str",
        "time": "datetime64[us, UTC]",
        "seats": "int64",
        "dep": "Int64",
        "delay": "float64",
        "late": "bool",
        "paid": "boolean",
        "note": "str",
    }
    assert table["id"].tolist() == ["r3", "r2", "r1", "r0"]
    assert table["dep"].isna().tolist() == [False, False, True, False]
    assert table.index.equals(pd.RangeIndex(4))
    pd.testing.assert_frame_equal(given, before)


def test_conform_does_not_depend_on_the_order_of_rows_or_columns() -> None:
    shuffled = frame(50).sample(frac=1, random_state=3)[sorted(frame().columns, reverse=True)]
    again = conform(shuffled, dataset(), usecase="flights", name="flights")
    pd.testing.assert_frame_equal(again, conformed(50))
    pd.testing.assert_frame_equal(
        conform(again, dataset(), usecase="flights", name="flights"), again
    )


def test_conform_of_no_rows_has_the_same_types() -> None:
    empty = conform(pd.DataFrame(columns=list(dataset().columns)), dataset(), usecase="f", name="f")
    pd.testing.assert_frame_equal(empty_table(dataset()), empty)
    assert empty.dtypes.astype(str).tolist() == conformed().dtypes.astype(str).tolist()


def test_missing_and_unknown_columns_are_named() -> None:
    error = told(frame().drop(columns="late").assign(extra=1))
    assert "missing: late" in error.fact
    assert "unknown: extra" in error.fact
    assert "extra" in error.found
    assert "late" in error.expected
    assert "use case flights, dataset flights" in str(error)


def test_a_column_given_twice_is_refused() -> None:
    doubled = pd.concat([frame(), frame()[["late"]]], axis=1)
    assert "twice: late" in told(doubled).fact


@pytest.mark.parametrize(
    ("column", "values", "found"),
    [
        ("seats", ["1", "2", "3", "4"], "str"),
        ("seats", [1.5, 2.0, 3.0, 4.0], "1.5"),
        ("seats", [float("inf"), 2.0, 3.0, 4.0], "inf"),
        ("seats", [True, False, True, False], "bool"),
        ("seats", np.array([1, 2, 3, 2**63], dtype="uint64"), "too large"),
        ("seats", pd.Series([1, 2, 3, 2**80], dtype=object), "int64 does not hold"),
        ("delay", [2**53 + 1, 1, 2, 3], "float64 does not hold"),
        ("delay", ["1.0", "2", "3", "4"], "str"),
        ("late", [0, 1, 0, 1], "int64"),
        ("late", ["True", "False", "True", "False"], "str"),
        ("id", [1, 2, 3, 4], "int64"),
        ("note", pd.Series(["a", 1, "b", None], dtype=object), "1 (int)"),
        ("note", pd.Series(["a", "\ud800", "b", None], dtype=object), "Unicode"),
        ("time", pd.date_range("2013-07-01", periods=4), "without a time zone"),
        ("time", ["2013-07-01T00:00:00Z"] * 4, "str"),
        ("time", [START + pd.Timedelta(1, "ns")] * 4, "finer than a microsecond"),
        ("time", pd.Series([datetime(2013, 7, 1)] * 4, dtype=object), "without a time zone"),  # noqa: DTZ001
    ],
)
def test_types_are_enforced_never_guessed(column: str, values: Any, found: str) -> None:
    error = told(frame().assign(**{column: values}))
    assert column in error.fact
    assert found in error.found
    assert dataset().columns[column].type in error.expected


def test_nulls_are_refused_where_they_are_not_declared() -> None:
    error = told(frame().assign(seats=[1, None, 3, None]))
    assert "2 null(s)" in error.found
    assert "seats" in error.fact


def test_duplicate_keys_are_counted_with_three_examples() -> None:
    data = pd.concat([frame(6), frame(6).head(5)], ignore_index=True)
    error = told(data)
    assert error.fact.startswith("5 key(s)")
    assert error.found.count("\n") == 3
    assert "10 rows" in error.found


def test_rows_outside_the_partition_are_refused() -> None:
    assert "outside the partition" in told(frame(), partition=DAY.shifted(1).key).fact


def test_moments_of_another_zone_and_unit_become_utc_microseconds() -> None:
    local = frame().assign(
        time=pd.date_range("2013-07-01", periods=4, freq="h", tz="America/New_York", unit="s")
    )
    table = conform(local, dataset(), usecase="flights", name="flights")
    assert str(table["time"].dtype) == "datetime64[us, UTC]"
    assert table["time"][0] == pd.Timestamp("2013-07-01T04:00", tz="UTC")


def test_types_and_values_round_trip_exactly(tmp_path: Path) -> None:
    table = conformed(40)
    facts = write_table(table, tmp_path / "deep" / "t.parquet")
    back = read_table(tmp_path / "deep" / "t.parquet")
    pd.testing.assert_frame_equal(back, table)
    assert facts.rows == 40
    assert facts.content_hash == content_hash(table) == content_hash(back)


def test_feature_types_and_category_levels_round_trip(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "small": np.array([1.5, np.nan, 3], dtype="float32"),
            "tiny": np.array([1, 2, 3], dtype="int8"),
            "level": pd.Categorical(["b", None, "a"], categories=["z", "b", "a"], ordered=True),
            "code": pd.Categorical([3, 1, 3], categories=[9, 3, 1]),
            "at": pd.date_range("2013", periods=3, tz="UTC", unit="ns"),
        }
    )
    write_table(table, tmp_path / "t.parquet")
    back = read_table(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(back, table)
    assert back["level"].cat.categories.tolist() == ["z", "b", "a"]


def test_a_category_without_levels_is_written(tmp_path: Path) -> None:
    write_table(pd.DataFrame({"x": pd.Categorical([None, None])}), tmp_path / "t.parquet")
    back = read_table(tmp_path / "t.parquet")["x"]
    assert back.isna().all()
    assert back.cat.categories.empty


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, "a"], dtype=object),
        pd.Series(["a"], dtype="string"),
        pd.to_datetime(["2013"]),
        pd.to_timedelta(["1s"]),
    ],
)
def test_a_column_without_an_exact_type_is_not_written(tmp_path: Path, values: Any) -> None:
    with pytest.raises(DataError, match="'x'"):
        write_table(pd.DataFrame({"x": values}), tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def test_equal_frames_are_equal_bytes_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_table(conformed(), tmp_path / "a.parquet")
    write_table(conformed(), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_several_files_are_read_in_the_order_given(tmp_path: Path) -> None:
    first, second = conformed(3), conformed(5)
    write_table(first, tmp_path / "a.parquet")
    write_table(second, tmp_path / "b.parquet")
    both = read_table([tmp_path / "b.parquet", tmp_path / "a.parquet"], columns=["dep", "id"])
    expected = pd.concat([second, first], ignore_index=True)[["dep", "id"]]
    pd.testing.assert_frame_equal(both, expected)


def test_files_of_other_columns_are_not_joined(tmp_path: Path) -> None:
    write_table(conformed(), tmp_path / "a.parquet")
    write_table(conformed().drop(columns="late"), tmp_path / "b.parquet")
    with pytest.raises(DataError, match="other columns"):
        read_table([tmp_path / "a.parquet", tmp_path / "b.parquet"])


def test_bad_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(conformed(), path)
    with pytest.raises(DataError, match="lacks columns"):
        read_table(path, columns=["nope"])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="not a whole Parquet file"):
        read_table(path)
    with pytest.raises(NotFound):
        read_table(tmp_path / "other.parquet")
    with pytest.raises(DataError):
        read_table([])


MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1))  # noqa: DTZ001
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=4)),
        st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        st.one_of(st.none(), st.floats().map(lambda value: value + 0.0)),
        st.one_of(st.none(), st.booleans()),
        st.one_of(st.none(), MOMENTS),
    ),
    max_size=12,
)


def table_of(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    texts, whole, real, flags, moments = (
        (list(part) for part in zip(*rows, strict=True)) if (rows) else ([], [], [], [], [])
    )
    at = [None if moment is None else moment.replace(tzinfo=UTC) for moment in moments]
    return pd.DataFrame(
        {
            "text": pd.Series(texts, dtype=pd.StringDtype(na_value=np.nan)),
            "whole": pd.array(whole, dtype="Int64"),
            "real": pd.Series(real, dtype="float64"),
            "flag": pd.array(flags, dtype="boolean"),
            "at": pd.Series(pd.to_datetime(at, utc=True)).astype("datetime64[us, UTC]"),
        }
    )


fast = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@fast
@given(rows=ROWS, group=st.integers(1, 5), packed=st.booleans())
def test_the_content_hash_does_not_depend_on_the_writer(
    tmp_path: Path, rows: list[tuple[Any, ...]], group: int, packed: bool
) -> None:
    table = table_of(rows)
    path = tmp_path / f"{os.getpid()}.parquet"
    pq.write_table(
        pa.Table.from_pandas(table),
        path,
        row_group_size=group,
        use_dictionary=packed,
        compression="none" if packed else "gzip",
        store_schema=packed,
        version="2.6" if packed else "2.4",
    )
    assert content_hash(read_table(path)) == content_hash(table)
    write_table(table, path)
    pd.testing.assert_frame_equal(read_table(path), table)


@fast
@given(texts=st.lists(st.one_of(st.none(), st.text("ab", max_size=3)), max_size=12), cut=st.data())
def test_the_content_hash_does_not_depend_on_chunks_offsets_or_dictionaries(
    texts: list[str | None], cut: Any
) -> None:
    whole = pa.array(texts, type=pa.string())
    at = cut.draw(st.integers(0, len(texts)))
    padded = pa.array(["x", None, *texts, "y"], type=pa.large_string())[2 : 2 + len(texts)]
    chunks = pa.chunked_array([padded[:at], padded[at:]])
    plain = hash_arrow(pa.table({"t": whole}))
    assert hash_arrow(pa.table({"t": chunks})) == plain
    series = pd.Series(texts, dtype=pd.StringDtype(na_value=np.nan))
    assert content_hash(pd.DataFrame({"t": series})) == plain
    assert content_hash(pd.DataFrame({"t": series.astype("category")})) == plain or not any(texts)


@fast
@given(one=ROWS, other=ROWS)
def test_the_content_hash_tells_different_content_apart(
    one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]
) -> None:
    first, second = table_of(one), table_of(other)
    assert (content_hash(first) == content_hash(second)) == first.equals(second)


def test_the_content_hash_tells_names_types_and_splits_apart() -> None:
    text = pd.StringDtype(na_value=np.nan)
    frames = [
        pd.DataFrame({"a": [1, 0]}),
        pd.DataFrame({"b": [1, 0]}),
        pd.DataFrame({"a": [1.0, 0.0]}),
        pd.DataFrame({"a": [True, False]}),
        pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
        pd.DataFrame({"a": np.array([1, 0], dtype="int32")}),
        pd.DataFrame({"a": pd.Series(["ab", "c"], dtype=text)}),
        pd.DataFrame({"a": pd.Series(["a", "bc"], dtype=text)}),
        pd.DataFrame({"a": pd.Series(["abc", ""], dtype=text)}),
        pd.DataFrame({"a": pd.Series(["abc", None], dtype=text)}),
        pd.DataFrame({"a": pd.to_datetime(["2013", "2014"], utc=True).as_unit("us")}),
        pd.DataFrame({"a": pd.to_datetime(["2013", "2014"], utc=True).as_unit("ns")}),
        pd.DataFrame({"a": [0, 1]}),
        pd.DataFrame({"a": [1, 0, 0]}),
        pd.DataFrame({"a": [1, 0], "b": [1, 0]}),
        pd.DataFrame({"b": [1, 0], "a": [1, 0]}),
    ]
    assert len({content_hash(frame) for frame in frames}) == len(frames)


def test_the_content_hash_is_pinned() -> None:
    """Catalogs name this hash for years: whoever changes it has changed every record."""
    table = conformed()
    assert table["time"].max() - table["time"].min() == timedelta(minutes=3)
    assert content_hash(table) == (
        "3f4788c46525edc39f421c5f6d1b625c39e5aea83ad677889785be76f4de79f6"
    )


def test_a_table_in_parts_has_the_bytes_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "ROW_GROUP", 64)
    frame = many_rows(1000)
    whole = write_table(frame, tmp_path / "whole.parquet")
    for size in (1, 7, 63, 64, 65, 300, 1000):
        with TableWriter(tmp_path / "parts.parquet") as writer:
            for start in range(0, len(frame), size):
                writer.write(frame.iloc[start : start + size])
            assert writer.finish() == whole
        assert (tmp_path / "parts.parquet").read_bytes() == (
            tmp_path / "whole.parquet"
        ).read_bytes()
    read = pd.concat(list(iter_table(tmp_path / "whole.parquet", rows=100)), ignore_index=True)
    pd.testing.assert_frame_equal(read, frame)


def test_a_table_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "a.parquet") as writer:
        writer.write(many_rows(10))
    assert list(tmp_path.iterdir()) == []


def test_a_part_with_other_columns_is_refused(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "a.parquet") as writer:
        writer.write(many_rows(10))
        with pytest.raises(DataError, match="other columns"):
            writer.write(many_rows(10).drop(columns="text"))


def test_what_does_not_fit_is_sorted_as_pandas_sorts(tmp_path: Path) -> None:
    frame = many_rows(5000).sample(frac=1, random_state=1).reset_index(drop=True)
    frame["text"] = frame["text"].str.replace("row 1", "ä Z")
    write_table(frame, tmp_path / "a.parquet")
    parts = list(iter_sorted(tmp_path / "a.parquet", ["at", "text"], folder=tmp_path))
    expected = frame.sort_values(["at", "text"], kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), expected)
    assert repeated_keys(tmp_path / "a.parquet", ["text"], folder=tmp_path) == (0, 0, [])
    doubled = pd.concat([frame, frame.head(3)], ignore_index=True)
    write_table(doubled, tmp_path / "b.parquet")
    keys, rows, examples = repeated_keys(tmp_path / "b.parquet", ["text"], folder=tmp_path)
    assert (keys, rows) == (3, 6)
    assert {text for (text,) in examples} == set(frame["text"].head(3))


def many_rows(count: int) -> pd.DataFrame:
    """A column of each kind, with nulls, texts of many lengths, times that repeat."""
    number = np.arange(count)
    text = pd.Series([f"row {n}" * (n % 3 + 1) + str(n) for n in number], dtype=TEXT)
    return pd.DataFrame(
        {
            "text": text,
            "maybe": pd.Series(text).mask(number % 5 == 0),
            "at": pd.to_datetime(number % 17, unit="h", utc=True).as_unit("us"),
            "value": np.where(number % 7 == 0, np.nan, number / 3),
            "count": pd.Series(number, dtype="Int64").mask(number % 11 == 0),
            "flag": number % 2 == 0,
        }
    )
