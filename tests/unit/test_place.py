"""The stable place of predictions: hive layout, replaced at once, read while it is replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import duckdb
import pandas as pd
import pytest

from laurel.adapters.sinks.contract import Delivery, Held
from laurel.adapters.sinks.folder import FolderPlace
from laurel.adapters.tables import (
    ROW_GROUP,
    TableWriter,
    content_hash,
    read_table,
)
from laurel.adapters.tables.noted import table_note, write_noted
from laurel.errors import DataError, NotFound, StoreFault

DAYS = ("2024-02-13", "2024-02-14")
ROWS = 500


def predictions(day: str, *, revision: int) -> pd.DataFrame:
    """Every score says which revision it is of."""
    return pd.DataFrame(
        {
            "visit_id": pd.Series([f"{day}-{n}" for n in range(ROWS)], dtype="str"),
            "score": [float(revision)] * ROWS,
            "partition": pd.Series([day] * ROWS, dtype="str"),
        }
    )


def delivery(folder: Path, day: str, *, revision: int) -> Delivery:
    frame = predictions(day, revision=revision)
    published, file = folder / f"{day}-{revision}.published", folder / f"{day}-{revision}.parquet"
    with TableWriter(published) as writer:
        writer.write(frame)
        writer.finish()
    content = content_hash(frame)
    note = {"revision": str(revision), "content_hash": content}
    write_noted(published, file, without=["partition"], note=note)
    return Delivery(day, revision, content, ROWS, file)


@pytest.fixture
def place(tmp_path: Path) -> FolderPlace:
    return FolderPlace(tmp_path / "place")


def give(place: FolderPlace, folder: Path, day: str, *, revision: int) -> Delivery:
    return place.deliver(day, lambda: delivery(folder, day, revision=revision))


def test_duckdb_and_pandas_read_the_layout_with_its_partition(
    place: FolderPlace, tmp_path: Path
) -> None:
    for day in DAYS:
        give(place, tmp_path, day, revision=1)
    (tmp_path / "place" / ".aside" / "left-by-a-kill").write_bytes(b"half a file")
    place.note("_current.json", lambda: json.dumps({"a": 1}).encode())
    frame = pd.read_parquet(place.place)
    assert list(frame.columns) == ["visit_id", "score", "partition"]
    assert frame["partition"].astype("str").value_counts().to_dict() == dict.fromkeys(DAYS, ROWS)
    one = pd.read_parquet(place.place, filters=[("partition", "==", DAYS[0])])
    assert len(one) == ROWS
    found = duckdb.sql(
        f"select cast(partition as varchar), count(*), max(score) "  # noqa: S608
        f"from read_parquet('{place.place}/*/*.parquet', hive_partitioning = true) "
        f"group by all order by all"
    ).fetchall()
    assert found == [(day, ROWS, 1.0) for day in DAYS]


def test_readers_see_one_whole_revision_while_it_is_replaced(
    place: FolderPlace, tmp_path: Path
) -> None:
    give(place, tmp_path, DAYS[0], revision=1)
    done, seen, errors = Event(), set[float](), list[BaseException]()

    def read() -> None:
        query = (
            f"select count(*), min(score), max(score) "  # noqa: S608
            f"from read_parquet('{place.place}/*/*.parquet', hive_partitioning = true)"
        )
        with duckdb.connect() as connection:
            while not done.is_set():
                try:
                    rows, least, most = connection.execute(query).fetchall()[0]
                    table = pd.read_parquet(place.place)
                    assert (rows, least) == (ROWS, most)
                    assert table["score"].nunique() == 1
                    assert len(table) == ROWS
                    seen.update((most, float(table["score"].iloc[0])))
                except BaseException as error:
                    errors.append(error)
                    return

    reader = Thread(target=read)
    reader.start()
    for revision in range(2, 60):
        give(place, tmp_path, DAYS[0], revision=revision)
    done.set()
    reader.join()
    assert errors == []
    assert len(seen) > 1
    assert place.held() == {DAYS[0]: Held("59", content_hash(predictions(DAYS[0], revision=59)))}


def test_the_same_revision_again_leaves_the_file(place: FolderPlace, tmp_path: Path) -> None:
    give(place, tmp_path, DAYS[0], revision=1)
    file = Path(place.place) / f"partition={DAYS[0]}" / "predictions.parquet"
    before = file.stat().st_ino
    give(place, tmp_path, DAYS[0], revision=1)
    assert file.stat().st_ino == before
    give(place, tmp_path, DAYS[0], revision=2)
    assert file.stat().st_ino != before


def test_a_damaged_or_missing_file_is_not_held(place: FolderPlace, tmp_path: Path) -> None:
    for day in DAYS:
        give(place, tmp_path, day, revision=1)
    file = Path(place.place) / f"partition={DAYS[0]}" / "predictions.parquet"
    file.write_bytes(file.read_bytes()[:100])
    assert list(place.held()) == [DAYS[1]]
    assert list(place.held(DAYS)) == [DAYS[1]]
    give(place, tmp_path, DAYS[0], revision=1)
    file.with_name("predictions.parquet").unlink()
    assert list(place.held()) == [DAYS[1]]


def test_a_place_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFault, match="place of predictions"):
        give(FolderPlace(tmp_path / "file" / "place"), tmp_path, DAYS[0], revision=1)


def test_a_killed_delivery_leaves_the_revision_before_and_no_lock(
    place: FolderPlace, tmp_path: Path
) -> None:
    give(place, tmp_path, DAYS[0], revision=1)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from laurel.adapters.sinks.folder import FolderPlace\n"
        "def newest():\n"
        "    os.kill(os.getpid(), 9)\n"
        f"FolderPlace(Path(sys.argv[1])).deliver({DAYS[0]!r}, newest)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, place.place], env=os.environ, check=False)
    assert done.returncode == -9
    assert place.held()[DAYS[0]].revision == "1"
    give(place, tmp_path, DAYS[0], revision=2)
    assert place.held()[DAYS[0]].revision == "2"


def test_a_noted_table_is_the_same_bytes_without_a_column(tmp_path: Path) -> None:
    rows = ROW_GROUP + 10
    frame = pd.DataFrame(
        {
            "n": range(rows),
            "flag": pd.array([None, True] * (rows // 2), dtype="boolean"),
            "partition": pd.Series([DAYS[0]] * rows, dtype="str"),
        }
    )
    with TableWriter(tmp_path / "a.parquet") as writer:
        writer.write(frame)
        writer.finish()
    for name in ("b", "c"):
        target = tmp_path / f"{name}.parquet"
        write_noted(tmp_path / "a.parquet", target, without=["partition"], note={"revision": "3"})
    assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "c.parquet").read_bytes()
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "b.parquet"), frame.drop(columns="partition")
    )
    assert table_note(tmp_path / "b.parquet") == {"revision": "3"}
    assert table_note(tmp_path / "a.parquet") == table_note(tmp_path / "none.parquet") == {}
    with pytest.raises(NotFound):
        write_noted(tmp_path / "none", tmp_path / "d", without=[], note={})
    (tmp_path / "broken.parquet").write_text("PAR1")
    with pytest.raises(DataError):
        table_note(tmp_path / "broken.parquet")
