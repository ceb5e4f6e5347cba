"""Tune: the stage that searches for parameters, against a bare Optuna script with the same fits.

Not measured unless it is named.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import Bench
from pairs import Comparison, Sample, interleave
from processes import ProcessFailed, python, run_process, with_our_modules

from measure.train import read_json

RUNS = 3
TRIALS = 20
TOLERANCE = 1e-9
"""Of the best value."""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Whole processes on one frame: each draws its trials, fits their folds and keeps them."""
    folder = bench.folder / "tune"
    environ = with_our_modules(bench.environ())
    ready = python("sides.tune", "prepare", folder, bench.usecase, bench.published.made)
    run_process(ready, environ=environ, log=bench.log("tune-prepare"))

    def side(module: str, *arguments: str | Path) -> Sample:
        return run_process(
            python(module, *arguments), environ=environ, log=bench.log(module.replace(".", "-"))
        )

    told = ("search", folder, bench.usecase, str(TRIALS))
    # once before, since the rival's folds are those that the stage wrote down
    side("sides.tune", *told)
    sides = {
        "laurel stage tune": lambda: side("sides.tune", *told),
        "bare Optuna script": lambda: side("bare.tune", folder / "data" / bench.usecase),
    }
    samples = interleave(sides, runs=runs)
    return [Comparison("tune: whole processes", samples, _same(folder / "data" / bench.usecase))]


def _same(data: Path) -> dict[str, Any]:
    """What both found, as facts; raises :class:`ProcessFailed` where they did not fit the same."""
    ours, bare = read_json(data / "tuning" / "best.json"), read_json(data / "bare.json")
    if abs(ours["value"] - bare["value"]) > TOLERANCE or ours["trial"] != bare["trial"]:
        raise ProcessFailed(f"the two sides did not find the same: {ours}, {bare}")
    return {
        "trials": TRIALS,
        "best trial": ours["trial"],
        "log loss of laurel": round(ours["value"], 6),
        "log loss of bare": round(bare["value"], 6),
    }
