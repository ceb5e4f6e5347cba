"""One way to write a record as bytes, so that equal records have equal digests.

Source of the idea: RFC 8785 (JSON Canonicalization Scheme); here with sorted keys, no spaces,
UTF-8, and no NaN or infinity.
"""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, date, datetime

DIGITS = 6
"""Significant digits of a number that is rounded to be kept."""
UNDEFINED = "undefined"
"""How a figure reads that has no value: never zero."""


def canonical_json(value: object) -> bytes:
    """Write ``value`` as canonical JSON.

    Raises ``ValueError`` for NaN and infinity, ``TypeError`` for what JSON cannot hold.

    >>> canonical_json({"b": 1, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    """
    text = json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_plain,
    )
    return text.encode()


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of ``value``, as 64 hex digits.

    >>> digest({"a": 1})[:12]
    '015abd7f5cc5'
    """
    return hashlib.sha256(canonical_json(value)).hexdigest()


def rounded(value: float) -> float | None:
    """A number as documents keep it: six significant digits, ``None`` for what is not finite.

    >>> rounded(0.123456789), rounded(-0.0), rounded(float("nan"))
    (0.123457, 0.0, None)
    """
    return float(f"{value:.{DIGITS}g}") + 0.0 if math.isfinite(value) else None


def instant(moment: datetime) -> str:
    """Write an aware moment as ISO 8601 in UTC with ``Z``; raises ``ValueError`` when it is naive.

    >>> instant(datetime(2013, 7, 1, tzinfo=UTC))
    '2013-07-01T00:00:00Z'
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Read what :func:`instant` wrote; a date alone is its midnight in UTC.

    >>> parse_instant("2013-07-01")
    datetime.datetime(2013, 7, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form")
