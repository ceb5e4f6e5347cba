"""Text read by the contract: each value exactly, or refused with its reason, never another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.adapters.columns import MismatchError, Reading
from laurel.adapters.conform import Conformed, conform, conform_batch
from laurel.adapters.textual import read_text
from laurel.domain.config import Column, Dataset
from laurel.errors import DataError

NEW_YORK = "America/New_York"
quick = settings(max_examples=80, deadline=None)


def read(*texts: str | None, **said: Any) -> Reading:
    return read_text(pd.Series(texts, dtype="str"), Column(**said))


def value(text: str, **said: Any) -> Any:
    """The one value that a text is read as."""
    found = read(text, **said)
    assert not [flaw.why for flaw in found.flaws if flaw.rows.any()]
    return found.values.iloc[0]


def refusal(text: str, **said: Any) -> str:
    """Why a text is not read; its value is then null."""
    found = read(text, **said)
    (why,) = [flaw.why for flaw in found.flaws if flaw.rows.any()]
    assert found.values.isna().all()
    return why


@pytest.mark.parametrize("text", ["0", "-1", "3", str(2**63 - 1), str(-(2**63)), "1234567890"])
def test_integers_are_plain_digits(text: str) -> None:
    assert value(text, type="int64") == int(text)


@pytest.mark.parametrize(
    "text",
    ["3.0", " 3", "3 ", "1e3", "007", "+3", "-0", "1_000", "1,000", "0x1f", "٣", "３", "--1", "-"],
)
def test_what_is_not_plain_digits_is_no_integer(text: str) -> None:
    assert refusal(text, type="int64") == "is not int64"


@pytest.mark.parametrize(
    "text", [str(2**63), str(-(2**63) - 1), "9" * 19, "1" + "0" * 40, "-" + "9" * 400]
)
def test_integers_that_do_not_fit_are_refused_not_wrapped(text: str) -> None:
    assert refusal(text, type="int64").startswith("is too large")


@pytest.mark.parametrize("text", ["0", "1.5", "-2.", ".5", "1e3", "-1.25E-7", "007.50", "1e+308"])
def test_floats_are_plain_decimals_or_have_an_exponent(text: str) -> None:
    assert value(text, type="float64") == float(text)


@pytest.mark.parametrize(
    "text",
    ["1,5", "1 000", " 1", "+1", "nan", "NaN", "Inf", "infinity", "1e", "1_0.5", "0x1p3", "."],
)
def test_what_is_no_decimal_is_no_float(text: str) -> None:
    assert refusal(text, type="float64") == "is not float64"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1e309", "too large"),
        ("-1e99999", "too large"),
        ("1e-400", "too small"),
        (str(2**53 + 1), "exactly"),
        ("inf", "infinite"),
        ("-inf", "infinite"),
    ],
)
def test_floats_that_would_become_another_value_are_refused(text: str, why: str) -> None:
    assert why in refusal(text, type="float64")


def test_negative_zero_keeps_its_sign_and_zeros_may_have_an_exponent() -> None:
    assert np.signbit(value("-0.0", type="float64"))
    assert value("0e-999", type="float64") == 0


def test_infinity_and_words_for_null_are_read_where_they_are_declared() -> None:
    assert value("-inf", type="float64", infinite=True) == -np.inf
    found = read("nan", "NA", "1", type="float64", nullable=True, null_words=["nan", "NA"])
    assert found.values.isna().tolist() == [True, True, False]
    assert not any(flaw.rows.any() for flaw in found.flaws)


def test_words_for_true_and_false_are_the_declared_ones() -> None:
    assert value("true", type="bool") is np.True_
    assert refusal("True", type="bool") == "is not bool"
    assert refusal("1", type="bool") == "is not bool"
    said: dict[str, Any] = {"type": "bool", "true_words": ["Y", "да"], "false_words": ["N"]}
    assert read("Y", "N", "да", None, **said).values.tolist() == [True, False, True, pd.NA]
    assert refusal("true", **said) == "is not bool"


def test_an_empty_text_is_no_null_unless_the_contract_says_so() -> None:
    assert read("", None, type="string").values.isna().tolist() == [False, True]
    assert refusal("", type="int64") == "is not int64"
    said: dict[str, Any] = {"null_words": ["", "NA"]}
    assert read("", "NA", "a", type="string", **said).values.isna().tolist() == [True, True, False]
    assert read("", "NA", "1", type="int64", **said).values.isna().tolist() == [True, True, False]


@pytest.mark.parametrize("text", ["Zürich", "北京", "🛫", "a\nb", " x ", "=1+1", "\x00", "é"])
def test_texts_stay_as_they_are(text: str) -> None:
    assert value(text, type="string") == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2013-07-01T12:30:00Z", "2013-07-01T12:30:00Z"),
        ("2013-07-01 12:30:00.000001+02:00", "2013-07-01T10:30:00.000001Z"),
        ("2013-07-01T12:30-0430", "2013-07-01T17:00:00Z"),
        ("2013-07-01 00:00:00+00", "2013-07-01T00:00:00Z"),
        ("2024-02-29T23:59:59.999999Z", "2024-02-29T23:59:59.999999Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_moments_in_iso_8601_are_read_in_utc(text: str, moment: str) -> None:
    assert value(text, type="timestamp") == pd.Timestamp(moment)


@pytest.mark.parametrize(
    "text",
    [
        "2013-07-01T12:30:00",
        "2013-07-01",
        "2013-7-1T12:30:00Z",
        "2013-07-01T24:00:00Z",
        "2013-07-01T12:30:60Z",
        "2013-07-01T12:30:00.0000001Z",
        "2013-13-01T00:00:00Z",
        "1372681800",
        "now",
        " 2013-07-01T12:30:00Z",
        "2013-07-01T12:30:00Z\n",
        "٢٠١٣-07-01T12:30:00Z",
    ],
)
def test_moments_in_other_forms_are_refused(text: str) -> None:
    assert refusal(text, type="timestamp") == "is not timestamp (ISO 8601)"


@pytest.mark.parametrize(
    "text", ["2013-02-29T00:00:00Z", "2013-04-31T00:00:00Z", "2100-02-29T00:00Z"]
)
def test_days_that_no_calendar_has_are_refused(text: str) -> None:
    assert "no calendar" in refusal(text, type="timestamp")


@pytest.mark.parametrize("text", ["9999-12-31T23:59:00-05:00", "0001-01-01T00:00:00+05:00"])
def test_moments_that_leave_the_calendar_in_utc_are_refused(text: str) -> None:
    assert "years 1 to 9999" in refusal(text, type="timestamp")


def test_a_local_clock_is_read_in_its_zone() -> None:
    said: dict[str, Any] = {
        "type": "timestamp",
        "format": "%m/%d/%Y %I:%M %p",
        "timezone": NEW_YORK,
    }
    assert value("07/01/2013 12:05 AM", **said) == pd.Timestamp("2013-07-01T04:05Z")
    assert value("12/01/2013 12:05 PM", **said) == pd.Timestamp("2013-12-01T17:05Z")
    assert "is not timestamp" in refusal("7/1/2013 12:05 AM", **said)
    assert "no calendar" in refusal("02/30/2013 12:05 AM", **said)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2013-11-03T01:30", "twice"),
        ("2013-03-10T02:30", "never"),
        ("9999-12-31T23:30", "end of the calendar"),
    ],
)
def test_what_a_local_clock_shows_twice_or_never_is_refused(text: str, why: str) -> None:
    assert why in refusal(text, type="timestamp", timezone=NEW_YORK)


def test_the_hours_around_a_change_of_clocks_are_read() -> None:
    said: dict[str, Any] = {"type": "timestamp", "timezone": NEW_YORK}
    assert value("2013-11-03T00:59:59", **said) == pd.Timestamp("2013-11-03T04:59:59Z")
    assert value("2013-11-03T02:00", **said) == pd.Timestamp("2013-11-03T07:00Z")
    assert value("2013-03-10T03:00", **said) == pd.Timestamp("2013-03-10T07:00Z")


def test_a_column_that_is_no_text_is_refused_as_a_whole() -> None:
    with pytest.raises(MismatchError, match="int64, where all is text"):
        read_text(pd.Series([1, 2]), Column(type="int64"))


def test_a_column_without_any_value_is_null_whatever_its_type() -> None:
    for empty in (pd.Series([None, None], dtype=object), pd.Series([np.nan, np.nan])):
        for kind in ("string", "int64", "float64", "bool", "timestamp"):
            assert read_text(empty, Column.model_validate({"type": kind})).values.isna().all()


CONTRACT = Dataset(
    role="rows",
    time="at",
    key=("id",),
    suite="toy.raw",
    columns={
        "id": Column(type="string"),
        "at": Column(type="timestamp"),
        "local": Column(
            type="timestamp",
            nullable=True,
            format="%d.%m.%Y %H:%M:%S.%f",
            timezone="Europe/Berlin",
            null_words=("",),
        ),
        "whole": Column(type="int64", nullable=True, null_words=("",)),
        "real": Column(type="float64", nullable=True, infinite=True, null_words=("nan",)),
        "flag": Column(
            type="bool", nullable=True, true_words=("Y",), false_words=("N",), null_words=("",)
        ),
        "note": Column(type="string", nullable=True, null_words=(r"\N",)),
    },
)


def part(batch: pd.DataFrame, *, textual: bool = True, partition: str | None = None) -> Conformed:
    return conform_batch(
        batch, CONTRACT, textual=textual, usecase="toy", name="visits", partition=partition
    )


def batch(**columns: list[str | None]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    plain = {
        "id": [f"r{n}" for n in range(rows)],
        "at": ["2024-02-29T10:00:00Z"] * rows,
        **{name: [None] * rows for name in ("local", "whole", "real", "flag", "note")},
    }
    return pd.DataFrame(plain | columns, dtype="str")


def test_a_batch_is_parted_in_the_order_given_with_a_reason_for_each_refused_row() -> None:
    given_rows = batch(whole=["1", "abc", "3", "4.0", "5"], flag=["Y", "yes", "N", None, "N"])
    given_rows.index = pd.Index([7, 7, 8, 9, 9])
    found = part(given_rows)
    assert found.table["id"].tolist() == ["r0", "r2", "r4"]
    assert found.table["whole"].tolist() == [1, 3, 5]
    assert found.table.index.equals(pd.RangeIndex(3))
    assert found.refused.index.tolist() == [1, 3]
    assert found.refused["whole"].tolist() == ["abc", "4.0"]
    assert found.reasons == (
        "whole: 'abc' is not int64; flag: 'yes' is not bool",
        "whole: '4.0' is not int64",
    )


def test_nulls_where_none_are_declared_are_refused_row_by_row() -> None:
    found = part(batch(at=["2024-02-29T10:00:00Z", None, None]))
    assert found.reasons == ("at: null, where none is declared",) * 2


def test_times_outside_the_partition_are_refused_row_by_row() -> None:
    times: list[str | None] = [
        "2024-02-28T23:59:59.999999Z",
        "2024-02-29T00:00:00Z",
        "2024-02-29T23:59:59.999999Z",
        "2024-03-01T00:00:00Z",
    ]
    found = part(batch(at=times), partition="2024-02-29")
    assert found.table["id"].tolist() == ["r1", "r2"]
    assert found.reasons[1] == "at: '2024-03-01T00:00:00Z' is outside the partition 2024-02-29"


def test_a_typed_batch_is_parted_too() -> None:
    rows = part(batch(whole=["1", "2"])).table.astype({"note": object, "whole": object})
    rows.loc[1, "note"] = 5
    rows.loc[0, "whole"] = 2**70
    found = part(rows, textual=False)
    assert not len(found.table)
    assert found.reasons == (
        f"whole: {2**70} (int) is too large: int64 does not hold it",
        "note: 5 (int) is not string",
    )
    assert list(found.table.columns) == list(CONTRACT.columns)


def test_what_names_a_person_is_in_no_reason_and_in_no_error() -> None:
    direct: dict[str, Any] = {"type": "string", "personal": "direct", "nullable": True}
    hidden = {name: Column(**direct) for name in ("id", "note")}
    contract = CONTRACT.model_copy(update={"columns": CONTRACT.columns | hidden})
    rows = pd.DataFrame({"id": ["Ann", "Ann"], "at": pd.Timestamp("2024-02-29", tz="UTC")})
    rows = rows.assign(local=None, whole=None, real=None, flag=None, note=None)
    where: dict[str, Any] = {"usecase": "toy", "name": "visits"}
    with pytest.raises(DataError, match="more than once") as caught:
        conform(rows, contract, **where)
    assert "Ann" not in str(caught.value)
    wrong = rows.assign(note=pd.Series(["x", 4071], dtype=object))
    found = conform_batch(wrong, contract, textual=False, partition=None, **where)
    assert found.reasons == ("note: personal data (int) is not string",)
    with pytest.raises(DataError) as caught:
        conform(wrong, contract, **where)
    assert "4071" not in str(caught.value)


def test_columns_that_are_not_the_declared_ones_refuse_the_whole_batch() -> None:
    for broken in (batch(id=["a"]).drop(columns="flag"), batch(id=["a"]).assign(more="x")):
        with pytest.raises(DataError, match="the columns are not the declared ones"):
            part(broken)


def test_keys_are_not_compared_within_a_batch() -> None:
    assert len(part(batch(id=["a", "a"])).table) == 2


def test_an_empty_batch_has_the_declared_types() -> None:
    full, empty = part(batch(id=["a"])).table, part(batch(id=["a"]).iloc[:0]).table
    assert empty.dtypes.astype(str).tolist() == full.dtypes.astype(str).tolist()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001
ROWS = st.lists(
    st.tuples(
        TEXTS,
        MOMENTS,
        st.none() | MOMENTS,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False),
        st.none() | st.booleans(),
        st.none() | TEXTS.filter(lambda text: text != r"\N"),
    ),
    min_size=1,
    max_size=8,
)
BERLIN = ZoneInfo("Europe/Berlin")


def written(row: tuple[Any, ...]) -> tuple[str, ...]:
    """A row as text, in the forms that the contract declares."""
    key, at, local, whole, real, flag, note = row
    clock = "" if local is None else f"{local:%d.%m.}{local.year:04}{local: %H:%M:%S.%f}"
    return (
        key,
        at.isoformat() + "Z",
        clock,
        "" if whole is None else str(whole),
        "nan" if real is None else repr(real),
        "" if flag is None else "NY"[flag],
        r"\N" if note is None else note,
    )


def clear(local: datetime | None) -> bool:
    """Whether Berlin's clock shows this once."""
    if local is None:
        return True
    moment = local.replace(tzinfo=BERLIN)
    there = moment.astimezone(UTC).astimezone(BERLIN).replace(tzinfo=None) == local
    return there and moment.utcoffset() == moment.replace(fold=1).utcoffset()


@quick
@given(rows=ROWS.map(lambda rows: [row for row in rows if clear(row[2])]))
def test_typed_rows_written_as_text_read_back_identical(rows: list[tuple[Any, ...]]) -> None:
    texts = [written(row) for row in rows]
    found = part(pd.DataFrame(texts, columns=list(CONTRACT.columns), dtype="str"))
    assert found.reasons == ()
    for row, (_, read_back) in zip(rows, found.table.iterrows(), strict=True):
        key, at, local, whole, real, flag, note = row
        assert read_back["id"] == key
        assert read_back["at"] == pd.Timestamp(at, tz="UTC")
        if local is not None:
            assert read_back["local"].to_pydatetime() == local.replace(tzinfo=BERLIN)
        for name, expected in (("local", local), ("whole", whole), ("real", real), ("flag", flag)):
            assert pd.isna(read_back[name]) == (expected is None)
            if expected is not None and name != "local":
                assert read_back[name] == expected
        assert pd.isna(read_back["note"]) if note is None else read_back["note"] == note
    reals = [(r[4], v) for r, v in zip(rows, found.table["real"], strict=True) if r[4] is not None]
    assert all(np.signbit(given_real) == np.signbit(back) for given_real, back in reals)


NUMBERLIKE = st.text("0123456789.eE+-_ ,infa", max_size=8)


@quick
@given(texts=st.lists(NUMBERLIKE | st.text(max_size=3), min_size=1, max_size=10))
def test_no_text_is_silently_another_number(texts: list[str]) -> None:
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    whole = read(*clean, type="int64").values
    real = read(*clean, type="float64").values
    for text, integer, number in zip(clean, whole, real, strict=True):
        if not pd.isna(integer):
            assert str(integer) == text
        if not pd.isna(number):
            assert float(text) == number


@quick
@given(
    minutes=st.integers(-3000, 3000),
    change=st.sampled_from([datetime(2013, 3, 10, 7), datetime(2013, 11, 3, 6)]),  # noqa: DTZ001
)
def test_around_changes_of_clocks_a_moment_is_read_back_or_refused(
    minutes: int, change: datetime
) -> None:
    moment = change.replace(tzinfo=UTC) + timedelta(minutes=minutes)
    clock = f"{moment.astimezone(ZoneInfo(NEW_YORK)):%Y-%m-%dT%H:%M}"
    found = read(clock, type="timestamp", timezone=NEW_YORK)
    if found.values.isna().all():
        assert any("twice" in flaw.why and flaw.rows.any() for flaw in found.flaws)
    else:
        assert found.values.iloc[0] == moment
