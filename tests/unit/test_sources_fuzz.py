"""Damaged files of sources: what the format can show is refused, and only with our own errors."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from laurel.adapters.sources.csvfile import read_csv
from laurel.adapters.sources.parquetfile import read_parquet
from laurel.domain.config.source import Compression, Csv
from laurel.errors import DataError

quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
few = settings(quick, max_examples=20)

COLUMNS = ["visit_id", "note", "amount"]
INJECTED = ['=cmd|" /C calc"!A0', "@SUM(1+1)", "+1-1", "-2", "\t=1", "'; drop table x; --", "=1,2"]
cells = st.one_of(
    st.sampled_from([*INJECTED, "", " ", '"', '""', ",", "\n", "\r\n", "NA", "NULL", "007", "nan"]),
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=12),
)
tables = st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=8)


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("rows.csv"), data)
    return buffer.getvalue()


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


PACKED: dict[Compression, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
}
"""Compressions with a checksum of their own; of zst it is optional."""


def expect_brief(error: DataError) -> None:
    assert len(str(error).splitlines()) <= 10


def csv_text(rows: list[tuple[str, ...]], names: list[str] = COLUMNS) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([names, *rows])
    return buffer.getvalue()


def taken(folder: Path, data: bytes, **options: Any) -> list[tuple[object, ...]]:
    """The rows that are read of these bytes; null is None."""
    path = folder / "rows.csv"
    path.write_bytes(data)
    compression = options.pop("compression", "none")
    parts = list(read_csv(path, name="rows.csv", options=Csv(**options), compression=compression))
    frame = pd.concat(parts, ignore_index=True)
    assert list(frame.columns) == options.get("names", COLUMNS)
    assert {str(kind) for kind in frame.dtypes} == {"str"}
    return [tuple(row) for row in frame.astype(object).where(frame.notna(), None).to_numpy()]


def parquet_bytes(rows: int = 50) -> bytes:
    moments = [datetime(2024, 2, 29, hour % 24, tzinfo=UTC) for hour in range(rows)]
    table = pa.table(
        {
            "visit_id": [f"v{number}" for number in range(rows)],
            "at": pa.array(moments, pa.timestamp("us", "UTC")),
            "amount": [number / 4 for number in range(rows)],
            "items": pa.array([None if number % 7 == 0 else number for number in range(rows)]),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, write_page_checksum=True)
    return buffer.getvalue()


PARQUET = parquet_bytes()
ROWS = pq.read_table(io.BytesIO(PARQUET)).to_pylist()


def taken_of_parquet(folder: Path, data: bytes) -> list[dict[str, object]]:
    path = folder / "rows.parquet"
    path.write_bytes(data)
    frame = pd.concat(list(read_parquet(path, name="rows.parquet")), ignore_index=True)
    return [
        {
            str(name): None if pd.isna(value) else value
            for name, value in zip(frame.columns, row, strict=True)
        }
        for row in frame.astype(object).itertuples(index=False, name=None)
    ]


@quick
@given(rows=tables)
def test_what_is_written_as_csv_is_read_letter_by_letter(
    tmp_path: Path, rows: list[tuple[str, ...]]
) -> None:
    assert taken(tmp_path, csv_text(rows).encode()) == rows


@quick
@given(rows=tables, encoding=st.sampled_from(["utf-8-sig", "utf-16", "utf-16-be", "utf-32"]))
def test_an_encoding_that_is_said_is_read_and_another_one_refused(
    tmp_path: Path, rows: list[tuple[str, ...]], encoding: str
) -> None:
    data = csv_text(rows).encode(encoding)

    assert taken(tmp_path, data, encoding=encoding) == rows
    if encoding != "utf-8-sig":
        with pytest.raises(DataError):
            taken(tmp_path, data)


@quick
@given(rows=tables, data=st.data())
def test_a_cut_within_quotes_or_a_row_is_refused(
    tmp_path: Path, rows: list[tuple[str, ...]], data: st.DataObject
) -> None:
    """All cells are quoted, so only the last one may be shorter: cut between doubled quotes."""
    text = csv_text(rows).encode()
    at = data.draw(st.integers(text.index(b"\n") + 1, len(text) - 1))
    try:
        found = taken(tmp_path, text[:at])
    except DataError:
        return
    *before, last = found or [("", "", "")]
    assert before == rows[: len(before)]
    if found:
        assert last[:-1] == rows[len(before)][:-1]
        assert rows[len(before)][-1].startswith(str(last[-1] or ""))


@quick
@given(rows=tables, data=st.data())
def test_flipped_bytes_of_csv_are_rows_of_the_same_width_or_our_error(
    tmp_path: Path, rows: list[tuple[str, ...]], data: st.DataObject
) -> None:
    text = bytearray(csv_text(rows).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(len(",".join(COLUMNS)) + 7, len(text) - 1))
        text[at] ^= data.draw(st.integers(1, 255))
    try:
        found = taken(tmp_path, bytes(text))
    except DataError as error:
        expect_brief(error)
        return
    # another reader that is as strict sees the same rows
    same = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True))
    assert [tuple(cell or "" for cell in row) for row in found] == [tuple(r) for r in same[1:] if r]


@quick
@given(garbage=st.binary(max_size=400), compression=st.sampled_from([*PACKED, "zst", "none"]))
def test_bytes_that_are_no_csv_are_our_error(
    tmp_path: Path, garbage: bytes, compression: Compression
) -> None:
    (tmp_path / "rows.csv").write_bytes(garbage)
    try:
        parts = list(
            read_csv(tmp_path / "rows.csv", name="x", options=Csv(), compression=compression)
        )
    except DataError:
        return
    assert all(len(part.columns) for part in parts)


@pytest.mark.parametrize("compression", PACKED)
@few
@given(data=st.data())
def test_a_compressed_file_with_a_flipped_byte_is_whole_or_refused(
    tmp_path: Path, compression: Compression, data: st.DataObject
) -> None:
    rows = [(f"v{number}", "a, b", str(number * 7)) for number in range(200)]
    packed = bytearray(PACKED[compression](csv_text(rows).encode()))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    try:
        found = taken(tmp_path, bytes(packed), compression=compression)
    except DataError:
        return
    assert found == rows


@pytest.mark.parametrize("compression", [*PACKED, "zst"])
@few
@given(data=st.data())
def test_a_compressed_file_that_is_cut_off_is_refused(
    tmp_path: Path, compression: Compression, data: st.DataObject
) -> None:
    rows = [(f"v{number}", "a, b", str(number * 7)) for number in range(200)]
    text = csv_text(rows).encode()
    whole = PACKED[compression](text) if compression in PACKED else zstd(text)
    assert taken(tmp_path, whole, compression=compression) == rows
    at = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(DataError):
        taken(tmp_path, whole[:at], compression=compression)


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
@few
@given(data=st.data())
def test_damage_behind_the_first_stream_of_a_file_loses_no_row_in_silence(
    tmp_path: Path, compression: Compression, data: st.DataObject
) -> None:
    rows = [(f"v{number}", "a", "1") for number in range(100)]
    pack = PACKED[compression]
    lines = csv_text(rows).encode().splitlines(keepends=True)
    first, second = pack(b"".join(lines[:50])), bytearray(pack(b"".join(lines[50:])))
    at = data.draw(st.integers(0, min(12, len(second) - 1)))
    second[at] ^= data.draw(st.integers(1, 255))
    try:
        found = taken(tmp_path, first + bytes(second), compression=compression)
    except DataError:
        return
    assert found == rows


@quick
@given(data=st.data())
def test_parquet_with_flipped_bytes_is_whole_or_refused(
    tmp_path: Path, data: st.DataObject
) -> None:
    """Pages have checksums here; the footer has none, but must fit the pages."""
    flipped = bytearray(PARQUET)
    at = data.draw(st.integers(0, _pages_end() - 1))
    flipped[at] ^= data.draw(st.integers(1, 255))
    try:
        found = taken_of_parquet(tmp_path, bytes(flipped))
    except DataError as error:
        expect_brief(error)
        return
    assert found == ROWS


def _pages_end() -> int:
    """Where the footer begins."""
    return len(PARQUET) - 8 - int.from_bytes(PARQUET[-8:-4], "little")


@quick
@given(data=st.data())
def test_a_parquet_footer_with_flipped_bytes_raises_nothing_but_our_error(
    tmp_path: Path, data: st.DataObject
) -> None:
    flipped = bytearray(PARQUET)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(_pages_end(), len(PARQUET) - 1))
        flipped[at] ^= data.draw(st.integers(1, 255))
    try:
        found = taken_of_parquet(tmp_path, bytes(flipped))
    except DataError:
        return
    assert len(found) == len(ROWS)


@few
@given(at=st.integers(0, len(PARQUET) - 1))
@example(at=0)
@example(at=len(PARQUET) - 1)
def test_parquet_that_is_cut_off_is_refused(tmp_path: Path, at: int) -> None:
    with pytest.raises(DataError):
        taken_of_parquet(tmp_path, PARQUET[:at])


@few
@given(order=st.permutations(COLUMNS), rows=tables)
def test_swapped_columns_keep_their_names(
    tmp_path: Path, order: list[str], rows: list[tuple[str, ...]]
) -> None:
    assume(order != COLUMNS)
    swapped = [tuple(row[COLUMNS.index(name)] for name in order) for row in rows]
    path = tmp_path / "rows.csv"
    path.write_bytes(csv_text(swapped, list(order)).encode())
    (frame,) = read_csv(path, name="rows.csv", options=Csv())
    assert [tuple(row) for row in frame[COLUMNS].to_numpy()] == rows


@few
@given(size=st.integers(1, 3_000), limit=st.integers(1, 3_000))
def test_a_cell_is_as_long_as_allowed_or_refused(tmp_path: Path, size: int, limit: int) -> None:
    data = f"visit_id,note,amount\n1,{'x' * size},2\n".encode()
    if size <= limit:
        assert taken(tmp_path, data, max_field_bytes=limit) == [("1", "x" * size, "2")]
    else:
        with pytest.raises(DataError, match="max_field_bytes"):
            taken(tmp_path, data, max_field_bytes=limit)


def test_a_cell_of_many_megabytes_is_refused_with_its_option(tmp_path: Path) -> None:
    data = b'visit_id,note,amount\n1,"' + b"x\n" * 6_000_000 + b'",2\n'
    with pytest.raises(DataError, match="max_field_bytes"):
        taken(tmp_path, data)
