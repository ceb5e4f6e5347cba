"""Fit: Laurel's fitting against ``xgboost.train`` by itself, on the same rows in one process.

Twice: trees alone, on matrices of the same values that are made outside the time, and from a frame,
matrices included.
Not measured unless it is named.
"""

from __future__ import annotations

import json
import shutil
from typing import Any

from bench import Bench
from pairs import Comparison, read_samples
from processes import ProcessFailed, python, run_process, with_our_modules

RUNS = 5
APART = 1
"""Rounds by which the two may stop apart: Laurel's log loss is of float64, XGBoost's of float32."""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Both sides in turn, in one warm process."""
    folder, log = bench.folder / "fit", bench.log("fit")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bench.published.made / "workspace", folder)
    environ = with_our_modules(bench.environ())
    run_process(python("sides.fit", folder, bench.usecase, str(runs)), environ=environ, log=log)
    found = json.loads(log.read_text().splitlines()[-1])
    return [_comparison(bench, name, made) for name, made in found.items()]


def _comparison(bench: Bench, name: str, made: dict[str, Any]) -> Comparison:
    rounds = made["rounds"]
    if max(rounds.values()) - min(rounds.values()) > APART:
        raise ProcessFailed(f"the two sides did not learn the same: {rounds} rounds")
    facts = {"rows to learn from": bench.published.facts["rows"], "rounds": rounds}
    return Comparison(f"fit, {name}: in one warm process", read_samples(made["samples"]), facts)
