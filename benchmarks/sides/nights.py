"""Monitor a quarter of nights of the small use case in one process; prints what each night took.

    python -m sides.nights FOLDER

The floor beside it is what a night cannot do without: its rows fetched, and scored anew.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

from pairs import Sample, write_samples

from laurel.domain.canonical import parse_instant
from laurel.domain.partition import Partition
from laurel.runs.inputs import lay_files, load_given
from laurel.runs.monitor import choose_night
from laurel.runs.train import trained_files
from laurel.stages.score import score
from support.runs import DATASETS, Home, open_home

FIRST, NIGHTS, ROWS, WINDOW = Partition.of("2024-02-13"), 91, 380, 28
CHANGES = {
    "end: 2024-02-29": "end: 2024-12-31",
    'schedule: "0 0 * * 1"': 'schedule: "0 0 12 2 *"',
    'rows_per_day: "80"': f'rows_per_day: "{ROWS}"',
    "reference_days: 7": f"reference_days: {WINDOW}",
}


def main(folder: Path) -> None:
    """Score the quarter, then take both sides of each night in turn."""
    home = prepared(folder)
    nights = [FIRST.shifted(number) for number in range(NIGHTS)]
    sides: dict[str, Callable[[Partition], object]] = {
        "monitor": lambda night: home.monitor(night.key),
        "the night's rows scored anew": lambda night: floor(home, night),
    }
    for side in sides.values():
        side(nights[0].shifted(NIGHTS))
    samples = {name: [] for name in sides}
    for night in nights:
        for name, side in sides.items():
            wall, cpu = perf_counter(), process_time()
            side(night)
            samples[name].append(Sample(perf_counter() - wall, process_time() - cpu))
    facts = {"nights": NIGHTS, "rows of a night": ROWS, "nights looked back on": WINDOW}
    print(json.dumps({"samples": write_samples(samples), "facts": facts}))


def floor(home: Home, partition: Partition) -> None:
    """What the night's inputs are, the files of them, and their scores."""
    site, usecase = home.site, home.usecase
    night = choose_night(site, usecase, partition=partition)
    with site.workspace() as folder:
        given = load_given(site, usecase, inputs=night.again, folder=folder / "given")
        files = trained_files(site, night.served.training)
        score(usecase, given, model=lay_files(site, files, folder=folder / "model"))


def prepared(folder: Path) -> Home:
    """A home of which a quarter of nights, and one to warm up on, is scored by one champion."""
    shutil.rmtree(folder, ignore_errors=True)
    home = open_home(folder)
    config = home.usecase.folder / "usecase.yaml"
    text = config.read_text()
    for old, new in CHANGES.items():
        assert old in text, old
        text = text.replace(old, new)
    config.write_text(text)
    for dataset in DATASETS:
        home.ingest(dataset, last=FIRST.shifted(NIGHTS).key)
    assert home.decide(home.train(parse_instant("2024-02-12")).run).entry.event == "promoted"
    for number in range(NIGHTS + 1):
        home.score(FIRST.shifted(number).key)
    return home


if __name__ == "__main__":
    main(Path(sys.argv[1]))
