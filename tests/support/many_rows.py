"""Run by itself: report on a night of many rows, and say how much memory that took.

``python -m support.many_rows HOME ROWS``: HOME is a prepared home of ``toy``. The rows, predictions
and labels of its last night are repeated under keys of their own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from laurel.domain.catalog import Revision
from laurel.domain.partition import Partition
from laurel.runs.monitor import choose_night
from laurel.runs.night import Night, gather
from laurel.runs.settling import measure_night
from laurel.runs.site import Site
from support.peak import peak
from support.runs import SCORED, kept_home

CHUNK = 65_536
NIGHT = Partition.of(SCORED[-1])


def main(folder: Path, rows: int) -> None:
    """Print what the report says of its rows, and the peak of memory, in MB."""
    home = kept_home(folder)
    site, usecase = home.site, home.usecase
    night = choose_night(site, usecase, partition=NIGHT)
    labels = site.catalog(usecase, "returns").read().revisions[NIGHT.shifted(1).key][0]
    real = {"visits": night.again.rows, "predictions": night.predictions, "returns": labels}
    made = _many(site, real, rows, folder / str(rows))
    with site.workspace() as place:
        given = gather(site, usecase, night=_with(night, made), folder=place)
    report = measure_night(site, usecase, given=given, said=night.alarms)
    said = report.document()
    print(  # noqa: T201
        json.dumps(
            {
                "rows": said["rows"],
                "sampled": said["sampled"],
                "counted": report.counts["rows"],
                "differing": said["skew"]["differing"],
                "days": {d["partition"]: d["performance"] for d in said["realised"]["days"]},
                "notes": said["notes"],
                "peak": peak(),
            }
        )
    )


def _with(night: Night, made: Mapping[str, Revision]) -> Night:
    """The night with other bytes; its labels are there at once, to be joined too."""
    own = made["visits"]
    return replace(
        night,
        predictions=made["predictions"],
        labels=(*night.labels, made["returns"]),
        rows=tuple(own if each.partition == own.partition else each for each in night.rows),
        again=replace(night.again, rows=own),
    )


def _many(site: Site, real: Mapping[str, Revision], rows: int, folder: Path) -> dict[str, Revision]:
    folder.mkdir()
    found = {}
    for name, revision in real.items():
        day, file = folder / f"{name}-day.parquet", folder / f"{name}.parquet"
        site.plane.place({day: revision.md5})
        _repeat(pq.read_table(day), rows, file)
        ref = site.plane.put({file.name: file})[file.name]
        file.unlink()
        found[name] = replace(revision, md5=ref.md5, size=ref.size, rows=rows)
    return found


def _repeat(day: pa.Table, rows: int, file: Path) -> None:
    """The rows of a day over and over, each time under keys of their own."""
    day = day.sort_by("visit_id")
    with pq.ParquetWriter(file, day.schema, use_dictionary=["shop", "model_version"]) as writer:
        for first in range(0, rows, CHUNK):
            numbers = np.arange(first, min(rows, first + CHUNK))
            part: pa.Table = day.take(pa.array(numbers % len(day)))
            keys = pa.array(np.char.zfill(numbers.astype("U"), 10))
            place = part.schema.get_field_index("visit_id")
            field = part.schema.field(place)
            writer.write_table(part.set_column(place, field, keys.cast(field.type)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
