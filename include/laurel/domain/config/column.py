"""The contract of a column: what its values are, and how they are read from text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_serializer,
    model_validator,
)

from laurel.domain.config.base import Frozen

ColumnType = Literal["string", "int64", "float64", "bool", "timestamp"]
Personal = Literal["direct", "indirect", "sensitive"]
Value = StrictBool | StrictInt | StrictFloat | StrictStr

NO_UNIT = "none"
"""What a column says whose numbers count or name things and so have no unit."""
DIRECTIVES = {
    "Y": r"\d{4}",
    "m": r"(?:0[1-9]|1[0-2])",
    "d": r"(?:0[1-9]|[12]\d|3[01])",
    "H": r"(?:[01]\d|2[0-3])",
    "I": r"(?:0[1-9]|1[0-2])",
    "p": r"(?:AM|PM)",
    "M": r"[0-5]\d",
    "S": r"[0-5]\d",
    "f": r"\d{1,6}",
    "b": r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
    "z": r"(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)",
    "%": "%",
}
"""What a format may hold, each with the one shape that it reads."""
_INT64 = (-(2**63), 2**63 - 1)
_EXACT = 2**53


class Column(Frozen):
    """One column of a dataset: the contract of its values.

    ``description`` is what it means. Reading enforces type, nulls and the forms of text;
    ``allowed``, ``minimum``, ``maximum`` and ``pattern`` are for its suite to judge.
    """

    type: ColumnType
    nullable: bool = False
    description: str = ""
    unit: str | None = None
    """What its numbers count: ``miles``; ``none`` where they have no unit."""
    personal: Personal | None = None
    """What of a person it tells: the name itself, a way to it, or what the law guards."""
    allowed: tuple[Value, ...] = ()
    """The only values there are."""
    minimum: StrictInt | StrictFloat | None = None
    maximum: StrictInt | StrictFloat | None = None
    pattern: str | None = None
    """A regular expression that the whole text must match."""
    format: str | None = None
    """The form of a timestamp in text, as of ``strptime``; ISO 8601 when left out."""
    timezone: str | None = None
    """The zone of the clock that wrote a timestamp without a zone."""
    true_words: tuple[str, ...] = ("true",)
    false_words: tuple[str, ...] = ("false",)
    null_words: tuple[str, ...] = ()
    """Texts that stand for null in this column, besides the nulls that its source gives."""
    infinite: bool = False
    """Whether ``inf`` and ``-inf`` are values."""

    @model_validator(mode="after")
    def _is_meant(self) -> Self:
        for check in (self._check_fit, self._check_values, self._check_pattern, self._check_clock):
            check()
        return self

    @model_serializer(mode="wrap")
    def _said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only what differs from the defaults, so that a new word here changes no old document."""
        fields = type(self).model_fields
        return {
            name: value
            for name, value in dump(self).items()
            if name == "type" or getattr(self, name) != fields[name].default
        }

    def _check_fit(self) -> None:
        numeric = self.type in ("int64", "float64")
        fits = {
            "allowed": self.type in ("string", "int64", "float64"),
            "minimum": numeric,
            "maximum": numeric,
            "unit": numeric,
            "pattern": self.type == "string",
            "format": self.type == "timestamp",
            "timezone": self.type == "timestamp",
            "true_words": self.type == "bool",
            "false_words": self.type == "bool",
            "infinite": self.type == "float64",
        }
        fields = type(self).model_fields
        wrong = [n for n, fit in fits.items() if not fit and getattr(self, n) != fields[n].default]
        if wrong:
            raise ValueError(f"a column of type {self.type} has no {' and no '.join(wrong)}")

    def _check_values(self) -> None:
        said = {"minimum": self.minimum, "maximum": self.maximum}
        values = [*self.allowed, *(value for value in said.values() if value is not None)]
        wrong = [value for value in values if not self._holds(value)]
        if wrong:
            raise ValueError(f"these values are not {self.type}: {wrong}")
        if len(set(self.allowed)) != len(self.allowed):
            raise ValueError(f"allowed values are given twice: {list(self.allowed)}")
        low, high = self.bounds
        if low > high:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        outside = [v for v in self.allowed if not isinstance(v, str) and not low <= v <= high]
        if outside:
            raise ValueError(f"allowed values lie outside minimum and maximum: {outside}")

    def _holds(self, value: Value) -> bool:
        if self.type == "string":
            return isinstance(value, str)
        if isinstance(value, bool | str):
            return False
        if isinstance(value, int):
            low, high = _INT64 if self.type == "int64" else (-_EXACT, _EXACT)
            return low <= value <= high
        return self.type == "float64" and value - value == 0

    def _check_pattern(self) -> None:
        if self.pattern is None:
            return
        try:
            shape = re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"pattern is no regular expression: {error}") from error
        outside = [v for v in self.allowed if isinstance(v, str) and not shape.fullmatch(v)]
        if outside:
            raise ValueError(f"allowed values do not match the pattern: {outside}")

    def _check_clock(self) -> None:
        if self.timezone is not None:
            _zone(self.timezone)
        if self.format is not None:
            parts = set(directives(self.format))
            if "z" in parts and self.timezone is not None:
                raise ValueError("a format with a zone (%z) needs no timezone")
            if "z" not in parts and self.timezone is None:
                raise ValueError("a format without a zone (%z) needs timezone: whose clock is it?")
        shared = {*self.true_words} & {*self.false_words}
        if self.type == "bool":
            shared |= ({*self.true_words} | {*self.false_words}) & {*self.null_words}
        if shared:
            raise ValueError(f"words with two meanings: {sorted(shared)}")

    @property
    def bounds(self) -> tuple[float, float]:
        """Minimum and maximum, infinite where there is none.

        >>> Column(type="int64", minimum=0).bounds
        (0, inf)
        """
        low = float("-inf") if self.minimum is None else self.minimum
        return low, float("inf") if self.maximum is None else self.maximum


def directives(form: str) -> tuple[str, ...]:
    """The directives of a format of timestamps; raises ``ValueError`` for what is not one.

    >>> directives("%d.%m.%Y %H:%M")
    ('d', 'm', 'Y', 'H', 'M')
    """
    found = tuple(re.findall(r"%(.?)", form, re.DOTALL))
    unknown = [f"%{name}" for name in found if name not in DIRECTIVES]
    if unknown:
        known = ", ".join(f"%{name}" for name in DIRECTIVES)
        raise ValueError(f"format holds {', '.join(unknown)}; allowed are {known}")
    named = [name for name in found if name != "%"]
    if len(set(named)) != len(named):
        raise ValueError(f"format says a part twice: {form!r}")
    if not {"Y", "d"} <= {*named} or len({"m", "b"} & {*named}) != 1:
        raise ValueError(f"format names no whole day (%Y, %m or %b, %d): {form!r}")
    if len({"H", "I"} & {*named}) > 1 or ("I" in named) != ("p" in named):
        raise ValueError(f"format needs %H, or %I with %p: {form!r}")
    return found


def _zone(name: str) -> None:
    try:
        datetime(2000, 1, 1, tzinfo=UTC).astimezone(ZoneInfo(name))
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}") from error
