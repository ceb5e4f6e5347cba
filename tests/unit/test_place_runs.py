"""The stable place follows the catalog of predictions, and is made again from it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from laurel.adapters.tables import write_table
from laurel.domain.config import PREDICTIONS
from laurel.domain.partition import Partition
from laurel.runs.place import CURRENT, Placed, check_place, place_predictions
from laurel.runs.site import Site, open_site
from laurel.settings import load_settings
from laurel.stages.publish import Checked, publish, push_files
from laurel.usecase import UseCase
from support.synthetic import load_toy

DAYS = ("2024-02-13", "2024-02-14", "2024-02-15")


@pytest.fixture
def usecase(tmp_path: Path) -> UseCase:
    return load_toy(tmp_path / "case")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    settings = {"LAUREL_HOME": str(tmp_path / "home"), "LAUREL_STORE": f"file://{tmp_path}/store"}
    return open_site(load_settings(settings))


def predict(site: Site, usecase: UseCase, folder: Path, day: str, *, score: float) -> pd.DataFrame:
    """Publish predictions of a day."""
    frame = pd.DataFrame(
        {
            "visit_id": pd.Series([f"{day}-{n}" for n in range(5)], dtype="str"),
            "score": [score] * 5,
            "partition": pd.Series([day] * 5, dtype="str"),
        }
    )
    path = folder / f"{day}-{score}.parquet"
    checked = Checked(path, write_table(frame, path), suite="s", outcome="passed", fingerprint="f")
    files = push_files(site.plane, {Partition.of(day): checked})
    publish(site.catalog(usecase, PREDICTIONS), site.plane, files, run=f"{score}")
    return frame


def root_of(found: Placed) -> Path:
    return Path(found.place)


def test_the_place_has_what_the_catalog_says_and_is_made_again(
    site: Site, usecase: UseCase, tmp_path: Path
) -> None:
    frames = [predict(site, usecase, tmp_path, day, score=0.25) for day in DAYS]
    assert check_place(site, usecase).changed == DAYS
    found = place_predictions(site, usecase)
    assert found.changed == DAYS
    assert root_of(found) == tmp_path / "store" / "current" / "toy" / "predictions"
    table = pd.read_parquet(found.place)
    assert table["visit_id"].tolist() == pd.concat(frames)["visit_id"].tolist()
    assert place_predictions(site, usecase).changed == check_place(site, usecase).changed == ()
    (root_of(found) / f"partition={DAYS[0]}" / "predictions.parquet").unlink()
    (root_of(found) / f"partition={DAYS[2]}" / "predictions.parquet").write_text("damaged")
    (root_of(found) / "partition=1999-01-01").mkdir()
    assert check_place(site, usecase).changed == (DAYS[0], DAYS[2])
    assert "2 differ from the catalog" in check_place(site, usecase).sentence(checked=True)
    assert place_predictions(site, usecase).changed == (DAYS[0], DAYS[2])
    pd.testing.assert_frame_equal(pd.read_parquet(found.place), table)


def test_a_new_revision_takes_the_place_of_its_partition_alone(
    site: Site, usecase: UseCase, tmp_path: Path
) -> None:
    for day in DAYS[:2]:
        predict(site, usecase, tmp_path, day, score=0.25)
    root = root_of(place_predictions(site, usecase))
    before = (root / f"partition={DAYS[1]}" / "predictions.parquet").stat().st_ino
    predict(site, usecase, tmp_path, DAYS[0], score=0.75)
    assert place_predictions(site, usecase, partitions=[DAYS[0]]).changed == (DAYS[0],)
    table = pd.read_parquet(root)
    assert table.groupby(table["partition"].astype("str"))["score"].max().tolist() == [0.75, 0.25]
    assert (root / f"partition={DAYS[1]}" / "predictions.parquet").stat().st_ino == before
    said = json.loads((root / CURRENT).read_bytes())
    assert {key: each["revision"] for key, each in said["partitions"].items()} == {
        DAYS[0]: 2,
        DAYS[1]: 1,
    }
    assert said["catalog"]["number"] == site.catalog(usecase, PREDICTIONS).head().number == 3


def test_the_list_of_a_run_that_was_killed_before_it_wrote_it_is_written_by_the_next(
    site: Site, usecase: UseCase, tmp_path: Path
) -> None:
    predict(site, usecase, tmp_path, DAYS[0], score=0.25)
    root = root_of(place_predictions(site, usecase))
    wanted = (root / CURRENT).read_bytes()
    (root / CURRENT).unlink()
    assert place_predictions(site, usecase, partitions=[DAYS[0]]).changed == ()
    assert (root / CURRENT).read_bytes() == wanted


def test_what_is_not_published_is_left_and_told(
    site: Site, usecase: UseCase, tmp_path: Path
) -> None:
    predict(site, usecase, tmp_path, DAYS[0], score=0.25)
    root = root_of(place_predictions(site, usecase))
    own, other = (root / f"partition={day}" for day in (DAYS[0], DAYS[2]))
    other.mkdir()
    (other / "predictions.parquet").write_bytes((own / "predictions.parquet").read_bytes())
    found = place_predictions(site, usecase)
    assert found.foreign == (DAYS[2],)
    assert f"not published: {DAYS[2]}" in found.sentence()
    assert (other / "predictions.parquet").exists()
    assert place_predictions(site, usecase, partitions=[DAYS[1]]).changed == ()


def test_the_place_may_be_elsewhere(usecase: UseCase, tmp_path: Path) -> None:
    elsewhere = {
        "LAUREL_HOME": str(tmp_path / "home"),
        "LAUREL_STORE": f"file://{tmp_path}/store",
        "LAUREL_PLACE": f"file://{tmp_path}/lake",
    }
    site = open_site(load_settings(elsewhere))
    predict(site, usecase, tmp_path, DAYS[0], score=0.25)
    assert root_of(place_predictions(site, usecase)) == tmp_path / "lake" / "toy" / "predictions"
