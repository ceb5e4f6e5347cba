"""Results of Great Expectations as plain values: cleaned of ids, times and tracebacks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEVERITIES = ("critical", "warning", "info")
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")
LONGEST = 160
"""Characters of a text about one failure."""


@dataclass(frozen=True)
class Failure:
    """One expectation that failed."""

    expectation: str
    """GX's type, ``expect_column_values_to_be_between``."""
    column: str | None
    severity: str
    observed: str
    expected: str
    unexpected_count: int | None = None
    unexpected_percent: float | None = None
    examples: tuple[str, ...] = ()
    """Up to three different unexpected values."""
    id: str | None = None
    """The expectation's id in its suite; none of a check against the past."""

    @property
    def rank(self) -> int:
        """Smaller is graver."""
        return SEVERITIES.index(self.severity) if self.severity in SEVERITIES else 0

    def line(self, said: str) -> str:
        """``said`` with the column, and the kind of a check, before it, where there is one."""
        kind = "" if self.expectation.startswith("expect_") else self.expectation
        place = " of ".join(part for part in (kind, self.column) if part)
        return f"{place}: {said}" if place else said


def clean_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """GX's result of one expectation as JSON values, without what differs between equal runs."""
    config = dict(result["expectation_config"])
    config["kwargs"] = {k: v for k, v in config["kwargs"].items() if k != "batch_id"}
    config.setdefault("severity", "critical")
    message = _message(result.get("exception_info") or {})
    return {
        "success": bool(result["success"]) and message is None,
        "expectation_config": plain(config),
        "result": plain(result.get("result") or {}),
        "exception_info": {
            "raised_exception": message is not None,
            "exception_message": message,
            "exception_traceback": None,
        },
    }


def hide_values(result: dict[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    """A cleaned result without values of columns that name a person; counts stay."""
    kwargs = result["expectation_config"]["kwargs"]
    columns = {kwargs.get(name) for name in _COLUMN_ARGUMENTS} | {*kwargs.get("column_list", ())}
    if not columns & hidden:
        return result
    found = result["result"]
    shown = {name: found[name] for name in found if not name.startswith("partial_unexpected")}
    if not isinstance(shown.get("observed_value", 0), int | float):
        shown["observed_value"] = "not shown: it names persons"
    return {**result, "result": shown}


def read_failure(result: Mapping[str, Any]) -> Failure:
    """The failure that a cleaned result tells of."""
    config, found = result["expectation_config"], result["result"]
    sample = found.get("partial_unexpected_list") or []
    count, percent = found.get("unexpected_count"), found.get("unexpected_percent")
    examples = tuple(dict.fromkeys(shorten(text(value), 40) for value in sample))[:3]
    return Failure(
        expectation=config["type"],
        column=config["kwargs"].get("column"),
        severity=config["severity"],
        observed=shorten(_observed(result, examples)),
        expected=shorten(_expected(config)),
        unexpected_count=count,
        unexpected_percent=None if percent is None else round(float(percent), 2),
        examples=examples,
        id=config.get("id"),
    )


def plain(value: Any) -> Any:
    """JSON values only: sets sorted, NaN and infinity as text, all else that JSON lacks as text.

    >>> plain({"a": float("nan"), 1: (2, {"b", "a"})})
    {'a': 'nan', '1': [2, ['a', 'b']]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def text(value: Any) -> str:
    """A JSON value as a person reads it.

    >>> text({"id": "r1", "seats": 2.0}), text([1, None]), text(2.5)
    ('id r1, seats 2', '1, null', '2.5')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(text, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return "null" if value is None else str(value)


def shorten(line: str, length: int = LONGEST) -> str:
    """One line of at most ``length`` characters.

    >>> shorten("a\\nbcdef", 5)
    'a bc…'
    """
    one = " ".join(line.split())
    return one if len(one) <= length else f"{one[: length - 1]}…"


def _message(info: Mapping[str, Any]) -> str | None:
    """The exception's message: GX gives it flat, or once for each metric that broke."""
    infos = [info] if "raised_exception" in info else list(info.values())
    raised = [each for each in infos if isinstance(each, Mapping) and each.get("raised_exception")]
    messages = sorted({str(each.get("exception_message")) for each in raised})
    return "; ".join(messages) if raised else None


def _observed(result: Mapping[str, Any], examples: tuple[str, ...]) -> str:
    found = result["result"]
    if result["exception_info"]["raised_exception"]:
        return str(result["exception_info"]["exception_message"]).removeprefix("Error: ")
    if found.get("unexpected_count"):
        such = f", e.g. {', '.join(examples)}" if any(e != "null" for e in examples) else ""
        return f"{_share(found)}{such}"
    return text(found.get("observed_value"))


def _share(found: Mapping[str, Any]) -> str:
    if found.get("unexpected_percent") is None:
        return f"{found['unexpected_count']} unexpected"
    share = f"{found['unexpected_count']} of {found['element_count']}"
    return f"{share} ({float(found['unexpected_percent']):.3g} %)"


def _expected(config: Mapping[str, Any]) -> str:
    """The expectation in words: ``values to be between, min_value 0, max_value 10``."""
    kwargs = {k: v for k, v in config["kwargs"].items() if k != "column" and v is not None}
    said = str(config["type"]).removeprefix("expect_").removeprefix("column_").replace("_", " ")
    return ", ".join([said, *(f"{key} {text(value)}" for key, value in kwargs.items())])
