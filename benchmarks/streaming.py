"""Score a large partition of flights: ``python benchmarks/streaming.py``.

Laurel's stage (features, trees, guards, counts, Parquet in canonical order) against bare loops over
the same file and model: read, features, ``DMatrix``, predict, write. The rows are real flights of
one day, repeated under other keys; the model has 300 trees of depth 6 by default. Each sample is a
process of its own; what is measured begins after its imports, when model and past are in memory.
``--sides laurel,shadow,twice`` asks what a challenger in shadow costs beside a second pass.
``--sides trees`` asks for the trees alone: compiled ones beside XGBoost's own two ways.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

HERE = Path(__file__).resolve().parent
SIDES = {
    "laurel": "stages.predictions",
    "bare": "rival: bare loop, with the same features",
    "plain": "rival: bare loop over features that are there",
    "shadow": "stages.predictions with a challenger in shadow",
    "twice": "rival: two passes of stages.predictions",
}


RIVALS = {"laurel": ("bare", "plain"), "shadow": ("twice", "laurel")}
"""What each side is compared with."""


def main(
    rows: Annotated[int, typer.Option(min=1, help="Rows of the partition.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="Trees of the model.")] = 300,
    runs: Annotated[int, typer.Option(min=1, help="Samples of each side.")] = 3,
    sides: Annotated[
        str, typer.Option(help="Which of laurel,bare,plain,shadow,twice,trees.")
    ] = "laurel,bare,plain",
) -> None:
    """Take the samples in turn and print what they say."""
    chosen = sides.split(",")
    with tempfile.TemporaryDirectory(prefix="laurel-bench-") as name:
        folder = Path(name)
        _side("prepare", folder, rows, rounds)
        if "trees" in chosen:
            chosen.remove("trees")
            _print_trees(_side("trees", folder))
        samples: dict[str, list[dict[str, float]]] = {side: [] for side in chosen}
        for _ in range(runs):
            for side in chosen:
                samples[side].append(_side(side, folder))
        if {"laurel", "bare"} <= set(chosen):
            print(f"largest difference of a score: {_side('compare', folder)['difference']}")
    print(f"{rows:,} rows, {rounds} trees, {runs} run(s)")
    for side, found in samples.items():
        seconds, cpu = (median(each[key] for each in found) for key in ("seconds", "cpu"))
        print(
            f"{SIDES[side]}: {rows / seconds:,.0f} rows/s, {1e6 * cpu / rows:.2f} CPU µs/row, "
            f"peak {max(each['peak'] for each in found):.0f} MB "
            f"({median(each['begun'] for each in found):.0f} before the first row)"
        )
        for other in RIVALS.get(side, ()):
            if other in samples:
                pairs = list(zip(found, samples[other], strict=True))
                wall = sorted(b["seconds"] / a["seconds"] for a, b in pairs)
                spent = sorted(b["cpu"] / a["cpu"] for a, b in pairs)
                print(
                    f"  throughput against {other}: {median(wall):.2f} "
                    f"({wall[0]:.2f}–{wall[-1]:.2f}), by CPU {median(spent):.2f} "
                    f"({spent[0]:.2f}–{spent[-1]:.2f})"
                )


def _print_trees(found: dict[str, Any]) -> None:
    for name, each in found.items():
        low, middle, high = min(each), median(each), max(each)
        print(f"trees alone: {name}: {middle:.2f} ({low:.2f}–{high:.2f})")
    for name in ("inplace_predict", "DMatrix and predict"):
        for kind in ("CPU", "wall"):
            pairs = zip(
                found[f"{name}, {kind} µs/row"], found[f"compiled, {kind} µs/row"], strict=True
            )
            ratios = sorted(theirs / ours for theirs, ours in pairs)
            print(
                f"  compiled against {name}, {kind}: {median(ratios):.2f} times as fast "
                f"({ratios[0]:.2f}–{ratios[-1]:.2f})"
            )


def _side(side: str, folder: Path, *words: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "sides.stream", side, str(folder), *map(str, words)],
        cwd=HERE,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    typer.run(main)
