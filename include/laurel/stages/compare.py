"""Compare: what a new sample would change of a contract and its suite."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from laurel.adapters.columns import MismatchError, Rows, read_typed, told
from laurel.adapters.gx import Suite
from laurel.adapters.gx_suite import read_suite
from laurel.adapters.textual import read_text
from laurel.domain.config import Dataset
from laurel.domain.schema.difference import (
    ROWS,
    Difference,
    column_differences,
    row_differences,
    sorted_out,
    unseen,
    verdict_of,
)
from laurel.domain.schema.facts import describe
from laurel.stages.infer import infer
from laurel.stages.sample import Sample


def compare(sample: Sample, dataset: Dataset, suite: Path) -> tuple[Difference, ...]:
    """Columns, types, nulls, values, ranges and keys of a sample that are otherwise than said.

    Rows that the contract cannot read are left out of what the suite judges. Numbers of rows are
    judged for whole partitions. Raises :class:`ConfigError` for a suite that cannot be read.
    """
    document = read_suite(suite)
    given = [str(name) for name in sample.frame.columns]
    found = list(column_differences(given, dataset, _kinds(sample, given, dataset)))
    table, bad, faults = _read(sample, dataset)
    found += faults
    if list(table.columns) == list(dataset.columns):
        found += _judged(table[~bad].reset_index(drop=True), document, suite)
    found += row_differences(document["expectations"], sample.partitions)
    facts = [describe(name, table[name], dataset.columns[name]) for name in table.columns]
    return sorted_out([*found, *unseen(facts, dataset)])


def _kinds(sample: Sample, given: list[str], dataset: Dataset) -> dict[str, str]:
    """The types of the columns that are not declared."""
    fresh = [name for name in dict.fromkeys(given) if name not in dataset.columns]
    if not fresh:
        return {}
    frame = sample.frame[fresh].loc[:, lambda frame: ~frame.columns.duplicated()]
    proposal = infer(Sample(frame, sample.textual, cut=True), dataset="new", suite="new.new")
    return {facts.name: facts.column.type for facts in proposal.columns}


def _read(sample: Sample, dataset: Dataset) -> tuple[pd.DataFrame, Rows, list[Difference]]:
    """The declared columns that can be read, the rows with a flaw, and what the flaws are."""
    read = read_text if sample.textual else read_typed
    rows = len(sample.frame)
    bad = np.zeros(rows, dtype=bool)
    values: dict[str, pd.Series[Any]] = {}
    found: list[Difference] = []
    once = sample.frame.loc[:, ~sample.frame.columns.duplicated()]
    for name, column in dataset.columns.items():
        if name not in once:
            continue
        given = once[name].reset_index(drop=True)
        try:
            reading = read(given, column)
        except MismatchError as error:
            found.append(Difference("refused", name, f"values are {error}", column.type))
            continue
        values[name] = reading.values
        flawed = np.zeros(rows, dtype=bool)
        for flaw in reading.flaws:
            flawed |= flaw.rows
            example = told(given.iloc[int(np.argmax(flaw.rows))], column)
            found += _counted(name, flaw.rows, f"e.g. {example} {flaw.why}", column.type)
        nulls = reading.values.isna().to_numpy(dtype=bool) & ~flawed & (not column.nullable)
        found += _counted(name, nulls, "null", "no nulls")
        bad |= flawed | nulls
    return pd.DataFrame(values, index=pd.RangeIndex(rows)), bad, found


def _counted(name: str, rows: Rows, said: str, expected: str) -> Iterator[Difference]:
    if rows.any():
        share = f"{int(rows.sum())} of {len(rows)} rows ({rows.mean():.2%})"
        yield Difference("refused", name, f"{said}: {share}", expected)


def _judged(table: pd.DataFrame, document: dict[str, Any], suite: Path) -> Iterator[Difference]:
    """What the suite says of the rows, but for their number."""
    kept = [said for said in document["expectations"] if said["type"] != ROWS]
    if not kept or not len(table):
        return
    with TemporaryDirectory() as folder:
        file = Path(folder) / suite.parent.name / suite.name
        file.parent.mkdir()
        file.write_text(json.dumps({**document, "expectations": kept}), encoding="utf-8")
        validation = Suite(file).judge([table])
    for failure in validation.failures:
        yield Difference(
            verdict_of(failure.severity),
            failure.column or "rows",
            failure.observed,
            f"{failure.expected} ({failure.expectation.removeprefix('expect_')})",
        )
