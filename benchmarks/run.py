"""Measure Laurel side by side with what one would write by hand: ``python benchmarks/run.py``.

Every figure is a ratio against a named rival in the same run: pairs are taken in turn, after one
warm-up of each side. README.md says what the sides do and what the figures mean.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Annotated, Any

import typer
from bench import TOY, Bench
from measure import (
    backfill,
    beside,
    bootstrap,
    drift,
    fit,
    ingest,
    large,
    nights,
    parse,
    publish,
    score,
    stages,
    train,
    tune,
)
from pairs import Comparison, Spread
from processes import ProcessFailed
from rich.console import Console
from rich.table import Table

MEASUREMENTS: dict[str, ModuleType] = {
    "parse": parse,
    "ingest": ingest,
    "large": large,
    "train": train,
    "fit": fit,
    "beside": beside,
    "score": score,
    "publish": publish,
    "stages": stages,
    "tune": tune,
    "backfill": backfill,
    "bootstrap": bootstrap,
    "drift": drift,
    "nights": nights,
}
USUAL = ("parse", "ingest", "train", "score", "publish")
COLUMNS = (
    ("seconds", "seconds"),
    ("CPU seconds", "cpu_seconds"),
    ("peak MB", "peak_bytes"),
    ("ratio", "ratio of seconds"),
    ("CPU ratio", "ratio of cpu_seconds"),
)
UNITS = {"peak_bytes": 1e6}
WIDTH = 130
"""Of what is printed where there is no terminal."""
PACKAGES = ("laurel", "apache-airflow", "dvc", "great-expectations", "pandas", "xgboost-cpu")


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Which of {', '.join(MEASUREMENTS)}.")
    ] = None,
    runs: Annotated[
        int | None, typer.Option(min=1, help="Pairs to take; each measurement has its own default.")
    ] = None,
    usecase: Annotated[
        str, typer.Option(help=f"What to train and score; {TOY} is small and synthetic.")
    ] = "flights",
    write: Annotated[Path | None, typer.Option(help="A file for all samples, as JSON.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="A folder to work in, and to keep; else a temporary one.")
    ] = None,
) -> None:
    """Take the measurements and print a table of each."""
    chosen = {name: _named(name) for name in names or USUAL}
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    began, load = perf_counter(), os.getloadavg()
    found: dict[str, list[Comparison]] = {}
    with _working_in(folder) as place:
        bench = Bench(place, usecase)
        for name, measurement in chosen.items():
            with console.status(f"measuring {name}"):
                found[name] = measurement.measure(bench, runs or measurement.RUNS)
            for comparison in found[name]:
                console.print(_table(comparison))
    machine = _machine(load)
    console.print(_sentence(machine, perf_counter() - began), highlight=False)
    if write:
        results = {name: [c.document() for c in made] for name, made in found.items()}
        document = {"machine": machine, "usecase": usecase, "measurements": results}
        write.write_text(json.dumps(document, indent=2))


def _named(name: str) -> ModuleType:
    if name not in MEASUREMENTS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(MEASUREMENTS)}")
    return MEASUREMENTS[name]


@contextmanager
def _working_in(folder: Path | None) -> Iterator[Path]:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="laurel-bench-") as made:
        yield Path(made)


def _table(comparison: Comparison) -> Table:
    facts = ", ".join(f"{name} {value}" for name, value in comparison.facts.items())
    title = f"{comparison.title}, against {comparison.rival}"
    table = Table(title=title, caption=facts or None, title_justify="left", caption_justify="left")
    table.add_column("side")
    for heading, _ in COLUMNS:
        table.add_column(heading, justify="right")
    for side in comparison.samples:
        table.add_row(side, *(_cell(comparison, side, name) for _, name in COLUMNS))
    return table


def _cell(comparison: Comparison, side: str, name: str) -> str:
    if not name.startswith("ratio of "):
        return _text(comparison.spread(side, name), unit=UNITS.get(name, 1.0))
    if side == comparison.rival:
        return "1"
    return _text(comparison.ratio(side, name.removeprefix("ratio of ")))


def _text(spread: Spread | None, *, unit: float = 1.0) -> str:
    """Median (lowest–highest), to three digits."""
    if spread is None:
        return ""
    median, low, high = (_digits(f / unit) for f in (spread.median, spread.low, spread.high))
    return f"{median} ({low}–{high})"


def _digits(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.3g}"


def _machine(load: tuple[float, float, float]) -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "load_before": round(load[0], 1),
        "load_after": round(os.getloadavg()[0], 1),
    }


def _sentence(machine: dict[str, Any], seconds: float) -> str:
    return (
        f"{machine['cores']} cores, {machine['architecture']}, Python {machine['python']}; "
        f"load average {machine['load_before']} before, {machine['load_after']} after; "
        f"{seconds:.0f} s in all"
    )


if __name__ == "__main__":
    try:
        typer.run(main)
    except ProcessFailed as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False)
        raise SystemExit(1) from None
