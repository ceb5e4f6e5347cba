"""What a sample shows of a column, counted; nothing is judged here."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
import pandas as pd

from laurel.domain.config import Column
from laurel.domain.schema.personal import LOOKED_AT, Suspicion, suspect

LEVELS = 24
"""A column with more distinct values than this is no set."""
REPEATS = 5
"""How often each value of a set occurs on average, at least."""


@dataclass(frozen=True)
class ColumnFacts:
    """A column of a sample."""

    name: str
    column: Column
    """Its type, whether nulls were seen, and how it is read from text."""
    questions: tuple[str, ...]
    """What reading it left open."""
    rows: int
    nulls: int
    distinct: int
    levels: tuple[Any, ...]
    """All values, sorted, where they are few and repeat; empty where personal data is suspected."""
    seen: frozenset[Any]
    """All values of a column whose allowed ones are declared."""
    bulk: tuple[float, float] | None
    """Quantiles 0.01 and 0.99 of finite numbers."""
    least: float | None
    suspicion: Suspicion | None

    @property
    def is_unique(self) -> bool:
        """Whether each row has a value of its own."""
        return 0 < self.rows == self.distinct and not self.nulls


def describe(
    name: str, values: pd.Series[Any], column: Column, questions: Sequence[str] = ()
) -> ColumnFacts:
    """Count a column of canonical values.

    >>> facts = describe("n", pd.Series([1, 2, 2, None], dtype="Int64"), Column(type="int64"))
    >>> facts.nulls, facts.distinct, facts.bulk, facts.is_unique
    (1, 2, (1.0, 2.0), False)
    """
    present = values.dropna()
    distinct = int(present.nunique())
    texts = sorted(map(str, present.unique())) if column.type == "string" else []
    step = max(1, len(texts) // LOOKED_AT)
    suspicion = suspect(name, texts[::step])
    numbers = _numbers(present) if column.type in ("int64", "float64") else np.array([])
    return ColumnFacts(
        name=name,
        column=column,
        questions=tuple(questions),
        rows=len(values),
        nulls=len(values) - len(present),
        distinct=distinct,
        levels=() if suspicion else _levels(present, distinct, column),
        seen=frozenset(present.unique().tolist() if column.allowed else ()),
        bulk=_bulk(numbers),
        least=float(numbers.min()) if len(numbers) else None,
        suspicion=suspicion,
    )


def _numbers(present: pd.Series[Any]) -> np.ndarray[Any, Any]:
    numbers = present.to_numpy(dtype="float64")
    return np.asarray(numbers[np.isfinite(numbers)])


def _bulk(numbers: np.ndarray[Any, Any]) -> tuple[float, float] | None:
    if not len(numbers):
        return None
    low, high = np.quantile(numbers, [0.01, 0.99], method="inverted_cdf")
    return float(low), float(high)


def _levels(present: pd.Series[Any], distinct: int, column: Column) -> tuple[Any, ...]:
    few = 0 < distinct <= LEVELS and len(present) >= REPEATS * distinct
    if not few or column.type not in ("string", "int64", "float64"):
        return ()
    if column.type == "float64" and not (present % 1 == 0).all():
        return ()
    return tuple(sorted(present.unique().tolist()))


def rounded_out(low: float, high: float) -> tuple[float, float]:
    """Bounds widened by half their distance, then outward to two digits.

    >>> rounded_out(17, 2586)
    (-1300.0, 3900.0)
    >>> rounded_out(5, 5)
    (2.5, 7.5)
    """
    size = max(abs(low), abs(high))
    least = size / 2 if low == high else size / 100
    half = max(high / 2 - low / 2, least) or 1.0
    return _two_digits(low - half, ROUND_FLOOR), _two_digits(high + half, ROUND_CEILING)


def _two_digits(value: float, outward: str) -> float:
    if value == 0 or not math.isfinite(value):
        return 0.0 if value == 0 else math.copysign(sys.float_info.max, value)
    exact = Decimal(value)
    place = exact.adjusted() - 1
    return float(exact.scaleb(-place).to_integral_value(outward).scaleb(place))
