"""A source written in Python, in the use case's folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType
from typing import Any

import pandas as pd
import pyarrow as pa

from laurel.adapters.sources.contract import BATCH_ROWS, Batch, SourceState
from laurel.adapters.tables.arrow import to_pandas
from laurel.domain.config import PythonSource
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, DataError, LaurelError, StoreFault
from laurel.usecase import UseCase, load_module

_END = object()
"""Behind the last part; None would be one that somebody forgot to return."""


class PythonReader:
    """Asks the functions ``read``, ``fingerprint`` and ``state`` of a module.

    ``read(dataset, start, end, options)`` gives a frame, or yields frames or Arrow tables one by
    one. ``state(dataset, day, options)`` gives the fingerprint of a day, or a pair of it and the
    moment of correction; without it ``fingerprint(dataset, options)`` is that of all days.
    """

    def __init__(self, usecase: UseCase, dataset: str, source: PythonSource) -> None:
        self._usecase, self._dataset, self._source = usecase, dataset, source
        self._module = load_module(usecase.folder / source.file, usecase=usecase.name)
        for needed in ("read", "state" if hasattr(self._module, "state") else "fingerprint"):
            if not hasattr(self._module, needed):
                raise ConfigError(
                    "the source lacks a function",
                    usecase=usecase.name,
                    dataset=dataset,
                    expected=needed,
                    detail=self.place,
                )

    @property
    def place(self) -> str:
        return str(self._usecase.folder / self._source.file)

    @property
    def module(self) -> ModuleType:
        """The module itself."""
        return self._module

    def states(self, days: Sequence[Partition]) -> dict[Partition, SourceState]:
        with self._worded():
            if hasattr(self._module, "state"):
                return {day: self._state(day) for day in days}
            said = str(self._module.fingerprint(self._dataset, self._source.options))
            return dict.fromkeys(days, SourceState(said))

    def _state(self, day: Partition) -> SourceState:
        said = self._module.state(self._dataset, day.day, self._source.options)
        fingerprint, corrected_at = said if isinstance(said, tuple) else (said, None)
        told = isinstance(corrected_at, datetime) and corrected_at.tzinfo is not None
        if not isinstance(fingerprint, str) or not (corrected_at is None or told):
            raise DataError(
                "the source gave no state",
                partition=day.key,
                found=repr(said)[:100],
                expected="a fingerprint, or a pair of it and a moment with its time zone",
            )
        return SourceState(fingerprint, corrected_at=corrected_at)

    def read(self, days: Sequence[Partition]) -> Iterator[Batch]:
        with self._worded():
            given = self._module.read(
                self._dataset, days[0].start, days[-1].end, self._source.options
            )
            parts = iter([given] if _is_table(given) or not _iterates(given) else given)
        while True:
            with self._worded():
                part = next(parts, _END)
                if part is _END:
                    return
                frame = _frame(part)
            for first in range(0, max(len(frame), 1), BATCH_ROWS):
                rows = frame.iloc[first : first + BATCH_ROWS]
                yield Batch(rows, day=days[0] if len(days) == 1 else None)

    @contextmanager
    def _worded(self) -> Iterator[None]:
        """Whatever the code of a use case may raise, as an error of ours with its place; a lost
        connection may be tried again."""
        try:
            yield
        except LaurelError as error:
            raise error.placed(usecase=self._usecase.name, dataset=self._dataset) from error
        except Exception as error:
            passing = isinstance(error, ConnectionError | TimeoutError)
            raise (StoreFault if passing else DataError)(
                "the source could not be read",
                usecase=self._usecase.name,
                dataset=self._dataset,
                found=f"{type(error).__name__}: {' '.join(str(error).splitlines()[:2])}",
                hint="is its file whole? mend the source, then ingest again",
                detail=self.place,
            ) from error


def _is_table(given: Any) -> bool:
    return isinstance(given, pd.DataFrame | pa.Table | pa.RecordBatch)


def _iterates(given: Any) -> bool:
    return hasattr(given, "__iter__") and not isinstance(given, str | bytes | dict)


def _frame(part: Any) -> pd.DataFrame:
    if isinstance(part, pd.DataFrame):
        return part
    if isinstance(part, pa.RecordBatch):
        part = pa.Table.from_batches([part])
    if isinstance(part, pa.Table):
        return to_pandas(part)
    raise DataError(
        "the source gave no table",
        found=type(part).__name__,
        expected="a pandas frame, or frames or Arrow tables one by one",
    )
