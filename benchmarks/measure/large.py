"""Large: one partition of 5 GB by Laurel; one of 0.5 GB by Laurel, and by pandas, GX and DVC."""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path

from bench import Bench
from pairs import Comparison, Sample, interleave
from processes import BIN, environment, python, run_process, with_our_modules
from sides.large import DAY

from measure.publish import init_dvc

RUNS = 1
SMALL, LARGE = 0.5, 5.0
"""Gigabytes of CSV."""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Whole processes; what matters is the peak of memory, and how it grows with the size."""
    folder = bench.folder / "large"
    shutil.rmtree(folder, ignore_errors=True)
    made = {size: _make(bench, folder / f"{size}", size) for size in (SMALL, LARGE)}
    plain, numbers = folder / "plain", count()
    (plain / "data").mkdir(parents=True)
    init_dvc(bench, plain / "data")

    def laurel(size: float) -> Sample:
        cases, home = folder / f"{size}", folder / f"home-{next(numbers)}"
        environ = environment(
            LAUREL_HOME=str(home),
            LAUREL_USECASES=str(cases / "usecases"),
            LAUREL_EXPECTATIONS=str(cases / "expectations"),
        )
        told = (BIN / "laurel", "ingest", "large", "events", "--start", DAY, "--end", DAY)
        sample = run_process(told, environ=environ, log=bench.log("large"))
        shutil.rmtree(home)
        return sample

    def bare() -> Sample:
        cases = folder / f"{SMALL}"
        suite = cases / "expectations" / "large" / "events.json"
        told = python("bare.large", cases / "source" / f"{DAY}.csv", suite, plain)
        environ = with_our_modules(bench.environ())
        return run_process(told, environ=environ, log=bench.log("bare-large"))

    sides = {
        f"laurel ingest, {LARGE:g} GB": lambda: laurel(LARGE),
        f"laurel ingest, {SMALL:g} GB": lambda: laurel(SMALL),
        f"pandas, GX and DVC, {SMALL:g} GB": bare,
    }
    facts = {f"rows of {size:g} GB": made[size] for size in made}
    return [Comparison("large: one partition of CSV", interleave(sides, runs=runs), facts)]


def _make(bench: Bench, folder: Path, size: float) -> int:
    log = bench.log("large-made")
    told = python("sides.large", folder, str(size), "csv")
    run_process(told, environ=with_our_modules(bench.environ()), log=log)
    return int(json.loads(log.read_text().splitlines()[-1])["rows"])
