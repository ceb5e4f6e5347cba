"""What a sample has otherwise than the contract and the suite say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from laurel.domain.config import Dataset
from laurel.domain.schema.facts import ColumnFacts

Verdict = Literal["refused", "warning", "info"]
VERDICTS: tuple[Verdict, ...] = ("refused", "warning", "info")
ROWS = "expect_table_row_count_to_be_between"


@dataclass(frozen=True)
class Difference:
    """One thing that is otherwise."""

    verdict: Verdict
    """``refused`` where an ingest would refuse rows like these, ``warning`` where it would warn."""
    subject: str
    """The column, or columns, or ``rows``."""
    found: str
    expected: str


def would_refuse(differences: Iterable[Difference]) -> bool:
    """Whether an ingest would refuse rows like these.

    >>> would_refuse([Difference("warning", "carrier", "'ZZ'", "known carriers")])
    False
    """
    return any(each.verdict == "refused" for each in differences)


def sorted_out(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """The gravest first, otherwise in the order given."""
    return tuple(sorted(differences, key=lambda each: VERDICTS.index(each.verdict)))


def differences_document(differences: Sequence[Difference]) -> dict[str, Any]:
    """The differences as JSON values."""
    return {
        "refused": would_refuse(differences),
        "differences": [asdict(each) for each in differences],
    }


def column_differences(
    given: Sequence[str], dataset: Dataset, kinds: Mapping[str, str]
) -> list[Difference]:
    """Columns that are new, missing or come twice; ``kinds`` are the inferred types."""
    found = [
        Difference("refused", name, "no such column", f"{column.type}, declared")
        for name, column in dataset.columns.items()
        if name not in given
    ]
    found += [
        Difference("refused", name, f"a new column of {kinds[name]}", "declared columns alone")
        for name in dict.fromkeys(given)
        if name not in dataset.columns
    ]
    twice = sorted({name for name in given if given.count(name) > 1})
    return found + [Difference("refused", name, "it comes twice", "each once") for name in twice]


def unseen(facts: Iterable[ColumnFacts], dataset: Dataset) -> list[Difference]:
    """What the contract allows and the sample never has: allowed values, nulls, any value."""
    found = []
    for each in facts:
        column = dataset.columns[each.name]
        missing = [value for value in column.allowed if value not in each.seen]
        if each.rows and each.nulls == each.rows and column.nullable:
            found.append(Difference("warning", each.name, "nulls alone", "some values"))
        elif missing:
            shown = ", ".join(map(repr, missing[:3])) + (", …" if len(missing) > 3 else "")
            found.append(Difference("info", each.name, f"never {shown}", "allowed values occur"))
        if column.nullable and not each.nulls:
            found.append(Difference("info", each.name, "no null", "nulls are declared"))
    return found


def row_differences(
    expectations: Iterable[Mapping[str, Any]], partitions: Mapping[str, int]
) -> list[Difference]:
    """Partitions with fewer or more rows than the suite expects.

    >>> said = {"type": ROWS, "severity": "warning", "kwargs": {"min_value": 5}}
    >>> row_differences([said], {"2013-07-01": 4})[0].found
    '4 rows on 2013-07-01'
    """
    found = []
    for said in expectations:
        if said["type"] != ROWS:
            continue
        low, high = said["kwargs"].get("min_value"), said["kwargs"].get("max_value")
        verdict = verdict_of(said["severity"])
        expected = f"{'any' if low is None else low} to {'any' if high is None else high} rows"
        for day, rows in partitions.items():
            if (low is not None and rows < low) or (high is not None and rows > high):
                found.append(Difference(verdict, "rows", f"{rows} rows on {day}", expected))
    return found


def verdict_of(severity: str) -> Verdict:
    """What a failed expectation of that severity does to rows."""
    return "refused" if severity == "critical" else "warning" if severity == "warning" else "info"
