"""The frame: features and labels of the labelled rows, by part (train, validation, hold-out)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from laurel.adapters.tables import read_table, write_table
from laurel.domain.featureset import SPLIT
from laurel.domain.window import SPLITS, Split

FRAME = "frame.parquet"


def write_frame(frame: pd.DataFrame, data: Path) -> None:
    """Write the frame of a run: key, partition, split, label and features, in canonical order."""
    write_table(frame, data / FRAME)


def read_frame(data: Path, splits: Sequence[Split] = SPLITS) -> pd.DataFrame:
    """Read these parts of the frame of a run, in canonical order, with a new index."""
    frame = read_table(data / FRAME)
    return frame[frame[SPLIT].isin(list(splits))].reset_index(drop=True)
