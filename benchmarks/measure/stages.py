"""Stages: what training computes, in one process; beside ``train``, what DVC and records cost.

Not measured unless it is named.
"""

from __future__ import annotations

import shutil

from bench import Bench
from pairs import Comparison, Sample, interleave
from processes import python, run_process, with_our_modules

from measure.train import bare_area, bare_script, read_json, same_model

RUNS = 3


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """The six stages in one process, without DVC and records, and the bare script."""
    folder = bench.folder / "stages"

    def stages() -> Sample:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(bench.published.made / "workspace", folder)
        environ = with_our_modules(bench.environ())
        told = python("sides.stages", folder, bench.usecase)
        return run_process(told, environ=environ, log=bench.log("stages"))

    sides = {"six stages in one process": stages, "bare script": bare_script(bench)}
    samples = interleave(sides, runs=runs)
    metrics = read_json(folder / "data" / bench.usecase / "metrics.json")
    areas = {"laurel": metrics["challenger"]["auc"], "bare": bare_area(bench)}
    return [Comparison("stages: whole processes", samples, same_model(bench, areas))]
