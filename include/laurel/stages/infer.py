"""Infer: propose a contract and a suite from a sample of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pandas.api import types

from laurel.adapters.columns import MismatchError, Reading, read_typed
from laurel.adapters.textual import read_text
from laurel.domain.config import Column
from laurel.domain.config.column import ColumnType
from laurel.domain.schema.facts import ColumnFacts, describe
from laurel.domain.schema.proposal import Proposal, propose
from laurel.stages.sample import Sample

NULLS = frozenset({"NA", "N/A", "n/a", "NULL", "null", "None", "none", "NaN", "nan", r"\N", "-"})
"""Texts that may stand for null where all others are of a type."""
WORDS = (("true", "false"), ("True", "False"), ("TRUE", "FALSE"), ("t", "f"), ("T", "F"))
ANSWERS = (("Y", "N"), ("y", "n"), ("yes", "no"), ("Yes", "No"), ("YES", "NO"))
DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d")
TIMES = ("", " %H:%M:%S", " %H:%M")
_CLOCK = "whose clock wrote this? UTC is a guess"


def infer(sample: Sample, *, dataset: str, suite: str) -> Proposal:
    """Propose columns, keys and a suite; equal samples give equal proposals.

    Types are those that every value of the sample has; what was left open is a question.
    """
    values: dict[str, pd.Series[Any]] = {}
    facts: list[ColumnFacts] = []
    for place, name in enumerate(sample.frame.columns):
        given = sample.frame.iloc[:, place].reset_index(drop=True)
        column, read, questions = _text(given) if sample.textual else _typed(given)
        column = column.model_copy(update={"nullable": bool(read.isna().any())})
        values[str(name)] = read
        facts.append(describe(str(name), read, column, questions))
    frame = pd.DataFrame(values, index=pd.RangeIndex(len(sample.frame)))
    partitions = tuple(sample.partitions.values())
    return propose(facts, frame, dataset=dataset, suite=suite, partitions=partitions)


Inferred = tuple[Column, "pd.Series[Any]", list[str]]


def _typed(given: pd.Series[Any]) -> Inferred:
    """The declared type nearest to the one that the values have."""
    if given.isna().all():
        column = Column(type="string", nullable=True)
        return column, read_typed(given, column).values, ["no value in the sample"]
    if types.is_float_dtype(given.dtype):
        read = read_typed(given, Column(type="float64", infinite=True)).values
        present = read.dropna()
        whole = bool(len(present)) and bool((present % 1 == 0).all())
        infinite = bool(present.abs().eq(float("inf")).any())
        asked = ["whole numbers alone: int64?"] if whole else []
        return Column(type="float64", infinite=infinite), read, asked
    if types.is_datetime64_dtype(given.dtype):
        column = Column(type="timestamp", timezone="UTC")
        return column, read_typed(given, column).values, [_CLOCK]
    for kind in _KINDS:
        try:
            read_back = read_typed(given, Column(type=kind))
        except MismatchError:
            continue
        if not _flawed(read_back).any():
            return Column(type=kind), read_back.values, []
    said = pd.Series([None if pd.isna(v) else str(v) for v in given], dtype="str")
    kinds = sorted({type(value).__name__ for value in given.dropna()})
    return Column(type="string"), said, [f"values are {' and '.join(kinds)}, not one type"]


_KINDS: tuple[ColumnType, ...] = ("bool", "int64", "float64", "timestamp", "string")


def _text(given: pd.Series[Any]) -> Inferred:
    """The first type as which every text is read."""
    texts = given.dropna()
    distinct = sorted(texts.unique().tolist())
    if not distinct:
        column = Column(type="string", nullable=True)
        return column, read_text(given, column).values, ["no value in the sample"]
    padded = bool(texts.str.contains(r"^-?0\d").any())
    for column, question in _candidates([text for text in distinct if text not in NULLS]):
        if padded and column.type == "float64":
            continue
        found = _read_all(given, column)
        if found is not None:
            return *found, [question] if question else []
    asked = ["digits with zeros before them: a code"] if padded else []
    column = Column(type="string")
    return column, read_text(given, column).values, asked


def _candidates(distinct: list[str]) -> Iterator[tuple[Column, str]]:
    """Columns that texts may be of, the strictest first, with what each leaves open."""
    if distinct:
        yield Column(type="int64"), ""
        yield Column(type="float64"), ""
        yield from _flags(distinct)
        yield from _moments(distinct)


def _flags(distinct: list[str]) -> Iterator[tuple[Column, str]]:
    for true, false in (*WORDS, *ANSWERS):
        if set(distinct) == {true, false}:
            yield Column(type="bool", true_words=(true,), false_words=(false,)), ""


def _moments(distinct: list[str]) -> Iterator[tuple[Column, str]]:
    yield Column(type="timestamp"), ""
    yield Column(type="timestamp", timezone="UTC"), _CLOCK
    some = pd.Series(distinct[:1], dtype="str")
    for day in DAYS:
        for time in TIMES:
            column = Column(type="timestamp", format=day + time, timezone="UTC")
            if not _flawed(read_text(some, column)).any():
                other = "; is the day first or the month?" if "/" in day else ""
                yield column, _CLOCK + other


def _read_all(given: pd.Series[Any], column: Column) -> tuple[Column, pd.Series[Any]] | None:
    """The column with the words for null that it needs, if then every text is read."""
    read = read_text(given, column)
    bad = _flawed(read)
    if not bad.any():
        return column, read.values
    words = {*given[bad].unique()}
    if not words <= NULLS:
        return None
    widened = column.model_copy(update={"null_words": tuple(sorted(words))})
    return widened, read_text(given, widened).values


def _flawed(read: Reading) -> pd.Series[Any]:
    bad = pd.Series(False, index=read.values.index)
    for flaw in read.flaws:
        bad |= flaw.rows
    return bad
