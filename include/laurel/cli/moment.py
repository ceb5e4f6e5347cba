"""A moment, as a person types it."""

from __future__ import annotations

from datetime import datetime

from laurel.domain.canonical import parse_instant
from laurel.errors import ConfigError


def moment(text: str) -> datetime:
    """Read a moment; raises :class:`ConfigError` for what is none.

    >>> moment("2013-07-01T12:00+02:00").isoformat()
    '2013-07-01T10:00:00+00:00'
    """
    try:
        return parse_instant(text)
    except ValueError:
        raise ConfigError(
            "this is not a moment",
            found=repr(text),
            expected="as in 2013-07-01 or 2013-07-01T12:00, in UTC or with a zone of its own",
        ) from None
