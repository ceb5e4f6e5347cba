"""A contract and a suite proposed from a sample, for a person to curate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pandas as pd

from laurel.domain.schema.facts import ColumnFacts, rounded_out
from laurel.domain.schema.suite import empty_suite

MOSTLY_BETWEEN = 0.95
MOSTLY_IN_SET = 0.98
PAIRED = 12
"""Columns of which pairs are tried as a key."""


@dataclass(frozen=True)
class Proposal:
    """What a sample suggests: nothing of it holds until a person has decided."""

    dataset: str
    suite: str
    columns: tuple[ColumnFacts, ...]
    time: str | None
    keys: tuple[tuple[str, ...], ...]
    """Columns, or pairs of columns, that no two rows of the sample share."""
    document: Mapping[str, Any]
    """The suite: warnings with bounds that most values keep, never the least and the largest."""
    rows: int


def propose(
    facts: Sequence[ColumnFacts],
    frame: pd.DataFrame,
    *,
    dataset: str,
    suite: str,
    partitions: Sequence[int] = (),
) -> Proposal:
    """Propose from the facts of a sample, its canonical rows, and the rows of whole partitions."""
    times = [each.name for each in facts if each.column.type == "timestamp" and not each.nulls]
    expectations = [
        {
            "id": str(uuid5(NAMESPACE_URL, f"laurel/{suite}/{kind}/{kwargs.get('column', '')}")),
            "kwargs": kwargs,
            "meta": {},
            "severity": "warning",
            "type": kind,
        }
        for kind, kwargs in _expected(facts, partitions)
    ]
    return Proposal(
        dataset=dataset,
        suite=suite,
        columns=tuple(facts),
        time=times[0] if times else None,
        keys=tuple(_keys(facts, frame)),
        document={**empty_suite(suite), "expectations": expectations},
        rows=len(frame),
    )


def _expected(
    facts: Sequence[ColumnFacts], partitions: Sequence[int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if partitions:
        low, high = min(partitions) // 2, math.ceil(max(partitions) * 2) + 1
        yield "expect_table_row_count_to_be_between", {"max_value": high, "min_value": low}
    for each in facts:
        yield from _of_column(each)


def _of_column(facts: ColumnFacts) -> Iterator[tuple[str, dict[str, Any]]]:
    column = {"column": facts.name}
    if facts.nulls:
        kept = math.floor(90 * (1 - facts.nulls / facts.rows)) / 100
        if kept > 0:
            yield "expect_column_values_to_not_be_null", {**column, "mostly": kept}
    if facts.levels:
        values = {"mostly": MOSTLY_IN_SET, "value_set": list(facts.levels)}
        yield "expect_column_values_to_be_in_set", {**column, **values}
    elif facts.bulk:
        low, high = rounded_out(*facts.bulk)
        bounds = {"max_value": high, "min_value": low, "mostly": MOSTLY_BETWEEN}
        yield "expect_column_values_to_be_between", {**column, **bounds}


def _keys(facts: Sequence[ColumnFacts], frame: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Single columns; where there is none, pairs of columns without nulls."""
    able = [each for each in facts if each.column.type != "float64" and not each.nulls]
    single = [each.name for each in able if each.is_unique]
    if single:
        yield from ((name,) for name in single)
        return
    widest = sorted(able, key=lambda each: -each.distinct)[:PAIRED]
    for one, other in combinations(widest, 2):
        enough = one.distinct * other.distinct >= len(frame) > 0
        if enough and not frame.duplicated([one.name, other.name]).any():
            yield tuple(each.name for each in facts if each in (one, other))
