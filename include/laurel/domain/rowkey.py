"""The key of one row, as a person types it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

from laurel.domain.canonical import parse_instant
from laurel.domain.config import Column, Dataset
from laurel.errors import ConfigError

COMPARED = 20_000
"""Keys that near matches are looked for among."""
LIKE = 0.7
"""Share of characters that agree in a near match."""

Key = Mapping[str, Any]


def parse_key(text: str, dataset: Dataset) -> dict[str, Any]:
    """Read the key of a row: its values in the order of the columns, or ``NAME=VALUE``.

    Parts are separated by commas; a key of one column may hold commas itself. Raises
    :class:`ConfigError` for parts that are missing, unknown, or not of the column's type.

    >>> column = Column(type="string")
    >>> rows = Dataset(role="rows", time="at", key=("shop", "till"), suite="toy.raw", columns={
    ...     "at": Column(type="timestamp"), "shop": column, "till": Column(type="int64")})
    >>> parse_key("east,3", rows) == parse_key("till=3, shop=east", rows)
    True
    """
    names = dataset.key
    parts = [text] if len(names) == 1 else [part.strip() for part in text.split(",")]
    given = dict(zip(names, parts, strict=False)) if len(parts) == len(names) else {}
    named = [_named(part, names) for part in parts]
    if all(named):
        given = {pair[0]: pair[1] for pair in named if pair}
    if sorted(given) != sorted(names):
        raise ConfigError(
            "this is not the key of a row",
            found=repr(text),
            expected=", ".join(f"{name}={_example(dataset.columns[name])}" for name in names),
        )
    return {name: _value(name, given[name], dataset.columns[name]) for name in names}


def key_text(key: Key) -> str:
    """A key as it is shown, and as :func:`parse_key` reads it.

    >>> key_text({"shop": "east", "till": 3})
    'shop=east,till=3'
    """
    return ",".join(f"{name}={value}" for name, value in key.items())


def near_keys(wanted: Key, there: Iterable[Key], *, most: int = 3) -> list[str]:
    """Keys that look like one that is not there, the nearest first.

    >>> near_keys({"id": "AA-12"}, [{"id": "AA-13"}, {"id": "ZZ-99"}])
    ['id=AA-13']
    >>> near_keys({"id": "1OO7"}, [{"id": "1079"}, {"id": "1007"}])[0]
    'id=1007'
    """
    asked = key_text(wanted)
    texts = [key_text(key) for key, _ in zip(there, range(COMPARED), strict=False)]
    ranked = sorted((-_likeness(asked, text), text) for text in texts)
    return [text for likeness, text in ranked[:most] if -likeness >= LIKE]


def _likeness(one: str, other: str) -> float:
    """Share of characters that agree: place by place, or from both ends where some are missing."""
    length = max(len(one), len(other), 1)
    equal = [a == b for a, b in zip(one, other, strict=False)]
    from_end = [a == b for a, b in zip(reversed(one), reversed(other), strict=False)]
    same = sum(equal)
    ends = sum(takewhile(bool, equal)) + sum(takewhile(bool, from_end))
    return max(same, min(ends, len(one), len(other))) / length


def _named(part: str, names: tuple[str, ...]) -> tuple[str, str] | tuple[()]:
    name, is_named, value = part.partition("=")
    return (name.strip(), value.strip()) if is_named and name.strip() in names else ()


def _value(name: str, text: str, column: Column) -> Any:
    try:
        if column.type == "int64":
            return int(text)
        if column.type == "float64":
            return float(text)
        if column.type == "timestamp":
            return parse_instant(text)
        if column.type == "bool":
            return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError):
        raise ConfigError(
            f"this part of the key is not of the type of {name!r}",
            found=repr(text),
            expected=f"{column.type}, as in {_example(column)}",
        ) from None
    return text


def _example(column: Column) -> str:
    return {
        "int64": "17",
        "float64": "1.5",
        "timestamp": "2024-01-31T12:00:00Z",
        "bool": "true",
    }.get(column.type, "TEXT")
