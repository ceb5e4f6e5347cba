"""The frame: features and labels of the labelled rows, by part (train, validation, hold-out).

A folder for each part, in it a table as a folder of files of whole partitions.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from laurel.adapters.tables import (
    PartsWriter,
    iter_parts,
    iter_table,
    part_files,
    read_table,
    table_columns,
    table_rows,
)
from laurel.domain.config import UseCaseConfig
from laurel.domain.featureset import EXPOSURE, LABEL, SPLIT, WEIGHT, Part
from laurel.domain.history import PARTITION
from laurel.domain.part import check_labels, to_part
from laurel.domain.window import SPLITS, Split

FRAME = "frame"
BATCH_VALUES = 500_000
"""Values that are read at a time of a part that is read in batches."""
SAMPLE_VALUES = 8_000_000
"""Values by which a part is described where it has more: what a model saw, and a simple model."""


class FrameWriter:
    """Writes the frame of a run as it comes, in canonical order; a context.

    The frame is replaced as a whole by :meth:`finish`, or left as it was.
    """

    def __init__(self, data: Path) -> None:
        self._folder = data / FRAME
        self._aside = data / f".{FRAME}.writing"
        self._parts: dict[str, PartsWriter] = {}
        self._head: pd.DataFrame | None = None

    def __enter__(self) -> FrameWriter:
        shutil.rmtree(self._aside, ignore_errors=True)
        self._parts = {split: PartsWriter(self._aside / split).__enter__() for split in SPLITS}
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._parts.values():
            writer.__exit__(None, None, None)
        shutil.rmtree(self._aside, ignore_errors=True)

    def write(self, rows: pd.DataFrame) -> None:
        """Take the next rows: key, partition, split, label and features of whole partitions."""
        self._head = rows.iloc[:0] if self._head is None else self._head
        for split, part in rows.groupby(SPLIT, sort=False):
            first = str(part[PARTITION].iloc[0])
            self._parts[str(split)].write(first, part.reset_index(drop=True))

    def finish(self) -> None:
        """Make the frame visible."""
        for writer in self._parts.values():
            if not writer.rows and self._head is not None:
                # an empty folder would be lost on its way through DVC
                writer.write("none", self._head)
            writer.finish()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._aside.replace(self._folder)


def write_frame(frame: pd.DataFrame, data: Path) -> None:
    """Write a whole frame: key, partition, split, label and features, in canonical order."""
    with FrameWriter(data) as writer:
        writer.write(frame)
        writer.finish()


def read_frame(data: Path, splits: Sequence[Split] = SPLITS) -> pd.DataFrame:
    """Read these parts of the frame of a run, in canonical order, with a new index."""
    return read_table(frame_files(data, splits))


def frame_batches(data: Path, split: Split) -> Iterator[pd.DataFrame]:
    """One part of the frame in batches of whole partitions, in canonical order."""
    yield from iter_parts(data / FRAME / split)


def frame_files(data: Path, splits: Sequence[Split] = SPLITS) -> list[Path]:
    """The files of these parts of the frame, in canonical order."""
    wanted = [split for split in SPLITS if split in splits]
    return [file for split in wanted for file in part_files(data / FRAME / split)]


class FramePart:
    """One part of the frame of a run, read as it is needed: in batches, whole, or a sample."""

    def __init__(self, data: Path, split: Split, config: UseCaseConfig) -> None:
        self._files = frame_files(data, (split,))
        self._split, self._config = split, config

    def batches(self) -> Iterator[Part]:
        """The rows in canonical order, at most :data:`BATCH_VALUES` values at a time."""
        for rows in self._tables():
            yield to_part(rows, self._config)

    def _tables(self) -> Iterator[pd.DataFrame]:
        rows = max(1, BATCH_VALUES // len(table_columns(self._files[0])))
        for file in self._files:
            yield from iter_table(file, rows=rows)

    def whole(self) -> Part:
        """All rows; raises :class:`DataError` where they lack what the objective needs."""
        part = to_part(read_table(self._files), self._config)
        check_labels(part, self._split, self._config)
        return part

    def outline(self) -> Part:
        """Labels, weights and exposures of all rows, without their features.

        Raises :class:`DataError` where they lack what the objective needs.
        """
        names = [LABEL]
        names += [WEIGHT] if self._config.training.weights.wanted else []
        names += [EXPOSURE] if self._config.label.exposure else []
        # file by file: as tables, the labels of many rows would take several times their bytes
        parts = [to_part(read_table(file, names), self._config) for file in self._files]
        part = Part(
            features=pd.concat([each.features for each in parts], ignore_index=True),
            labels=np.concatenate([each.labels for each in parts]),
            weights=None
            if parts[0].weights is None
            else np.concatenate([each.weights for each in parts if each.weights is not None]),
        )
        check_labels(part, self._split, self._config)
        return part

    def sample(self, values: int = SAMPLE_VALUES) -> tuple[Part, pd.Series[Any]]:
        """Every row, or every so manieth where they hold more than ``values``, with its partition.

        What a model is described by: a function of the rows alone, whatever the engine.
        """
        rows, columns = sum(map(table_rows, self._files)), len(table_columns(self._files[0]))
        step = max(1, math.ceil(rows * columns / values))
        kept, before = [], 0
        for batch in self._tables():
            kept.append(batch.iloc[-before % step :: step].copy())
            before += len(batch)
        chosen = pd.concat(kept, ignore_index=True)
        return to_part(chosen, self._config), chosen[PARTITION]
