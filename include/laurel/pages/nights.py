"""The index of all nights, and the summary of a week: pages that need nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from laurel.domain.nights import NightLine, Nights, Week
from laurel.pages.names import METRIC_NAMES
from laurel.pages.page import templates
from laurel.pages.timeline import strip, timeline

Address = Callable[[str], str]
"""The key of a page → where a reader finds it."""


def beside(key: str) -> str:
    """The address of a page from the pages of weeks, which lie four folders deep in the store.

    >>> beside("runs/toy/monitor/1a2b/report.html")
    '../../../../runs/toy/monitor/1a2b/report.html'
    """
    return f"../../../../{key}"


def render_nights(nights: Nights, *, address: Address = beside) -> str:
    """All nights of a use case, the newest first, with their curves."""
    changes = set(nights.changes)
    rows = [_row(line, address, changed=line.partition in changes) for line in nights.lines]
    return (
        templates()
        .get_template("nights.html")
        .render(nights=nights, rows=rows[::-1], charts=list(_charts(nights.lines, changes)))
    )


def render_week(week: Week, *, address: Address = beside) -> str:
    """One week of nights: what was raised, what cleared, what is open, what moved."""
    changes = {night for night, _ in week.champions[1:]}
    return (
        templates()
        .get_template("week.html")
        .render(
            week=week,
            rows=[_row(line, address, changed=line.partition in changes) for line in week.nights],
            charts=list(_charts(week.nights, changes)),
            metrics=[(METRIC_NAMES.get(name, name), *values) for name, *values in week.metrics],
        )
    )


def _row(line: NightLine, address: Address, *, changed: bool) -> dict[str, Any]:
    metric = line.metric or ""
    return {
        "line": line,
        "address": address(line.page),
        "changed": changed,
        "metric": METRIC_NAMES.get(metric, metric) or "Performance",
    }


def _charts(lines: Iterable[NightLine], changes: set[str]) -> Iterable[dict[str, Any]]:
    lines = tuple(lines)
    metric = next((line.metric for line in reversed(lines) if line.metric), None)
    name = METRIC_NAMES.get(metric or "", metric or "Performance")
    yield {
        "title": "Verdict and confirmed alarms",
        "svg": strip(
            [(line.partition, line.standing, line.alarms) for line in lines],
            title="Verdict and confirmed alarms by night",
        ),
    }
    yield {
        "title": f"{name}, over the trailing window",
        "svg": timeline(
            [
                (line.partition, line.performance if line.metric == metric else float("nan"))
                for line in lines
            ],
            title=f"{name} by night",
            marks=changes,
        ),
    }
    yield {
        "title": "Mean score",
        "svg": timeline(
            [(line.partition, line.score) for line in lines],
            title="Mean score by night",
            marks=changes,
        ),
    }
