"""Skew of training against serving: planted in feature code it is found, and the night says so."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from laurel.domain.canonical import instant
from laurel.domain.history import cutoff_of
from laurel.domain.partition import Partition
from laurel.domain.train_serve import TrainServe
from laurel.runs import train_serve as runs
from support.runs import AS_OFS, DATASETS, Home, open_home, restate, running_from

pytestmark = pytest.mark.slow

RESTATED = Partition.of("2024-02-05")
AFTER = RESTATED.shifted(1).key
"""The day whose features look at the level of the day before."""
CORRECTED = AS_OFS[0] - timedelta(days=1)
NIGHT = "2024-02-21"

DATED = f'''

_state = state


def state(dataset: str, day: date, options: Mapping[str, str]) -> object:
    """As before; a correction is dated."""
    said = _state(dataset, day, options)
    file = Path(__file__).parent / "overrides" / dataset / f"{{day}}.parquet"
    return (said, datetime.fromisoformat({instant(CORRECTED)!r})) if file.exists() else said
'''
PLANTED = '''

import os

_plain = featurize


def featurize(rows: pd.DataFrame, context: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """As before, and something of the process that computes it."""
    return _plain(rows, context).assign(process=np.float32(os.getpid()))
'''


@pytest.fixture(scope="module")
def skewed(source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A training on a restated past, and one whose feature code reads what is of no row."""
    with running_from(source_checkout):
        home = open_home(tmp_path_factory.mktemp("skewed"))
        source = home.usecase.folder / "source.py"
        source.write_text(source.read_text() + DATED)
        for dataset in DATASETS:
            home.ingest(dataset)
        level = home.source("climate", RESTATED.key)
        restate(home, "climate", RESTATED.key, level.assign(level=level["level"] + 1))
        home.decide(home.train(AS_OFS[0]).run)
        features = home.usecase.features_file()
        features.write_text(features.read_text() + PLANTED)
        home.decide(home.train(AS_OFS[1]).run)
        home.score(NIGHT)
        home.monitor(NIGHT)
    return home


def found(home: Home, as_of: int, folder: Path, *, day: str | None = None) -> TrainServe:
    """What is found on a day of a training's frame, or on the first that comes."""
    site, usecase = home.site, home.usecase
    cutoff = AS_OFS[as_of] + usecase.config.decision_lag
    learned = runs.newest_learned(site, usecase, cutoff=cutoff)
    assert learned is not None
    assert learned.entry.as_of == AS_OFS[as_of]
    for number in count():
        seed = str(number)
        (folder / seed).mkdir()
        _, chosen = runs._sample(site, learned.training, seed=seed, folder=folder / seed)
        if day in (None, chosen.key):
            break
    made = runs.train_serve(site, usecase, learned, seed=seed, folder=folder / seed)
    assert made is not None
    return made


def test_features_as_scored_equal_those_learned_from(
    skewed: Home, own_checkout: Path, tmp_path: Path
) -> None:
    made = found(skewed, 0, tmp_path, day="2024-02-09")
    assert made.rows > 60
    assert (made.differing, made.features, made.example) == (0, (), None)


def test_a_past_that_was_restated_since_is_no_skew(
    skewed: Home, own_checkout: Path, tmp_path: Path
) -> None:
    made = found(skewed, 0, tmp_path, day=AFTER)
    assert made.rows > 60
    assert made.differing == 0, "the training, too, looked at the level as it was known"


def test_feature_code_that_reads_more_than_rows_and_context_is_found(
    skewed: Home, own_checkout: Path, tmp_path: Path
) -> None:
    made = found(skewed, 1, tmp_path, day="2024-02-14")
    assert made.differing == made.rows > 60
    assert made.features == ("process",)
    assert made.restated == ()
    assert made.example is not None
    assert "as scored" in made.example


def test_the_night_says_so_and_alarms(skewed: Home, own_checkout: Path) -> None:
    site, usecase = skewed.site, skewed.usecase
    (key,) = skewed.keys(f"reports/toy/{NIGHT}/")
    listed = json.loads(site.store.read(key))
    page = site.store.read(listed["page"]).decode()
    report = json.loads(site.store.read(listed["page"].replace(".html", ".json")))

    newest = runs.newest_learned(
        site, usecase, cutoff=cutoff_of(Partition.of(NIGHT), usecase.config)
    )
    assert newest is not None
    said = report["train_serve"]
    assert said["run"] == newest.training.id
    assert said["differing"] > 0
    (alarm,) = [alarm for alarm in report["alarms"] if alarm["check"] == "train_serve"]
    assert newest.training.id in alarm["reason"]
    assert said["example"].split(":")[0] in page
