"""What a person is asked about a model that the gate lets through, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from laurel.domain.canonical import instant
from laurel.domain.ledger import LedgerEntry
from laurel.domain.schema.dictionary import escape
from laurel.domain.threshold import number

SHOWN = 12
"""Checks on all rows that are named; slices are named where they did not pass."""
SILENCE = {"approve": "approved", "decline": "declined"}


@dataclass(frozen=True)
class Request:
    """A question with the evidence in it."""

    subject: str
    body: str


def approval_request(
    entry: LedgerEntry, verdict: Mapping[str, Any], *, champion: str | None, page: str
) -> Request:
    """Ask about a registered model: what the gate found and required, against whom, until when.

    verdict: as the training's bundle has it. champion: whom it would replace. page: the address of
    the decision's page.
    """
    return Request(
        subject=f"Shall {entry.model_version} reign?",
        body="\n".join(_lines(entry, verdict, champion=champion, page=page)),
    )


def _lines(
    entry: LedgerEntry, verdict: Mapping[str, Any], *, champion: str | None, page: str
) -> Iterator[str]:
    checks = list(verdict.get("checks", ()))
    passed = sum(check["verdict"] == "pass" for check in checks)
    whom = f"instead of **{escape(champion)}**" if champion else "as the first champion"
    yield f"The gate lets **{escape(str(entry.model_version))}** through: {passed} of {len(checks)}"
    yield f"checks pass. Approved, it reigns from {instant(entry.effective_from)} {whom}."
    yield ""
    yield f"[The page of this decision]({page}) shows everything that was found."
    yield ""
    yield "| check | found | required | verdict |"
    yield "| --- | ---: | ---: | --- |"
    whole = [check for check in checks if not check.get("slice")]
    unsure = [c for c in checks if c.get("slice") and c["verdict"] in ("fail", "underpowered")]
    yield from map(_row, (*whole[:SHOWN], *unsure[:SHOWN]))
    if len(unsure) > SHOWN:
        yield f"| and {len(unsure) - SHOWN} more on slices | | | |"
    if entry.question is not None:
        yield ""
        yield (
            f"Asked: {escape(', '.join(entry.question.by))}. Without an answer by "
            f"{instant(entry.question.until)} it is {SILENCE[entry.question.otherwise]}."
        )


def _row(check: Mapping[str, Any]) -> str:
    where = f" on {check['slice']}" if check.get("slice") else ""
    name = escape(f"{check['metric']}, {check['kind'].replace('_', ' ')}{where}")
    found, required = (_value(check.get(which)) for which in ("found", "required"))
    return f"| {name} | {found} | {required} | {check['verdict'].replace('_', ' ')} |"


def _value(value: float | None) -> str:
    return "" if value is None else number(value)
