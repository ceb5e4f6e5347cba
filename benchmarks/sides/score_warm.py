"""Score the same day again and again in one process that has everything imported.

Three sides in turn: Laurel's run with its records, Laurel's stage with its inputs fetched and
checked but without records, and the bare loop. Prints the samples as JSON.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

from bare.score import score as bare_score
from pairs import Sample, interleave, write_samples

from laurel.adapters.tables import read_table
from laurel.domain.partition import Partition
from laurel.runs.inputs import choose_inputs, lay_model, load_given
from laurel.runs.score import score as run_score
from laurel.runs.site import Site, open_site
from laurel.settings import load_settings
from laurel.stages.predictions import write_predictions
from laurel.stages.score import Scorer
from laurel.usecase import UseCase, get_usecase

RUN, STAGE, BARE = "runs.score", "stages.predictions", "bare loop"


def main(
    home: Path, plain: Path, usecase: UseCase, *, day: Partition, folder: Path, runs: int
) -> None:
    """Take the samples and compare what was predicted."""
    copies = _Copies(home, folder)
    out = {side: folder / f"{side}.parquet" for side in (STAGE, BARE)}
    sides = {
        RUN: lambda: copies.timed(lambda site: run_score(site, usecase, partition=day)),
        STAGE: lambda: copies.timed(lambda site: _stage(site, usecase, day, out[STAGE])),
        BARE: lambda: _timed(lambda: bare_score(plain, out[BARE])),
    }
    samples = interleave(sides, runs=runs)
    ours, bare = (read_table(out[side], columns=["score"])["score"] for side in (STAGE, BARE))
    print(
        json.dumps(
            {
                "samples": write_samples(samples),
                "largest_difference": float((ours - bare).abs().max()),
                "rows": len(ours),
            }
        )
    )


class _Copies:
    """A fresh copy of the home for each run, since a repeated run would find what it did."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._home, self._folder, self._count = home, folder, 0

    def timed(self, work: Callable[[Site], object]) -> Sample:
        """Do it in a site over a fresh copy; opening it is not part of the time."""
        self._count += 1
        copy = self._folder / f"home-{self._count}"
        shutil.copytree(self._home, copy)
        settings = replace(
            load_settings(), home=copy, store=f"file://{copy / 'store'}", cache=copy / "cache"
        )
        site = open_site(settings)
        try:
            return _timed(lambda: work(site))
        finally:
            shutil.rmtree(copy)


def _stage(site: Site, usecase: UseCase, day: Partition, out: Path) -> None:
    inputs = choose_inputs(site, usecase, partition=day)
    with site.workspace() as folder:
        given = load_given(site, usecase, inputs=inputs, folder=folder)
        model = lay_model(site, usecase, entry=inputs.champion, folder=folder / "model")
        version = inputs.champion.model_version or ""
        write_predictions(Scorer(usecase, given, model=model), out, model_version=version)


def _timed(work: Callable[[], object]) -> Sample:
    wall, cpu = perf_counter(), process_time()
    work()
    return Sample(seconds=perf_counter() - wall, cpu_seconds=process_time() - cpu)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        get_usecase(sys.argv[3], load_settings()),
        day=Partition.of(sys.argv[4]),
        folder=Path(sys.argv[5]),
        runs=int(sys.argv[6]),
    )
