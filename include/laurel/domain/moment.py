"""A moment in a record: aware, kept in UTC, written as :func:`laurel.domain.canonical.instant`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer

from laurel.domain.canonical import instant


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC)


Moment = Annotated[
    datetime,
    AfterValidator(_in_utc),
    PlainSerializer(instant, return_type=str, when_used="json"),
]
"""The type of every moment in a pydantic record; a naive one is refused."""
