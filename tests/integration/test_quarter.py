"""A quarter of nights of ``toy``, monitored in one backfill: what they say, and their bytes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from laurel.cli.runs import monitor as monitor_nights
from laurel.domain.canonical import parse_instant
from laurel.domain.partition import Partition
from laurel.runs.calibrate import Calibrated, calibrate
from laurel.runs.reports import newest_documents
from support.runs import DATASETS, Home, open_home, running_from

pytestmark = pytest.mark.slow

FIRST = Partition.of("2024-02-13")
NIGHTS, TAUGHT, LOSS = 91, 56, 8
"""Nights in all; quiet ones to learn from; the last ones, on which the labels are no longer so."""
WINDOW = 7
BYTES = ("report.html", "report.json", "metrics.txt")
CONFIG = (
    ('"0 0 * * 1"', '"0 0 12 2 *"'),  # one training only
    ("end: 2024-02-29", "end: 2024-06-30"),
    ('rows_per_day: "80"', 'rows_per_day: "240"'),
    ("    - {kind: at_least, metric: auc, value: 0.6}\n", "    []\n"),
)


@dataclass
class Quarter:
    """A home with all nights reported, and what was learned from the quiet ones."""

    home: Home
    learned: Calibrated
    documents: dict[str, dict[str, Any]]

    def nights(self, first: int, last: int) -> list[dict[str, Any]]:
        return [self.documents[key] for key in days(first, last)]


def days(first: int, last: int) -> list[str]:
    return [FIRST.shifted(number).key for number in range(first, last)]


@pytest.fixture(scope="module")
def quarter(source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    home = open_home(tmp_path_factory.mktemp("quarter") / "home")
    _configure(home)
    for night in days(NIGHTS - LOSS, NIGHTS):
        frame = home.source("returns", night)
        frame["returned"] = frame["returned"].sample(frac=1.0, random_state=7).to_numpy()
        frame.to_parquet(home.override("returns", night))
    with running_from(source_checkout), pytest.MonkeyPatch.context() as patch:
        for name, text in home.environ.items():
            if name.startswith("LAUREL_"):
                patch.setenv(name, text)
        for dataset in DATASETS:
            home.ingest(dataset, "2024-01-01", days(0, NIGHTS)[-1])
        home.decide(home.train(parse_instant("2024-02-12")).run)
        for night in days(0, NIGHTS):
            home.score(night)
        report(0, TAUGHT)
        quiet = {"first": FIRST, "last": FIRST.shifted(TAUGHT - 1)}
        said = {"by": "ada", "reason": "nothing was launched"}
        learned = calibrate(home.site, home.usecase, **quiet, **said)
        report(TAUGHT, NIGHTS)
        documents = newest_documents(home.site.store, "toy", days(0, NIGHTS))
        yield Quarter(home, learned, {key: dict(found) for key, found in documents.items()})


def _configure(home: Home) -> None:
    file = home.usecase.folder / "usecase.yaml"
    text = file.read_text()
    for old, new in CONFIG:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


def report(first: int, last: int) -> None:
    """Some nights as one backfill of the command line."""
    chosen = days(first, last)
    monitor_nights("toy", chosen[0], until=chosen[-1])


def exceeded(nights: Sequence[dict[str, Any]], state: str) -> list[str]:
    """Nights on which any check of drift or performance is in a state."""
    checks = ("drift", "score_drift", "performance/")
    return [
        night["partition"]
        for night in nights
        if any(a["state"] == state and a["check"].startswith(checks) for a in night["alarms"])
    ]


def test_a_backfill_reports_every_night_of_a_quarter_and_says_that_it_is_one(
    quarter: Quarter,
) -> None:
    assert sorted(quarter.documents) == days(0, NIGHTS)
    keys = quarter.home.keys("reports/toy/")
    listed = [json.loads(quarter.home.site.store.read(key)) for key in keys]
    assert len(listed) == NIGHTS
    assert {line["backfilled"] for line in listed} == {True}


def test_a_quiet_quarter_keeps_to_the_rate_of_false_alarms_that_it_is_told_beside(
    quarter: Quarter,
) -> None:
    quiet = quarter.nights(TAUGHT, NIGHTS - LOSS)
    family = quarter.learned.calibration.family
    assert "performance/auc" in quarter.learned.calibration.checks
    assert {night["calibration"] for night in quiet} == {quarter.learned.calibration.digest}
    suspected = {*exceeded(quiet, "suspected"), *exceeded(quiet, "confirmed")}
    assert len(suspected) <= np.ceil(family.at_most * len(quiet))
    assert exceeded(quiet, "confirmed") == []


def test_a_loss_of_performance_is_confirmed_within_the_stated_delay(quarter: Quarter) -> None:
    learned = quarter.learned.calibration.checks["performance/auc"]
    stated = next(delay for delay in learned.delays if delay.size == 0.2)
    lost = quarter.nights(NIGHTS - LOSS, NIGHTS)
    confirmed = [
        place
        for place, night in enumerate(lost, start=1)
        for alarm in night["alarms"]
        if alarm["check"] == "performance/auc" and alarm["state"] == "confirmed"
    ]
    assert confirmed
    assert confirmed[0] <= stated.late
    assert learned.sentence() in [a["belief"] for a in lost[-1]["alarms"]]


def test_slices_are_measured_by_the_raw_rows_of_each_night(quarter: Quarter) -> None:
    home, night = quarter.home, days(0, 20)[-1]
    window = days(20 - WINDOW, 20)
    served = [home.predictions(day).assign(day=day) for day in window]
    shops = [home.source("visits", day)[["visit_id", "shop"]] for day in window]
    labels = [home.source("returns", day)[["visit_id", "returned"]] for day in window]
    joined = (
        concat(served)
        .merge(concat(shops), on="visit_id")
        .merge(concat(labels).dropna(), on="visit_id", how="left")
    )
    for said in quarter.documents[night]["realised"]["slices"]:
        rows = joined[joined["shop"] == said["value"]]
        known = rows[rows["returned"].notna()]
        performance = said["performance"]
        assert said["column"] == "shop"
        assert (performance["rows"], performance["labelled"]) == (len(rows), len(known))
        area = roc_auc_score(known["returned"], known["score"])
        assert performance["metrics"]["auc"] == pytest.approx(area, abs=1e-9)
    assert {s["value"] for s in quarter.documents[night]["realised"]["slices"]} == {
        "east",
        "north",
        "south",
    }


def concat(frames: Sequence[Any]) -> Any:
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


def test_nights_made_again_in_another_order_have_the_same_bytes(
    quarter: Quarter, source_checkout: Path, tmp_path: Path
) -> None:
    """Reports are lost, and made again from what else is there, the last night first."""
    copied = quarter.home.copy(tmp_path)
    for lost in ("runs/toy/monitor", "reports/toy", "weeks/toy"):
        shutil.rmtree(copied.folder / "store" / lost)
    chosen = [*days(TAUGHT - 2, TAUGHT + 3), *days(NIGHTS - 2, NIGHTS)]

    with running_from(source_checkout):
        made = {night: copied.monitor(night) for night in reversed(chosen)}

    for night, again in made.items():
        prefix = f"runs/toy/monitor/{again.run}"
        for name in BYTES:
            before = quarter.home.site.store.read(f"{prefix}/{name}")
            assert copied.site.store.read(f"{prefix}/{name}") == before, (night, name)


def test_what_runs_cost_stands_apart_and_covers_each_kind_of_run(quarter: Quarter) -> None:
    store, last = quarter.home.site.store, days(0, NIGHTS)[-1]
    (listed,) = quarter.home.keys(f"reports/toy/{last}/")
    run = json.loads(store.read(listed))["run"]
    observed = json.loads(store.read(f"runs/toy/monitor/{run}/observed/000001.json"))
    page = store.read(f"runs/toy/monitor/{run}/observed/costs.html").decode()

    assert {each["run"] for each in observed["costs"]} == {
        "monitor",
        "score",
        "train",
        *(f"ingest/{name}" for name in DATASETS),
    }
    measures = {each["measure"] for each in observed["costs"] if each["run"] == "monitor"}
    assert measures == {"seconds", "rows_per_second", "peak_memory_bytes"}
    assert {each["runs"] for each in observed["costs"] if each["run"] == "monitor"} == {14}
    assert "rows per second" in page
    record = json.loads(store.read(f"runs/toy/monitor/{run}/report.json"))
    assert "costs" not in record
    assert "seconds" not in store.read(f"runs/toy/monitor/{run}/report.html").decode()
