"""Nights at a glance: a line for each report, and a week in sum, from the reports' documents."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from laurel.domain.alarms.raised import without_state
from laurel.domain.partition import Partition

Document = Mapping[str, Any]


@dataclass(frozen=True)
class NightLine:
    """One night, as it is listed; nan and ``None`` where a report of before did not say."""

    partition: str
    run: str
    page: str
    """The key of its page."""
    sentence: str
    backfilled: bool
    alarms: int
    """Confirmed ones that nobody has acknowledged."""
    suspected: int = 0
    acknowledged: int = 0
    standing: str = "unknown"
    model_version: str | None = None
    metric: str | None = None
    performance: float = math.nan
    """The metric that is charted first, over the trailing window of the champion's rows."""
    score: float = math.nan
    """The mean score; of several scores, undefined."""
    rows: int | None = None

    def document(self) -> dict[str, Any]:
        """What is listed: plain JSON values, undefined numbers as null."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in ("performance", "score"):
            plain[name] = None if math.isnan(plain[name]) else plain[name]
        return plain


@dataclass(frozen=True)
class Nights:
    """All nights of a use case, in their order."""

    usecase: str
    title: str
    lines: tuple[NightLine, ...]

    @property
    def changes(self) -> tuple[str, ...]:
        """The nights on which another model served than the night before."""
        pairs = zip(self.lines, self.lines[1:], strict=False)
        return tuple(
            after.partition
            for before, after in pairs
            if None not in (before.model_version, after.model_version)
            and before.model_version != after.model_version
        )


def line_of_report(document: Document, *, run: str, page: str, backfilled: bool) -> NightLine:
    """The line of a report's document."""
    alarms = document["alarms"]
    metric = document["charted"][0]
    scores = list(document["mean_scores"].values())
    return NightLine(
        partition=document["partition"],
        run=run,
        page=page,
        sentence=document["verdict"],
        backfilled=backfilled,
        alarms=sum(_state(alarm) == "confirmed" for alarm in alarms),
        suspected=sum(_state(alarm) == "suspected" for alarm in alarms),
        acknowledged=sum(_state(alarm) == "acknowledged" for alarm in alarms),
        standing=document["standing"],
        model_version=document["champion"]["model_version"],
        metric=metric,
        performance=_number(document["realised"]["champion"]["metrics"].get(metric)),
        score=_number(scores[0]) if len(scores) == 1 else math.nan,
        rows=document["rows"],
    )


def parse_line(listed: Document) -> NightLine:
    """Read a listing, also of a version that listed less."""
    known = {name: listed[name] for name in NightLine.__dataclass_fields__ if name in listed}
    for name in ("performance", "score"):
        known[name] = _number(known.get(name))
    return NightLine(**known)


@dataclass(frozen=True)
class Turn:
    """What happened to one alarm on one night of a week."""

    partition: str
    check: str
    what: str
    """``suspected``, ``confirmed``, ``worsened`` or ``cleared``."""
    severity: str
    reason: str


@dataclass(frozen=True)
class Week:
    """Seven nights from a Monday on, those that were reported."""

    usecase: str
    title: str
    first: str
    last: str
    nights: tuple[NightLine, ...]
    missing: tuple[str, ...]
    """Nights without a report."""
    turns: tuple[Turn, ...]
    open: tuple[Mapping[str, Any], ...]
    """The alarms of the last night that was reported."""
    metrics: tuple[tuple[str, float, float], ...]
    """Metric, and what it was on the first and on the last night."""
    drifts: tuple[tuple[str, str, float, float], ...]
    """Feature or score, night of its greatest index against training, that index, what is usual."""
    champions: tuple[tuple[str, str], ...]
    """Night, and the model that served from it on."""
    labels: tuple[int, int] | None
    """Rows of the champion in the last night's window, and those whose labels have matured."""
    warnings: int
    quarantined: int

    @property
    def sentence(self) -> str:
        """The week in one sentence."""
        confirmed = [turn for turn in self.turns if turn.what == "confirmed"]
        cleared = [turn for turn in self.turns if turn.what == "cleared"]
        loud = [each for each in self.open if _state(each) == "confirmed"]
        told = [
            f"{_counted(len(self.nights), 'night')} of 7 reported",
            f"{_counted(len(confirmed), 'alarm')} confirmed",
            f"{len(cleared)} cleared",
            f"{len(loud)} open at the end",
        ]
        return f"{', '.join(told)}."


DRIFTS = 8
"""Features that a week shows, those that moved most."""


def week_days(day: Partition) -> tuple[Partition, ...]:
    """The seven partitions, from Monday on, of the week of one of them.

    >>> [each.key for each in week_days(Partition.of("2024-02-21"))][::6]
    ['2024-02-19', '2024-02-25']
    """
    monday = Partition(day.day - timedelta(days=day.day.weekday()))
    return tuple(monday.shifted(number) for number in range(7))


def week_of(
    usecase: str,
    title: str,
    days: Sequence[Partition],
    reports: Sequence[tuple[NightLine, Document]],
) -> Week:
    """The week in sum; ``reports``, in the order of nights, may be none."""
    lines = [line for line, _ in reports]
    there = {line.partition for line in lines}
    documents = [document for _, document in reports]
    return Week(
        usecase=usecase,
        title=title,
        first=days[0].key,
        last=days[-1].key,
        nights=tuple(lines),
        missing=tuple(day.key for day in days if day.key not in there),
        turns=tuple(turn for document in documents for turn in _turns(document)),
        open=tuple(documents[-1]["alarms"]) if documents else (),
        metrics=_metrics(documents),
        drifts=_drifts(documents),
        champions=_champions(lines),
        labels=_labels(documents[-1]) if documents else None,
        warnings=sum(len(document["warnings"]) for document in documents),
        quarantined=sum(len(document["quarantine"]) for document in documents),
    )


def _turns(document: Document) -> list[Turn]:
    night = document["partition"]
    raised = [
        Turn(night, a["check"], a["change"], a["severity"], without_state(a["reason"]))
        for a in document["alarms"]
        if a.get("change")
    ]
    cleared = [
        Turn(night, check, "cleared", "none", f"{check} is within its bound again")
        for check in document.get("cleared", ())
    ]
    return [*raised, *cleared]


def _metrics(documents: Sequence[Document]) -> tuple[tuple[str, float, float], ...]:
    if not documents:
        return ()
    first, last = (d["realised"]["champion"]["metrics"] for d in (documents[0], documents[-1]))
    return tuple((name, _number(first.get(name)), _number(last[name])) for name in last)


def _drifts(documents: Sequence[Document]) -> tuple[tuple[str, str, float, float], ...]:
    worst: dict[str, tuple[str, str, float, float]] = {}
    for document in documents:
        for comparison in document["comparisons"]:
            if comparison["name"] != "partition_profile":
                continue
            for each in (*comparison["features"], *comparison["scores"]):
                found = _number(each["psi"])
                before = worst.get(each["name"])
                if not math.isnan(found) and (before is None or found > before[2]):
                    usual = _number(each["usual"])
                    worst[each["name"]] = (each["name"], document["partition"], found, usual)
    ordered = sorted(worst.values(), key=lambda found: (-_excess(found), found[0]))
    return tuple(ordered[:DRIFTS])


def _excess(found: tuple[str, str, float, float]) -> float:
    """By how much an index exceeds what is usual: a weekday's is large on every day."""
    _, _, index, usual = found
    return index if math.isnan(usual) else index - usual


def _champions(lines: Sequence[NightLine]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for line in lines:
        if line.model_version and (not found or found[-1][1] != line.model_version):
            found.append((line.partition, line.model_version))
    return tuple(found)


def _labels(document: Document) -> tuple[int, int]:
    champion = document["realised"]["champion"]
    return champion["rows"], champion["labelled"]


def _state(alarm: Mapping[str, Any]) -> str:
    return "acknowledged" if alarm.get("silenced") else str(alarm.get("state", "confirmed"))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
