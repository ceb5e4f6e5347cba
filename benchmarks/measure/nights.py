"""Nights: a quarter of nights monitored one after the other, against the rows scored anew alone.

In one process, of the small use case. Not measured unless it is named.
"""

from __future__ import annotations

import json

from bench import Bench
from pairs import Comparison, read_samples
from processes import environment, python, run_process, with_our_modules

RUNS = 1
"""Pairs are nights, and there are as many as a quarter has."""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Both sides of each night in turn."""
    del runs
    log = bench.log("nights")
    told = python("sides.nights", bench.folder / "nights")
    run_process(told, environ=with_our_modules(environment()), log=log)
    found = json.loads(log.read_text().splitlines()[-1])
    title = "nights: one night of a quarter's backfill, in one warm process"
    return [Comparison(title, read_samples(found["samples"]), found["facts"])]
