"""The expectations that follow from a dataset's contract, before those that a person curated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from laurel.domain.config import Column, Dataset
from laurel.errors import ConfigError

Expectation = dict[str, Any]

MARK = "contract"
"""What ``meta.laurel`` says of an expectation that is written from the contract."""


def contract_expectations(dataset: Dataset) -> list[Expectation]:
    """What the contract promises, as critical expectations of Great Expectations.

    The exact columns, then for each column no nulls, allowed values, bounds and pattern, then the
    key. Types are no expectation: reading enforces them. Ids stay the same while the kind and the
    column do.

    >>> from laurel.domain.config import Column
    >>> dataset = Dataset(role="context", time="at", key=("at",), suite="toy.context",
    ...                   columns={"at": Column(type="timestamp")})
    >>> [said["type"] for said in contract_expectations(dataset)]
    ... # doctest: +NORMALIZE_WHITESPACE
    ['expect_table_columns_to_match_ordered_list', 'expect_column_values_to_not_be_null',
     'expect_column_values_to_be_unique']
    """
    return [
        {
            "id": _id(dataset.suite, kind, kwargs.get("column")),
            "kwargs": kwargs,
            "meta": {"laurel": MARK},
            "severity": "critical",
            "type": kind,
        }
        for kind, kwargs in _promises(dataset)
    ]


def synced(document: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """A suite's document with the contract's expectations first and the curated ones untouched.

    Raises :class:`ConfigError` for a curated expectation that says no more than the contract.
    """
    wanted = contract_expectations(dataset)
    kept = [said for said in document["expectations"] if not is_contract(said)]
    repeats = [told for said in kept if (told := _repeats(said, wanted))]
    if repeats:
        raise ConfigError(
            f"the suite {dataset.suite} repeats what the contract says",
            found="\n".join(repeats[:5]),
            expected="the contract in usecase.yaml alone, so that it is said once",
            hint="take these expectations out of the suite, then run: laurel schema sync",
        )
    return {**document, "expectations": [*wanted, *kept]}


def empty_suite(name: str) -> dict[str, Any]:
    """The document of a suite that expects nothing yet.

    >>> empty_suite("toy.raw")["id"]
    'd98a2dea-6184-5f6e-b75f-9b48c68e40d2'
    """
    return {
        "expectations": [],
        "id": str(uuid5(NAMESPACE_URL, f"laurel/{name}")),
        "meta": {"great_expectations_version": "1.24.1"},
        "name": name,
        "notes": None,
    }


def is_contract(said: Mapping[str, Any]) -> bool:
    """Whether an expectation was written from a contract.

    >>> is_contract({"type": "expect_column_to_exist", "meta": {"laurel": "contract"}})
    True
    """
    return (said.get("meta") or {}).get("laurel") == MARK


def _promises(dataset: Dataset) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "expect_table_columns_to_match_ordered_list", {"column_list": list(dataset.columns)}
    for name, column in dataset.columns.items():
        yield from _of_column(name, column)
    if len(dataset.key) == 1:
        yield "expect_column_values_to_be_unique", {"column": dataset.key[0]}
    else:
        yield "expect_compound_columns_to_be_unique", {"column_list": list(dataset.key)}


def _of_column(name: str, column: Column) -> Iterator[tuple[str, dict[str, Any]]]:
    if not column.nullable:
        yield "expect_column_values_to_not_be_null", {"column": name}
    if column.allowed:
        values = {"column": name, "value_set": list(column.allowed)}
        yield "expect_column_values_to_be_in_set", values
    bounds = {"max_value": column.maximum, "min_value": column.minimum}
    said = {key: value for key, value in bounds.items() if value is not None}
    if said:
        yield "expect_column_values_to_be_between", {"column": name, **said}
    if column.pattern is not None:
        yield "expect_column_values_to_match_regex", {"column": name, "regex": whole(column)}


def whole(column: Column) -> str:
    """The pattern of a column, tied to both ends of the text.

    >>> whole(Column(type="string", pattern="[A-Z]{3}|-"))
    '^(?:[A-Z]{3}|-)$'
    """
    return f"^(?:{column.pattern})$"


def _id(suite: str, kind: str, column: object) -> str:
    return str(uuid5(NAMESPACE_URL, f"laurel/{suite}/{MARK}/{kind}/{column or ''}"))


def _repeats(said: Expectation, wanted: list[Expectation]) -> str | None:
    """What a curated expectation repeats, in words; nothing where it says more."""
    for promise in wanted:
        same = said["type"] == promise["type"]
        if same and _subject(said) == _subject(promise) and _says_no_more(said, promise):
            return f"{said['type']} of {_subject(said)}"
    return None


def _subject(said: Expectation) -> str:
    kwargs = said["kwargs"]
    return str(kwargs.get("column") or ", ".join(kwargs.get("column_list", ())))


def _says_no_more(said: Expectation, promise: Expectation) -> bool:
    """Whether each row that keeps the promise keeps this too."""
    mine, its = said["kwargs"], promise["kwargs"]
    match said["type"]:
        case "expect_column_values_to_be_between":
            return not _is_strict(mine) and _is_wider(mine, its)
        case "expect_column_values_to_be_in_set":
            return all(value in mine["value_set"] for value in its["value_set"])
        case "expect_column_values_to_match_regex":
            bare = mine["regex"].removeprefix("^").removesuffix("$")
            return its["regex"] in (mine["regex"], f"^(?:{bare})$")
        case _:
            return True


def _is_strict(kwargs: Mapping[str, Any]) -> bool:
    return bool(kwargs.get("strict_min") or kwargs.get("strict_max"))


def _is_wider(mine: Mapping[str, Any], its: Mapping[str, Any]) -> bool:
    low, high = mine.get("min_value"), mine.get("max_value")
    below = low is None or ("min_value" in its and low <= its["min_value"])
    above = high is None or ("max_value" in its and high >= its["max_value"])
    return below and above
