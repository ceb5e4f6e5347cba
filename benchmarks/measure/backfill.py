"""Backfill: days scored through Airflow against as many tasks that do nothing: Airflow's floor."""

from __future__ import annotations

import json

from bench import Bench
from pairs import Comparison, read_samples
from processes import environment, python, run_process, with_our_modules

RUNS = 2
DAYS = 15
"""Of each backfill; more only take longer."""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Both DAGs in turn in one embedded stack; always of the small use case of the tests."""
    log = bench.log("backfill")
    told = python("sides.backfill", bench.folder / "backfill", str(DAYS), str(runs))
    run_process(told, environ=with_our_modules(environment()), log=log)
    found = json.loads(log.read_text().splitlines()[-1])
    samples = read_samples(found["samples"])
    return [Comparison("backfill: a partition of many", samples, found["facts"])]
