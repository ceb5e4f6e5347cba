"""Beside: two trainings fit at once on one machine, with their share of the cores and without.

Not measured unless it is named.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from bench import Bench
from pairs import Comparison, Sample, interleave
from processes import ProcessFailed, python, run_process, with_our_modules

RUNS = 3
FITS = 3
"""Of each process, one after the other."""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Two processes that fit the same frame, from when both begin until both are done; and one."""
    folder = bench.folder / "beside"
    if not (folder / "data").is_dir():
        shutil.copytree(bench.published.made / "workspace", folder)
        ready = python("sides.frame", folder, bench.usecase)
        environ = with_our_modules(bench.environ())
        run_process(ready, environ=environ, log=bench.log("beside-frame"))

    def side(processes: int, *, slots: int, shared: bool) -> Sample:
        told = [*python("sides.one_fit", folder, bench.usecase, str(FITS))]
        told += ["shared"] if shared else []
        environ = with_our_modules({**bench.environ(), "LAUREL_HEAVY_SLOTS": str(slots)})
        return _together(told, environ=environ, processes=processes)

    sides = {
        "two at once, a share of the cores each": lambda: side(2, slots=2, shared=True),
        "one alone, all cores": lambda: side(1, slots=1, shared=True),
        "two at once, all cores each": lambda: side(2, slots=1, shared=False),
    }
    facts = {"rows to learn from": bench.published.facts["rows"], "fits of each process": FITS}
    samples = interleave(sides, runs=runs)
    return [Comparison("beside: from the start of all until the end of all", samples, facts)]


def _together(command: list[str | Path], *, environ: Mapping[str, str], processes: int) -> Sample:
    """Let processes begin at once, when all are ready; how long until the last one is done."""
    children = [
        subprocess.Popen(
            [str(part) for part in command],
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for child in children:
        if child.stdout is None or child.stdout.readline() != "ready\n":
            raise ProcessFailed(f"{command} did not begin")
    started = perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate()
        if child.returncode:
            raise ProcessFailed(f"{command} ended with {child.returncode}")
    return Sample(seconds=perf_counter() - started)
