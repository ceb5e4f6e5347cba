"""Rows by their keys: samples follow from keys alone, and types are those of the file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.tables import read_table, write_table
from laurel.adapters.tables.keyed import rows_of_keys, sampled_rows

ROWS = 4_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    number = np.arange(ROWS)
    frame = pd.DataFrame(
        {
            "shop": pd.Series([f"shop {n % 7}" for n in number], dtype="str"),
            "till": number,
            "at": pd.Series(pd.Timestamp("2024-02-01", tz="UTC"), index=number).astype(
                pd.DatetimeTZDtype("us", "UTC")
            ),
            "items": pd.array([None if n % 5 == 0 else n for n in number], dtype="Int64"),
            "said": pd.array([None, True, False, True] * (ROWS // 4), dtype="boolean"),
            "score": number / ROWS,
        }
    )
    write_table(frame, tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def low(shop: str, till: int) -> int:
    """The half of MD5 that a key is sampled by."""
    return int.from_bytes(hashlib.md5(f"{shop}\x1f{till}".encode()).digest()[8:], "little")  # noqa: S324


def test_a_share_of_the_rows_follows_from_their_keys_alone(file: Path) -> None:
    every = read_table(file)
    found = sampled_rows(file, ["shop", "till"], share=0.25, folder=file.parent)

    taken = [low(*key) < 2**62 for key in zip(every["shop"], every["till"], strict=True)]
    pd.testing.assert_frame_equal(found, every[taken].reset_index(drop=True))
    assert len(found) == pytest.approx(ROWS / 4, rel=0.1)


def test_a_smaller_share_is_part_of_a_larger_one_and_the_whole_is_the_whole(file: Path) -> None:
    few, more, all_of_them = (
        sampled_rows(file, ["till"], share=share, folder=file.parent) for share in (0.1, 0.3, 1.0)
    )
    assert {*few["till"]} < {*more["till"]}
    pd.testing.assert_frame_equal(all_of_them, read_table(file))


def test_rows_of_keys_come_in_the_order_of_the_file_with_its_types(file: Path) -> None:
    every = read_table(file)
    keys = every.iloc[[30, 2, 2, 3_999]][["shop", "till"]]
    strange = pd.DataFrame({"shop": pd.Series(["nowhere"], dtype="str"), "till": [1]})

    found = rows_of_keys(file, pd.concat([keys, strange]), folder=file.parent)
    some = rows_of_keys(file, keys, folder=file.parent, columns=["till", "items"])

    pd.testing.assert_frame_equal(found, every.iloc[[2, 30, 3_999]].reset_index(drop=True))
    pd.testing.assert_frame_equal(some, found[["till", "items"]])
