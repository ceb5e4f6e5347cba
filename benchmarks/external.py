"""Train on more data than the memory allowed: ``python benchmarks/external.py``.

The stages assemble, featurize, train and evaluate run in a process that may take ``--megabytes``
more than its imports took, by a cgroup where one can be made. The rows' features take three times
that in memory.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.bulk import bulk_usecase, lay_bulk, run_limited

ROWS = 33_000


def main(
    megabytes: Annotated[int, typer.Option(min=1, help="Memory that is allowed.")] = 500,
    features: Annotated[int, typer.Option(min=1, help="Features of a row.")] = 100,
    times: Annotated[float, typer.Option(help="Train features, in allowed memory.")] = 3.0,
    engine: Annotated[str, typer.Option(help="external or memory.")] = "external",
) -> None:
    """Lay the data, train, and say how it ended."""
    days = max(2, round(times * megabytes * 2**20 / (ROWS * features * 4)))
    with tempfile.TemporaryDirectory(prefix="laurel-bench-") as folder:
        usecase = bulk_usecase(Path(folder) / "usecase", days=days, features=features)
        lay_bulk(usecase, Path(folder) / "run", rows=ROWS)
        ran = run_limited(
            usecase, Path(folder) / "run", engine={"kind": engine}, megabytes=megabytes
        )
    print(f"{days * ROWS:,} train rows of {features} features, {engine}, {megabytes} MB allowed")
    print(f"exit code {ran.code}; at most, in MB, by stage: {ran.said}")
    raise typer.Exit(0 if ran.code == 0 else 1)


if __name__ == "__main__":
    typer.run(main)
