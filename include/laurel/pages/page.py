"""The environment of all pages: autoescaped templates and the wording of numbers."""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from laurel.domain.canonical import UNDEFINED, parse_instant

TEMPLATES = Path(__file__).resolve().parent / "templates"


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Templates that escape everything and refuse a name they do not know."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(num=number, pct=percent, points=points, signed=signed)
    environment.filters.update(day=day, moment=moment)
    return environment


def number(value: float | None, digits: int = 3, undefined: str = UNDEFINED) -> str:
    """A number, or ``undefined``: never zero for what is not known.

    >>> number(0.71234), number(float("nan")), number(None)
    ('0.712', 'undefined', 'undefined')
    """
    if value is None or math.isnan(value):
        return undefined
    text = f"{value:,.{digits}f}"
    # a rounded -0.000 is no negative number
    return text.lstrip("-") if not text.strip("-0.,") else text


def signed(value: float | None, digits: int = 4) -> str:
    """A difference with its sign, or ``undefined``.

    >>> signed(0.0123), signed(None)
    ('+0.0123', 'undefined')
    """
    return UNDEFINED if value is None or math.isnan(value) else f"{value:+,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage, or ``undefined``."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:.{digits}%}"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign; nothing for none.

    >>> points(0.031), points(0.0), points(float("nan"))
    ('+3.1 pp', '0', 'undefined')
    """
    if value is None or math.isnan(value):
        return UNDEFINED
    return "0" if round(value, 4) == 0 else f"{value * 100:+.1f} pp"


def moment(text: str) -> str:
    """A moment as records write it, for reading."""
    return day(parse_instant(text))


def day(at: datetime) -> str:
    """A moment as its day, with the time where it is not midnight."""
    text = at.isoformat(sep=" ", timespec="minutes").removesuffix("+00:00")
    return text.removesuffix(" 00:00")
