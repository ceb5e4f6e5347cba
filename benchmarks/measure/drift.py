"""Drift: every column of 336,776 flights against Evidently's ``DataDriftPreset``, imports included.

Whole processes. Not measured unless it is named: the rival's environment is installed first. Both
sides and NannyML are asked for the same statistics besides, and have to agree.
"""

from __future__ import annotations

import json

from bench import Bench
from pairs import Comparison, Sample, interleave
from peers import peers_python
from processes import environment, python, run_process, with_our_modules

RUNS = 3
QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1", "PYTHONWARNINGS": "ignore"}
"""Nobody is told that a benchmark was run."""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Both sides in turn over the first half of 2013 and the second."""
    data, environ = bench.folder / "drift", with_our_modules(environment(**QUIET))
    theirs = peers_python()
    ours_said, theirs_said = data / "ours.json", data / "theirs.json"
    run_process(python("sides.drift_data", data), environ=environ, log=bench.log("drift"))

    def ours() -> Sample:
        command = python("sides.drift_ours", data, ours_said)
        return run_process(command, environ=environ, log=bench.log("drift"))

    def evidently() -> Sample:
        command = [theirs, "-m", "sides.drift_evidently", data, theirs_said]
        return run_process(command, environ=environ, log=bench.log("drift"))

    samples = interleave({"laurel": ours, "Evidently's DataDriftPreset": evidently}, runs=runs)
    more, log = data / "said.json", bench.log("drift")
    run_process(python("sides.agree_ours", data, more), environ=environ, log=log)
    agreed = [theirs, "-m", "sides.agree", data, ours_said, more]
    run_process(agreed, environ=environ, log=log)
    found = json.loads(log.read_text().splitlines()[-1])
    facts = {
        "rows": json.loads(ours_said.read_text())["rows"],
        "columns": len(json.loads(ours_said.read_text())["features"]),
        "statistics that agree": found["compared"] - len(found["beyond"]),
    }
    return [Comparison("drift: two halves of a year, whole processes", samples, facts)]
