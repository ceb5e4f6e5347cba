"""Days that are not like others: leap day, clocks that change, none or many rows, time set back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pandas as pd
import pytest

from laurel.adapters.quarantine import ROWS, list_quarantine
from laurel.domain.canonical import parse_instant
from laurel.domain.catalog import Revision
from laurel.domain.partition import Partition
from laurel.errors import ValidationFailed
from laurel.stages import publish
from support.runs import Home, open_home

pytestmark = pytest.mark.slow

CHANGES = {
    "America/New_York": ("2024-03-09", "2024-03-11"),
    "Europe/Berlin": ("2024-10-26", "2024-10-28"),
    "Pacific/Apia": ("2024-02-28", "2024-03-01"),
}
"""Days around a change of clocks, or of a leap day on the other side of the date line."""
DAY, ROWS_OF_A_DAY = "2024-02-10", 80


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path)


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The process in a time zone."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def revisions(home: Home, dataset: str) -> dict[str, tuple[Revision, ...]]:
    return dict(home.site.catalog(home.usecase, dataset).audit().state.revisions)


def test_a_leap_day_is_a_day_like_any_other(home: Home) -> None:
    home.ingest("visits", "2024-02-28", "2024-03-01")
    found = revisions(home, "visits")
    assert list(found) == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert [rows[0].rows for rows in found.values()] == [ROWS_OF_A_DAY] * 3
    assert found["2024-02-29"][0].known_at == parse_instant("2024-03-01")


@pytest.mark.parametrize("zone", CHANGES, indirect=True)
def test_the_clocks_of_the_machine_change_no_byte(zone: str, tmp_path: Path) -> None:
    first, last = CHANGES[zone]
    local = open_home(tmp_path / "local")
    local.ingest("visits", first, last)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        utc = open_home(tmp_path / "utc")
        utc.ingest("visits", first, last)
    found, expected = revisions(local, "visits"), revisions(utc, "visits")
    assert len(found) == 3
    assert {key: rows[0].md5 for key, rows in found.items()} == {
        key: rows[0].md5 for key, rows in expected.items()
    }
    assert [rows[0].known_at for rows in found.values()] == [Partition.of(key).end for key in found]


def test_an_empty_day_is_published_where_its_suite_allows_it(home: Home) -> None:
    home.source("climate", DAY).iloc[:0].to_parquet(home.override("climate", DAY))
    home.ingest("climate", DAY, DAY)
    assert revisions(home, "climate")[DAY][0].rows == 0
    assert home.ingest("climate", DAY, DAY).published == ()


def test_an_empty_day_is_refused_where_its_suite_asks_for_rows(home: Home) -> None:
    home.source("visits", DAY).iloc[:0].to_parquet(home.override("visits", DAY))
    with pytest.raises(ValidationFailed, match="row count to be between"):
        home.ingest("visits", DAY, DAY)
    assert revisions(home, "visits") == {}


def test_a_day_of_a_hundred_times_the_usual_size_is_refused_untouched(home: Home) -> None:
    huge = hundredfold(home)
    with pytest.raises(ValidationFailed, match="row count to be between"):
        home.ingest("visits", DAY, DAY)
    (held,) = list_quarantine(home.site.store, home.usecase.name)
    assert held.rows == len(huge)
    assert len(home.table(held.files[ROWS].md5)) == len(huge)
    assert revisions(home, "visits") == {}


def test_a_day_of_a_hundred_times_the_usual_size_is_published_where_it_may_be(home: Home) -> None:
    huge = hundredfold(home)
    suite = home.folder / "cases" / "expectations" / "toy" / "raw.json"
    document = json.loads(suite.read_text())
    (count,) = (one for one in document["expectations"] if "row_count" in one["type"])
    count["kwargs"]["max_value"] = len(huge)
    suite.write_text(json.dumps(document))
    home.ingest("visits", DAY, DAY)
    (revision,) = revisions(home, "visits")[DAY]
    assert revision.rows == len(huge) == 100 * ROWS_OF_A_DAY
    table = home.table(revision.md5)
    assert table["at"].is_monotonic_increasing
    assert sorted(table["visit_id"]) == sorted(huge["visit_id"])


def hundredfold(home: Home) -> pd.DataFrame:
    """Let the source give a hundred times the rows of the day, in no order."""
    one = home.source("visits", DAY)
    parts = [one.assign(visit_id=one["visit_id"] + f"-{number}") for number in range(100)]
    huge = pd.concat(parts, ignore_index=True).sample(frac=1, random_state=1)
    huge.to_parquet(home.override("visits", DAY))
    return huge


def test_a_clock_that_is_set_back_keeps_the_order_of_revisions(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wall clock is recorded; the order is that of the journal."""
    for number, hours in enumerate((0, 48, -48)):
        home.source("climate", DAY).assign(level=float(number)).to_parquet(
            home.override("climate", DAY)
        )
        with monkeypatch.context() as patch:
            patch.setattr(publish, "datetime", _clock(timedelta(hours=hours)))
            assert home.ingest("climate", DAY, DAY).published == (DAY,)
    found = revisions(home, "climate")[DAY]
    assert [revision.revision for revision in found] == [1, 2, 3]
    assert found[2].published_at < found[0].published_at < found[1].published_at
    assert all(revision.known_at >= found[0].known_at for revision in found)
    state = home.site.catalog(home.usecase, "climate").read()
    assert state.revision(DAY, found[1].known_at + timedelta(days=9)) == found[2]
    assert state.revision(DAY, found[0].known_at) == found[0]


def _clock(shift: timedelta) -> type[datetime]:
    """The wall clock of a machine that is wrong by so much."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + shift

    return Shifted
