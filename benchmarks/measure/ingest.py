"""Ingest: a day by Laurel against GX and DVC alone, on the same rows and suite."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path

from bench import TOY, Bench
from pairs import Comparison, Sample, interleave
from processes import BIN, ROOT, python, run_process, with_our_modules

from measure.publish import init_dvc

RUNS = 5
FIRST = {"flights": date(2013, 3, 4), TOY: date(2024, 1, 8)}
DATASET = {"flights": "flights", TOY: "visits"}


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Whole processes; each run takes the next day, both sides the same days."""
    folder = bench.folder / "ingest"
    shutil.rmtree(folder, ignore_errors=True)
    plain, dataset = folder / "plain", DATASET[bench.usecase]
    (plain / "data").mkdir(parents=True)
    init_dvc(bench, plain / "data")
    environ = bench.environ(folder / "home")
    days = {side: _days(bench.usecase) for side in ("laurel", "bare")}

    def command() -> Sample:
        day = next(days["laurel"])
        told = (BIN / "laurel", "ingest", bench.usecase, dataset, "--start", day, "--end", day)
        return run_process(told, environ=environ, log=bench.log("ingest"))

    def script() -> Sample:
        source, suite = _files(bench, dataset)
        told = python("bare.ingest", source, suite, plain, dataset, next(days["bare"]))
        return run_process(told, environ=with_our_modules(environ), log=bench.log("bare-ingest"))

    sides = {"laurel ingest": command, "GX and DVC alone": script}
    return [Comparison("ingest: a day, whole processes", interleave(sides, runs=runs))]


def _days(usecase: str) -> Iterator[str]:
    return ((FIRST[usecase] + timedelta(days=number)).isoformat() for number in count())


def _files(bench: Bench, dataset: str) -> tuple[Path, Path]:
    if bench.usecase == TOY:
        folder = bench.folder / "toy"
        return folder / "usecases/toy/source.py", folder / "expectations/toy/raw.json"
    name = {"flights": "raw"}[dataset]
    usecase = ROOT / "include" / "usecases" / bench.usecase / "source.py"
    return usecase, ROOT / "expectations" / bench.usecase / f"{name}.json"
