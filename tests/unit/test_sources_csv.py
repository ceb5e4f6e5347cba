"""CSV and Parquet of sources: read exactly as written, refused with file and line."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from laurel.adapters.sources.contract import BATCH_ROWS
from laurel.adapters.sources.csvfile import read_csv
from laurel.adapters.sources.parquetfile import read_parquet
from laurel.domain.config.source import Compression, Csv
from laurel.errors import DataError, StoreFault

Rows = list[list[object]]


def read(
    folder: Path, data: bytes, compression: Compression = "none", **options: Any
) -> list[pd.DataFrame]:
    path = folder / "rows.csv"
    path.write_bytes(data)
    csv = Csv(**options)
    return list(read_csv(path, name="in/rows.csv", options=csv, compression=compression))


def rows(frames: list[pd.DataFrame]) -> Rows:
    frame = pd.concat(frames, ignore_index=True)
    return [list(row) for row in frame.astype(object).where(frame.notna(), None).to_numpy()]


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        (b"a,b\n1,2\n", {}, [["1", "2"]]),
        (b"a,b\n1,2", {}, [["1", "2"]]),
        (b"a,b\r\n1,2\r\n", {}, [["1", "2"]]),
        (b"a,b\r1,2\r", {}, [["1", "2"]]),
        (b'a,b\n1,""\n,2\n', {}, [["1", ""], [None, "2"]]),
        (b'a,b\nNA,"NA"\n,x\n', {"null_values": ["NA"]}, [[None, "NA"], ["", "x"]]),
        (b'"a","b"\n"x ""y"" z","p\nq"\n', {}, [['x "y" z', "p\nq"]]),
        (b"a,b\n007,1e3\n", {}, [["007", "1e3"]]),
        (b"a,b\ntrue,2024-02-29\n", {}, [["true", "2024-02-29"]]),
        (b"a,b\n 1 ,\t2\n", {}, [[" 1 ", "\t2"]]),
        (b"a,b\n=1+1,@x\n", {}, [["=1+1", "@x"]]),
        (b"\xef\xbb\xbfa,b\n1,2\n", {}, [["1", "2"]]),
        (b"a;b\n1,5;'x;y'\n", {"delimiter": ";", "quote": "'"}, [["1,5", "x;y"]]),
        (b'a,b\n1,4"5\n', {"quote": None}, [["1", '4"5']]),
        ("a,b\n1,ü\n".encode("latin-1"), {"encoding": "latin-1"}, [["1", "ü"]]),
        ("a,b\n1,ü\n".encode("utf-16"), {"encoding": "utf-16"}, [["1", "ü"]]),
        (b"a\n1\n\n2\n", {}, [["1"], [None], ["2"]]),
    ],
)
def test_text_is_read_as_it_stands(
    tmp_path: Path, data: bytes, options: dict[str, Any], expected: Rows
) -> None:
    frames = read(tmp_path, data, **options)

    assert rows(frames) == expected
    assert {str(kind) for frame in frames for kind in frame.dtypes} == {"str"}


@pytest.mark.parametrize("data", [b"a,b\n", b"a,b", b"a,b\r\n"])
def test_a_header_alone_gives_its_columns(tmp_path: Path, data: bytes) -> None:
    (frame,) = read(tmp_path, data)

    assert list(frame.columns) == ["a", "b"]
    assert len(frame) == 0


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        (b"a,b\n1,2\n3\n", {}, "line 3"),
        (b"a,b\n1,2\n3,4,5\n", {}, "line 3"),
        (b'a,b\n"1\n2",2\n3\n', {}, "line 4"),
        (b"a,b\n1,2\n\n3,4\n", {}, "line 3"),
        (b"a,b\n1,2\n\xff,4\n", {}, "line 3"),
        (b"a,b\n1,2\n3,\xc3", {}, "csv.encoding"),
        (b"a,b\n1,2\n3,\0\n", {}, "line 3"),
        ("a,b\n1,2\n".encode("utf-16-le"), {}, "NUL"),
        (b'a,b\n1,"2\n3,4\n', {}, "quote is not closed"),
        (b'a,b\n1,2\n3,4"5\n', {}, "line 3"),
        (b'a,b\n1,2\n"3"4,5\n', {}, "line 3"),
        (b'a,b\n1,2\n"3" ,5\n', {}, "line 3"),
        (b"", {}, "no header"),
        (b"\na,b\n", {}, "no header"),
        (b"a,\n1,2\n", {}, "lacks a name"),
        (b"a,b,a\n1,2,3\n", {}, "twice"),
        (b"a,b\n1," + b"x" * 101 + b"\n", {"max_field_bytes": 100}, "csv.max_field_bytes"),
        (b"a,b\n1," + b"x" * 9_000_000 + b"\n", {}, "csv.max_field_bytes"),
    ],
)
def test_what_is_no_csv_is_refused_with_file_and_line(
    tmp_path: Path, data: bytes, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, data, **options)

    said = str(caught.value)
    assert expected in said
    assert "in/rows.csv" in said
    assert len(said.splitlines()) <= 10


def test_a_quote_that_falls_between_two_chunks_is_still_one(tmp_path: Path) -> None:
    for shift in range(-3, 4):
        fill = b"x" * (2**20 - len(b"a,b\n") + shift - 3)
        cells = b"a,b\n" + fill + b',"""y"""\n1,"2"\n'
        found = rows(read(tmp_path, cells, max_field_bytes=2**21))
        assert found == [[fill.decode(), '"y"'], ["1", "2"]]
        with pytest.raises(DataError, match="quote"):
            read(tmp_path, cells.replace(b'"2"', b'"2"3'), max_field_bytes=2**21)


def test_a_letter_that_falls_between_two_chunks_is_still_one(tmp_path: Path) -> None:
    for shift in range(4):
        fill = "x" * (2**20 - len("a,b\n") - shift)
        found = rows(read(tmp_path, f"a,b\n{fill}€,2\n".encode(), max_field_bytes=2**21))
        assert found == [[f"{fill}€", "2"]]


def test_batches_are_bounded(tmp_path: Path) -> None:
    count = 2 * BATCH_ROWS + 10
    frames = read(tmp_path, b"a\n" + b"1\n" * count)

    assert sum(map(len, frames)) == count
    assert max(map(len, frames)) <= BATCH_ROWS


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


PACKED: dict[Compression, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: bytes(pa.compress(data, codec="zstd", asbytes=True)),
    "zip": lambda data: zipped(("rows.csv", data)),
}


@pytest.mark.parametrize("compression", PACKED)
def test_each_compression_is_read(tmp_path: Path, compression: Compression) -> None:
    data = PACKED[compression](b"a,b\n" + b"1,2\n" * 10_000)

    assert rows(read(tmp_path, data, compression)) == [["1", "2"]] * 10_000


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz", "zst"])
def test_streams_one_behind_the_other_are_one_file(
    tmp_path: Path, compression: Compression
) -> None:
    pack = PACKED[compression]

    assert rows(read(tmp_path, pack(b"a,b\n1,2\n") + pack(b"3,4\n"), compression)) == [
        ["1", "2"],
        ["3", "4"],
    ]


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz", "zst"])
def test_rubbish_behind_a_stream_is_refused(tmp_path: Path, compression: Compression) -> None:
    with pytest.raises(DataError, match="damaged"):
        read(tmp_path, PACKED[compression](b"a,b\n1,2\n") + b"rubbish", compression)


@pytest.mark.parametrize("compression", [each for each in PACKED if each != "none"])
def test_a_name_that_lies_about_its_compression_is_refused(
    tmp_path: Path, compression: Compression
) -> None:
    with pytest.raises(DataError, match=r"in/rows\.csv"):
        read(tmp_path, b"a,b\n1,2\n", compression)
    with pytest.raises(DataError, match=r"in/rows\.csv"):
        read(tmp_path, PACKED[compression](b"a,b\n1,2\n"))


@pytest.mark.parametrize("members", [(), (("a.csv", b"a\n1\n"), ("b.csv", b"a\n2\n"))])
def test_an_archive_holds_one_file(tmp_path: Path, members: tuple[tuple[str, bytes], ...]) -> None:
    with pytest.raises(DataError, match="archive"):
        read(tmp_path, zipped(*members), "zip")


def test_a_file_that_went_away_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(StoreFault):
        list(read_csv(tmp_path / "nothing.csv", name="nothing.csv", options=Csv()))


def parquet(folder: Path, table: pa.Table, **options: Any) -> list[pd.DataFrame]:
    pq.write_table(table, folder / "rows.parquet", **options)
    return list(read_parquet(folder / "rows.parquet", name="in/rows.parquet"))


def test_parquet_keeps_its_types_exactly(tmp_path: Path) -> None:
    moment = datetime(2024, 2, 29, 12, tzinfo=UTC)
    table = pa.table(
        {
            "large": pa.array([2**62, None]),
            "small": pa.array([1, 2], pa.int8()),
            "part": pa.array([0.1, None]),
            "yes": pa.array([True, None]),
            "text": pa.array(["007", ""]),
            "word": pa.array(["a", None]).dictionary_encode(),
            "at": pa.array([moment, None], pa.timestamp("us", "UTC")),
            "clock": pa.array([moment.replace(tzinfo=None)] * 2, pa.timestamp("us")),
            "price": pa.array([Decimal("1.10")] * 2),
            "on": pa.array([date(2024, 2, 29)] * 2),
        }
    )
    (frame,) = parquet(tmp_path, table)

    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "large": "Int64",
        "small": "Int8",
        "part": "float64",
        "yes": "boolean",
        "text": "str",
        "word": "str",
        "at": "datetime64[us, UTC]",
        "clock": "datetime64[us]",
        "price": "object",
        "on": "object",
    }
    assert frame["large"][0] == 2**62
    assert frame["price"][0] == Decimal("1.10")
    assert frame["text"].tolist() == ["007", ""]


def test_parquet_without_rows_gives_its_columns(tmp_path: Path) -> None:
    (frame,) = parquet(tmp_path, pa.table({"a": pa.array([], pa.int64())}))

    assert list(frame.columns) == ["a"]
    assert len(frame) == 0


def test_batches_of_parquet_are_bounded(tmp_path: Path) -> None:
    count = 2 * BATCH_ROWS + 10
    frames = parquet(tmp_path, pa.table({"a": range(count)}), row_group_size=count)

    assert [len(frame) for frame in frames] == [BATCH_ROWS, BATCH_ROWS, 10]


def test_text_of_parquet_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    wrong = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    with pytest.raises(DataError, match="UTF8"):
        parquet(tmp_path, pa.table({"a": wrong}))


def test_columns_of_parquet_with_the_same_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="same name"):
        parquet(tmp_path, pa.table([[1], [2]], names=["a", "a"]))


@pytest.mark.parametrize("data", [b"", b"PAR1", b"a,b\n1,2\n", b"PAR1" + b"\0" * 50 + b"PAR1"])
def test_what_is_no_parquet_is_refused_with_its_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "rows.parquet").write_bytes(data)
    with pytest.raises(DataError, match=r"in/rows\.parquet"):
        list(read_parquet(tmp_path / "rows.parquet", name="in/rows.parquet"))
