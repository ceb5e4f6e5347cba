"""A dataset of CSV files through a whole ingest: published, skipped, restated, held as it came."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from laurel.adapters.quarantine import list_quarantine
from laurel.errors import ValidationFailed
from support.runs import Home, open_home

pytestmark = pytest.mark.slow

DAYS = ("2024-01-02", "2024-01-03", "2024-01-04")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Climate is read from one file a day; the other datasets from Python as before."""
    home = open_home(tmp_path)
    file = home.usecase.folder / "usecase.yaml"
    document = yaml.safe_load(file.read_text())
    document["datasets"]["climate"]["source"] = {
        "kind": "files",
        "path": "feed/{date:%Y/%m}/{date:%Y%m%d}-*.csv.gz",
        "csv": {"delimiter": ";"},
        "rename": {"store": "shop"},
    }
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    for day in DAYS:
        write(home, day, home.source("climate", day))
    return home


def write(home: Home, day: str, rows: pd.DataFrame) -> Path:
    year, month, _ = day.split("-")
    path = home.usecase.folder / "feed" / year / month / f"{day.replace('-', '')}-all.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = rows.rename(columns={"shop": "store"}).to_csv(
        index=False, sep=";", date_format="%Y-%m-%dT%H:%M:%S%z"
    )
    aside = path.with_suffix(".new")
    aside.write_bytes(gzip.compress(text.encode(), mtime=0))
    # written a while ago: a file that changed just now settles nothing
    os.utime(aside, (1_700_000_000 + len(text), 1_700_000_000 + len(text)))
    aside.rename(path)
    return path


def test_what_lies_in_files_is_published_as_what_python_gives(home: Home) -> None:
    made = home.ingest("climate", DAYS[0], DAYS[-1])

    assert made.published == DAYS
    state = home.site.catalog(home.usecase, "climate").read()
    for day in DAYS:
        expected = home.source("climate", day).sort_values(["observed", "shop"])
        found = home.table(state.revisions[day][-1].md5)
        assert found["shop"].tolist() == expected["shop"].tolist()
        assert found["level"].tolist() == expected["level"].tolist()


def test_a_corrected_file_is_a_restatement_and_the_others_are_not_read(home: Home) -> None:
    home.ingest("climate", DAYS[0], DAYS[-1])
    rows = home.source("climate", DAYS[1])
    write(home, DAYS[1], rows.assign(level=rows["level"] + 1))
    made = home.ingest("climate", DAYS[0], DAYS[-1])

    assert made.published == (DAYS[1],)
    assert made.restated == (DAYS[1],)
    assert made.unchanged == 2


def test_a_damaged_file_is_held_as_it_came_and_the_other_days_are_published(home: Home) -> None:
    path = write(home, DAYS[1], home.source("climate", DAYS[1]))
    path.write_bytes(path.read_bytes()[:-6])

    with pytest.raises(ValidationFailed) as refused:
        home.ingest("climate", DAYS[0], DAYS[-1])

    assert DAYS[1] in str(refused.value)
    (held,) = list_quarantine(home.site.store, home.usecase.name, "climate")
    assert held.partition == DAYS[1]
    (kept,) = [file for name, file in held.files.items() if path.name in name]
    assert kept.md5 == hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    state = home.site.catalog(home.usecase, "climate").read()
    assert sorted(state.revisions) == [DAYS[0], DAYS[2]]


def test_a_day_that_did_not_come_is_named_with_its_pattern(home: Home) -> None:
    with pytest.raises(ValidationFailed, match="no file of a day"):
        home.ingest("climate", DAYS[-1], "2024-01-05")

    assert home.ingest("climate", DAYS[0], DAYS[-1]).published == DAYS[:2]
