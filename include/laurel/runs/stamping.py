"""Files of revisions as one table, each row with its partition and when it became known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from laurel.adapters.tables import equal_types, read_table
from laurel.domain.catalog import Revision
from laurel.domain.history import INSTANT, KNOWN_AT, PARTITION


def stamped(
    folder: Path,
    lines: tuple[Revision, ...],
    *,
    columns: Sequence[str] | None = None,
    frame: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The rows of revisions, one below the other, with ``partition`` and ``known_at``.

    lines: at least one, whose files are named by their partitions. frame: what was read of a
    single one already.
    """
    if frame is not None:
        (line,) = lines
        return _stamp(frame, [(line, len(frame))])
    files = [folder / f"{revision.partition}.parquet" for revision in lines]
    if not equal_types(files):
        # the contract has changed in between
        parts = zip(files, lines, strict=True)
        frames = [_stamp(read_table(file, columns), [(line, line.rows)]) for file, line in parts]
        return pd.concat(frames, ignore_index=True)
    return _stamp(read_table(files, columns), [(line, line.rows) for line in lines])


def _stamp(frame: pd.DataFrame, lines: Sequence[tuple[Revision, int]]) -> pd.DataFrame:
    days = pd.array([line.partition for line, _ in lines], dtype="str")
    moments = pd.array([pd.Timestamp(line.known_at) for line, _ in lines], dtype=INSTANT)
    places = np.repeat(np.arange(len(lines)), [rows for _, rows in lines])
    return frame.assign(**{PARTITION: days.take(places), KNOWN_AT: moments.take(places)})
