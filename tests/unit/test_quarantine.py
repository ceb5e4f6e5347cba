"""Quarantine keeps what was refused as it was, once, with the reasons."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from laurel.adapters.dvc import DataPlane
from laurel.adapters.quarantine import find_held, keep_frame, list_quarantine, quarantine
from laurel.errors import IntegrityError, NotFound
from laurel.settings import Settings
from support.memory import MemoryStore

FRAME = pd.DataFrame(
    {"id": ["b", "a", "a"], "seats": [1.0, None, 3.0], "at": pd.to_datetime(["2013"] * 3)},
    index=[7, 5, 5],
)
AT = datetime(2013, 7, 2, tzinfo=UTC)


class Ward:
    """A store and a data plane to put rows into."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.store, self.plane, self.folder = MemoryStore(), DataPlane(settings), folder

    def put(self, files: dict[str, Path] | None = None, **other: Any) -> str:
        said: dict[str, Any] = {
            "usecase": "flights",
            "dataset": "flights",
            "partition": "2013-07-01",
            "rows": 3,
            "reasons": ["2 key(s) occur more than once\n  found: a"],
            "at": AT,
        }
        files = files or keep_frame(FRAME, self.folder / "frame")
        return quarantine(self.store, self.plane, files=files, **{**said, **other})

    def bytes_of(self, name: str) -> bytes:
        (held,) = list_quarantine(self.store, "flights")
        self.plane.get(held.files[name], self.folder / "back")
        return (self.folder / "back").read_bytes()


@pytest.fixture
def ward(settings: Settings, tmp_path: Path) -> Ward:
    return Ward(settings, tmp_path)


def test_rows_come_back_as_they_were(ward: Ward) -> None:
    assert ward.put().startswith("quarantine/flights/flights/2013-07-01/")
    ward.bytes_of("rows.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(ward.folder / "back"), FRAME)


def test_the_same_refused_twice_is_held_once_since_the_first_time(ward: Ward) -> None:
    first = ward.put()
    assert ward.put(at=datetime(2014, 1, 1, tzinfo=UTC)) == first
    assert [held.since for held in list_quarantine(ward.store, "flights")] == [AT]
    other = keep_frame(FRAME.head(1), ward.folder / "other")
    assert len({first, ward.put(reasons=["another"]), ward.put(other)}) == 3
    assert len(list_quarantine(ward.store, "flights")) == 3


def test_rows_that_parquet_cannot_hold_are_lines_of_json(ward: Ward) -> None:
    mixed = pd.DataFrame({"x": [1, "a", {"b": 2.5}], "y": ["\ud800", None, b"\xff"]})
    ward.put(keep_frame(mixed, ward.folder / "mixed"))
    head, *rows = ward.bytes_of("rows.jsonl").decode().splitlines()
    assert json.loads(head) == {"columns": ["x", "y"], "types": ["object", "object"]}
    assert [json.loads(row) for row in rows] == [
        [1, "\ud800"],
        ["a", None],
        [{"b": 2.5}, "b'\\xff'"],
    ]
    doubled = keep_frame(pd.concat([FRAME, FRAME], axis=1), ward.folder / "doubled")
    assert len(doubled["rows.jsonl"].read_text().splitlines()) == 4


def test_a_file_is_kept_byte_for_byte(ward: Ward) -> None:
    file = ward.folder / "2013-07-01.csv"
    file.write_bytes(b"id,seats\r\na,\xff\n")
    ward.put({"source.csv": file})
    assert ward.bytes_of("source.csv") == b"id,seats\r\na,\xff\n"


def test_the_list_names_dataset_partition_rows_and_reasons(ward: Ward) -> None:
    ward.put()
    ward.put(dataset="weather", partition="2013-07-02", reasons=["one", "two"], rows=7)
    ward.put(usecase="other")
    first, second = list_quarantine(ward.store, "flights")
    assert (first.dataset, second.dataset) == ("flights", "weather")
    assert (second.reasons, second.rows) == (("one", "two"), 7)
    assert second.partition == "2013-07-02"
    assert list_quarantine(ward.store, "flights", "weather") == (second,)
    assert list_quarantine(ward.store, "flight") == ()


def test_what_is_held_is_found_by_the_beginning_of_its_id(ward: Ward) -> None:
    ward.put()
    (held,) = list_quarantine(ward.store, "flights")
    assert find_held(ward.store, "flights", held.id[:8]) == held
    for unknown in ("", "zz"):
        with pytest.raises(NotFound):
            find_held(ward.store, "flights", unknown)


def test_rows_without_a_record_were_cut_off_and_are_not_listed(ward: Ward) -> None:
    key = ward.put()
    reasons = ward.store.objects.pop(f"{key}/reasons.json")
    assert list_quarantine(ward.store, "flights") == ()
    ward.put()
    assert ward.store.read(f"{key}/reasons.json") == reasons


def test_reasons_that_are_none_are_an_error(ward: Ward) -> None:
    ward.store.create("quarantine/flights/flights/2013-07-01/abc/reasons.json", b"[]")
    with pytest.raises(IntegrityError, match="not the reasons"):
        list_quarantine(ward.store, "flights")
