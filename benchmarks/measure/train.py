"""Train: ``laurel train`` against a bare script that learns the same model from the same files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench import Bench
from pairs import Comparison, Sample, Side, interleave
from processes import BIN, ProcessFailed, python, run_process, with_our_modules

RUNS = 3
TOLERANCE = 0.002
"""Of the area under the ROC curve. Laurel stops early by a log loss of its own in float64, the bare
script by XGBoost's, so they may stop a round apart."""


def measure(bench: Bench, runs: int) -> list[Comparison]:
    """Whole processes: the command with everything it records, and the bare script."""
    published = bench.published

    def command() -> Sample:
        environ = bench.environ(bench.fresh_copy(published))
        told = (BIN / "laurel", "train", bench.usecase, "--as-of", published.facts["as_of"])
        return run_process(told, environ=environ, log=bench.log("train"))

    sides = {"laurel train": command, "bare script": bare_script(bench)}
    samples = interleave(sides, runs=runs)
    areas = {"laurel": _bundled_area(bench), "bare": bare_area(bench)}
    return [Comparison("train: whole processes", samples, same_model(bench, areas))]


def bare_script(bench: Bench) -> Side:
    """The rival of both."""
    environ = with_our_modules(bench.environ())
    told = python("bare.train", bench.published.plain, bench.folder / "bare")
    return lambda: run_process(told, environ=environ, log=bench.log("bare-train"))


def bare_area(bench: Bench) -> float:
    """The area under the ROC curve that the rival found."""
    return float(read_json(bench.folder / "bare" / "metrics.json")["auc"])


def same_model(bench: Bench, areas: dict[str, float]) -> dict[str, Any]:
    """What was learned, as facts; raises :class:`ProcessFailed` where the sides differ."""
    if abs(areas["laurel"] - areas["bare"]) > TOLERANCE:
        raise ProcessFailed(f"the two sides did not learn the same: {areas}")
    rounded = {f"auc of {side}": round(area, 6) for side, area in areas.items()}
    return {"rows to learn from": bench.published.facts["rows"], **rounded}


def _bundled_area(bench: Bench) -> float:
    """What the bundle of the last measured run says."""
    copy = bench.copy_of(bench.published)
    (bundle,) = copy.glob(f"store/runs/{bench.usecase}/train/*/bundle.json")
    return float(read_json(bundle)["verdict"]["metrics"]["auc"])


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object."""
    document: dict[str, Any] = json.loads(file.read_text())
    return document
