"""Score: a day by Laurel against a bare loop, as whole processes and with everything imported."""

from __future__ import annotations

import json

from bench import Bench
from pairs import Comparison, Sample, interleave, read_samples
from processes import BIN, ProcessFailed, python, run_process, with_our_modules

RUNS = 5
TOLERANCE = 1e-6
"""Of a score: both use the same trees on the same features in float32."""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """The command against the script, then both without the time it takes to start."""
    return [_processes(bench, runs), _warm(bench, runs)]


def _processes(bench: Bench, runs: int) -> Comparison:
    ground, day = bench.crowned, bench.published.facts["day"]

    def command() -> Sample:
        environ = bench.environ(bench.fresh_copy(ground))
        told = (BIN / "laurel", "score", bench.usecase, day)
        return run_process(told, environ=environ, log=bench.log("score"))

    def script() -> Sample:
        environ = with_our_modules(bench.environ())
        out = bench.folder / "scores.parquet"
        told = python("bare.score", ground.plain, out)
        return run_process(told, environ=environ, log=bench.log("bare-score"))

    samples = interleave({"laurel score": command, "bare script": script}, runs=runs)
    return Comparison("score: whole processes", samples, ground.facts)


def _warm(bench: Bench, runs: int) -> Comparison:
    ground, day = bench.crowned, bench.published.facts["day"]
    folder, log = bench.folder / "warm", bench.log("score-warm")
    folder.mkdir(exist_ok=True)
    told = python(
        "sides.score_warm",
        ground.home,
        ground.plain,
        bench.usecase,
        day,
        folder,
        str(runs),
    )
    environ = with_our_modules(bench.environ())
    run_process(told, environ=environ, log=log)
    found = json.loads(log.read_text().splitlines()[-1])
    if found["largest_difference"] > TOLERANCE:
        raise ProcessFailed(f"the two sides gave other scores: {found['largest_difference']}")
    facts = {name: found[name] for name in ("rows", "largest_difference")}
    return Comparison("score: in one warm process", read_samples(found["samples"]), facts)
