"""Parse: executing every file of dags/ in a fresh interpreter, against importing the SDK alone."""

from __future__ import annotations

import sys

from bench import Bench
from pairs import Comparison, interleave
from processes import HERE, ROOT, run_process

RUNS = 5


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Whole processes, both from compiled bytecode."""
    environ = bench.environ()
    log = bench.log("parse")
    draw = (sys.executable, HERE / "sides" / "parse_dags.py", ROOT / "dags")
    alone = (sys.executable, "-c", "import airflow.sdk")
    samples = interleave(
        {
            "all DAGs": lambda: run_process(draw, environ=environ, log=log),
            "import airflow.sdk": lambda: run_process(
                alone, environ=environ, log=bench.log("import")
            ),
        },
        runs=runs,
    )
    dags = int(log.read_text().split()[-1])
    return [Comparison("parse: a fresh process", samples, {"dags": dags})]
