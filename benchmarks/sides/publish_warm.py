"""Publish one partition into a small and into a large dataset, in turn, in one process.

Builds both datasets first. Prints the samples as JSON. The large dataset stays for
``publish_one.py``; with a third argument its files are placed in that folder too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

from pairs import Sample, interleave, write_samples

from laurel.adapters.records import Catalog
from laurel.runs.site import Site, open_site
from sides.days import USECASE, build, following, publish_days

SIZES = {"large": 3650, "small": 10}


def main(folder: Path, runs: int, plain: Path) -> None:
    """Build, measure, and place the large dataset's files."""
    site = open_site()
    for dataset, size in SIZES.items():
        build(site, dataset, size, folder=folder / dataset)
    sides = {
        f"into {size:,} partitions": _publisher(site, dataset, size, folder=folder / dataset)
        for dataset, size in SIZES.items()
    }
    samples = interleave(sides, runs=runs)
    state = Catalog(site.store, USECASE, "large").read()
    names = site.plane.names(str(state.tree))
    site.plane.place({plain / name: md5 for name, md5 in names.items()})
    print(json.dumps({"samples": write_samples(samples), "partitions": len(names)}))


def _publisher(site: Site, dataset: str, size: int, *, folder: Path) -> Callable[[], Sample]:
    days = following(size)

    def publish_next() -> Sample:
        day = next(days)
        wall, cpu = perf_counter(), process_time()
        publish_days(site, dataset, [day], folder=folder)
        return Sample(seconds=perf_counter() - wall, cpu_seconds=process_time() - cpu)

    return publish_next


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
