"""Publish what a training run and a day's score read, and lay the same files in plain folders.

Everything goes through Laurel's own ingest, validation included, so the home is a real one.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from laurel.domain.canonical import instant
from laurel.domain.config import UseCaseConfig
from laurel.domain.ledger import ticks
from laurel.domain.partition import Partition
from laurel.domain.window import TrainingWindow, plan
from laurel.errors import Refused
from laurel.runs.ingest import ingest
from laurel.runs.site import open_site
from laurel.runs.train import lay_inputs
from laurel.settings import load_settings
from laurel.stages.snapshot import snapshot
from laurel.usecase import UseCase, get_usecase
from sides.plain import lay_plan

YEAR = timedelta(days=366)
NOBODY: Mapping[str, Any] = {"model_version": None, "run": None, "files": {}}
"""The champion where there is none yet."""


def main(folder: Path, name: str) -> None:
    """Fill the configured home, write plain folders below ``folder``, and last ``facts.json``."""
    usecase = get_usecase(name, load_settings())
    config = usecase.config
    window = first_whole_window(config)
    day = Partition.at(window.as_of + config.decision_lag + config.horizon)
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(max_workers=2, mp_context=fork) as pool:
        parts = [(name, dataset, window.events.first, day.day) for dataset in config.datasets]
        list(pool.map(_ingest, parts))
    facts = {
        "as_of": instant(window.as_of),
        "day": day.key,
        "rows": lay_training(usecase, window, folder),
    }
    (folder / "facts.json").write_text(json.dumps(facts))


def first_whole_window(config: UseCaseConfig) -> TrainingWindow:
    """The window of the first scheduled as_of that has all the days it asks for."""
    start = config.training.start
    for as_of in ticks(config.training.schedule, start=start, end=Partition(start).start + YEAR):
        window = plan(config, as_of)
        history = len(window.history) if window.history else 0
        days = (len(window.train), history)
        if days == (config.training.train_days, config.features.history_days):
            return window
    raise Refused("the data never fills a training window", usecase=config.name)


def lay_training(usecase: UseCase, window: TrainingWindow, folder: Path) -> int:
    """Lay a workspace and the same files in plain folders; returns the rows of the train days."""
    site = open_site()
    catalogs = {name: site.catalog(usecase, name) for name in usecase.config.datasets}
    chosen = snapshot(usecase, catalogs, as_of=window.as_of)
    workspace, plain = folder / "workspace", folder / "plain" / "train"
    workspace.mkdir(parents=True)
    lay_inputs(site, usecase, chosen=chosen, champion=NOBODY, folder=workspace)
    shutil.copytree(workspace / "data" / usecase.name / "inputs", plain)
    lay_plan(usecase, plain, days=window.document()["days"])
    revisions = chosen.revisions[usecase.config.rows_name]
    return sum(r.rows for r in revisions if Partition.of(r.partition).day in window.train)


def _ingest(part: tuple[str, str, Any, Any]) -> None:
    name, dataset, first, last = part
    site = open_site()
    usecase = get_usecase(name, site.settings)
    start, end = Partition(first).start, Partition(last).end
    ingest(site, usecase, dataset=dataset, start=start, end=end)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
