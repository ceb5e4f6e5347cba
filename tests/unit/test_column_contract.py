"""The contract of a column: what cannot be meant is refused when the use case is loaded."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from laurel.domain.config import Column


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"type": "int"}, "'int64'"),
        ({"type": "int64", "allowed": [1.5]}, "not int64: [1.5]"),
        ({"type": "int64", "allowed": [True]}, "not int64: [True]"),
        ({"type": "int64", "allowed": ["1"]}, "not int64: ['1']"),
        ({"type": "int64", "maximum": 2**63}, "not int64"),
        ({"type": "string", "allowed": [1]}, "not string: [1]"),
        ({"type": "string", "allowed": [False]}, "not string: [False]"),
        ({"type": "string", "allowed": ["a", "b", "a"]}, "given twice"),
        ({"type": "float64", "minimum": float("nan")}, "not float64: [nan]"),
        ({"type": "float64", "maximum": float("inf")}, "not float64: [inf]"),
        ({"type": "float64", "minimum": "1"}, "minimum"),
        ({"type": "int64", "minimum": 3, "maximum": 2}, "minimum 3 is above maximum 2"),
        ({"type": "int64", "allowed": [1, 9], "maximum": 5}, "outside minimum and maximum: [9]"),
        ({"type": "string", "minimum": 1}, "has no minimum"),
        ({"type": "bool", "allowed": [True]}, "has no allowed"),
        ({"type": "timestamp", "unit": "miles"}, "has no unit"),
        ({"type": "int64", "pattern": "x", "format": "%Y"}, "has no pattern and no format"),
        ({"type": "string", "pattern": "("}, "no regular expression"),
        ({"type": "string", "pattern": "[a-z]", "allowed": ["a", "bb"]}, "the pattern: ['bb']"),
        ({"type": "string", "personal": "very"}, "'direct', 'indirect' or 'sensitive'"),
        ({"type": "string", "timezone": "UTC"}, "has no timezone"),
        ({"type": "timestamp", "timezone": "America/Nowhere"}, "no time zone 'America/Nowhere'"),
        ({"type": "timestamp", "timezone": "../etc/passwd"}, "no time zone"),
        ({"type": "timestamp", "format": "%Y-%m-%d"}, "whose clock is it?"),
        ({"type": "timestamp", "format": "%Y-%m-%d%z", "timezone": "UTC"}, "needs no timezone"),
        ({"type": "timestamp", "format": "%Y-%j%z"}, "%j; allowed are %Y"),
        ({"type": "timestamp", "format": "%Y-%m-%d %%%"}, "format holds %"),
        ({"type": "timestamp", "format": "%Y-%Y-%m-%d%z"}, "says a part twice"),
        ({"type": "timestamp", "format": "%Y-%m%z"}, "no whole day"),
        ({"type": "timestamp", "format": "%Y-%m-%d %I%z"}, "%I with %p"),
        ({"type": "bool", "true_words": [True]}, "valid string"),
        ({"type": "bool", "true_words": ["x"], "false_words": ["x"]}, "two meanings: ['x']"),
        ({"type": "bool", "false_words": [""], "null_words": [""]}, "two meanings: ['']"),
        ({"type": "int64", "infinite": True}, "has no infinite"),
    ],
)
def test_what_cannot_be_meant_is_refused(said: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Column.model_validate(said)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        {"type": "float64", "allowed": [0, 1], "minimum": 0, "maximum": 1.5, "unit": "none"},
        {"type": "int64", "minimum": -(2**63), "maximum": 2**63 - 1},
        {"type": "string", "pattern": "[A-Z]{3}", "allowed": ["EWR"], "personal": "indirect"},
        {"type": "timestamp", "format": "%d.%m.%Y %H:%M", "timezone": "Europe/Berlin"},
        {"type": "timestamp", "format": "%d %b %Y %I:%M:%S.%f %p %z 100%%"},
        {"type": "bool", "true_words": ["Y", "y"], "false_words": ["N"], "nullable": True},
    ],
)
def test_a_column_is_written_as_it_was_said_and_nothing_more(said: dict[str, Any]) -> None:
    column = Column.model_validate(said)
    assert column.model_dump(mode="json") == said
    assert Column.model_validate(column.model_dump(mode="json")) == column
