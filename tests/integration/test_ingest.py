"""What a run of ingest does besides publishing: nothing twice, nothing lost, corrections known."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from laurel.adapters.quarantine import list_quarantine
from laurel.errors import ValidationFailed
from support.runs import Home

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]
DAY = "2024-01-03"


def count_reads(home: Home) -> Path:
    """Let the source write a line for each time that it is read."""
    source, log = home.usecase.folder / "source.py", home.folder / "reads.txt"
    source.write_text(
        source.read_text()
        + f"""

_counted = read


def read(dataset, start, end, options):
    with open({str(log)!r}, "a") as file:
        file.write(f"{{dataset}} {{start:%Y-%m-%d}} {{end:%Y-%m-%d}}\\n")
    return _counted(dataset, start, end, options)
"""
    )
    return log


def change(home: Home, **said: object) -> None:
    """Say something else of the dataset visits in usecase.yaml."""
    file = home.usecase.folder / "usecase.yaml"
    document = yaml.safe_load(file.read_text())
    document["datasets"]["visits"] |= said
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def test_an_unchanged_source_is_not_pulled_twice(fresh: Home) -> None:
    frame = fresh.source("visits", DAY)
    log = count_reads(fresh)
    fresh.ingest("visits", "2024-01-01", "2024-01-05")
    frame["amount"] += 1
    frame.to_parquet(fresh.override("visits", DAY))

    again = fresh.ingest("visits", "2024-01-01", "2024-01-05")

    assert (again.published, again.unchanged, again.restated) == ((DAY,), 4, (DAY,))
    assert "laurel impact toy visits 2024-01-03" in again.sentence()
    third = fresh.ingest("visits", "2024-01-01", "2024-01-05")
    assert (third.published, third.unchanged) == ((), 5)
    assert log.read_text().splitlines() == [
        "visits 2024-01-01 2024-01-06",
        "visits 2024-01-03 2024-01-04",
    ]


def test_another_contract_or_suite_is_a_reason_to_pull_again(fresh: Home) -> None:
    log = count_reads(fresh)
    fresh.ingest("visits", DAY, DAY)
    change(fresh, split={"max_share": 0.1})
    fresh.ingest("visits", DAY, DAY)
    suite = fresh.folder / "cases" / "expectations" / "toy" / "raw.json"
    suite.write_text(suite.read_text().replace('"max_value": 2000', '"max_value": 4000'))

    again = fresh.ingest("visits", DAY, DAY)

    assert len(log.read_text().splitlines()) == 3
    assert (again.published, again.unchanged) == ((), 1), "equal content adds nothing"


def test_bad_rows_are_split_off_and_held_and_the_rest_is_published(fresh: Home) -> None:
    change(fresh, split={"max_share": 0.05})
    frame = fresh.source("visits", DAY)
    frame.loc[3, "shop"] = None
    frame.loc[9, "amount"] = 99_999.0
    frame.to_parquet(fresh.override("visits", DAY))

    made = fresh.ingest("visits", DAY, DAY)

    assert made.published == (DAY,)
    assert made.split == {DAY: 2}
    assert "split off 2 row(s) of 1" in made.sentence()
    revision = fresh.site.catalog(fresh.usecase, "visits").read().corrected(DAY)
    assert revision is not None
    kept = frame.drop(index=[3, 9])["visit_id"]
    assert sorted(fresh.table(revision.md5)["visit_id"]) == sorted(kept)
    (held,) = list_quarantine(fresh.site.store, "toy")
    assert (held.rows, set(held.files)) == (2, {"rows.parquet", "refused.jsonl"})
    assert fresh.table(held.files["rows.parquet"].md5)["visit_id"].tolist() == [
        frame.loc[9, "visit_id"]
    ]
    (line,) = fresh.lines(held.files["refused.jsonl"].md5)
    assert line["row"]["visit_id"] == frame.loc[3, "visit_id"]
    assert line["reason"] == "shop: null, where none is declared"


def test_above_the_share_the_whole_partition_is_held(fresh: Home) -> None:
    change(fresh, split={"max_share": 0.01})
    frame = fresh.source("visits", DAY)
    frame.loc[[9, 10], "amount"] = 99_999.0
    frame.to_parquet(fresh.override("visits", DAY))

    with pytest.raises(ValidationFailed, match="1 partition"):
        fresh.ingest("visits", DAY, DAY)

    (held,) = list_quarantine(fresh.site.store, "toy")
    assert held.rows == len(frame)
    assert fresh.site.catalog(fresh.usecase, "visits").read().revisions == {}


def test_what_a_run_cost_stands_beside_it(fresh: Home) -> None:
    made = fresh.ingest("visits", DAY, DAY)
    (key,) = fresh.keys(f"runs/toy/ingest/{made.run}/observed/")
    said = json.loads(fresh.site.store.read(key))
    assert said["partitions"] == 1
    assert said["peak_memory_bytes"] > 1e7
    assert said["rows_per_second"] > 0


def test_each_published_content_has_a_profile(fresh: Home) -> None:
    fresh.ingest("visits", "2024-01-01", "2024-01-03")
    state = fresh.site.catalog(fresh.usecase, "visits").read()
    for revision in state.newest():
        key = f"profiles/toy/visits/{revision.content_hash}.json"
        assert json.loads(fresh.site.store.read(key))["rows"] == revision.rows
    assert isinstance(fresh.table(state.newest()[0].md5), pd.DataFrame)
