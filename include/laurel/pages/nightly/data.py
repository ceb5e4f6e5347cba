"""The state of the data and of the runs: freshness, volume, and what runs happened to cost."""

from __future__ import annotations

from typing import Any

from laurel.domain.report import Report
from laurel.domain.surroundings import Cost
from laurel.pages.page import number

NAMES = {"seconds": "seconds", "rows_per_second": "rows per second", "peak_memory_bytes": "memory"}


def datasets(report: Report) -> list[dict[str, Any]]:
    """One row per dataset: how fresh it is, and how many rows it has against what is usual."""
    fresh = {item.dataset: item for item in report.freshness}
    volumes = {item.dataset: item for item in report.volumes}
    return [
        {"name": name, "fresh": fresh.get(name), "volume": volumes.get(name)}
        for name in dict.fromkeys([*fresh, *volumes])
    ]


def observed(report: Report) -> list[dict[str, str]]:
    """What runs of the night happened to cost, against the nights before where that is known."""
    if report.costs:
        return [
            {
                "run": cost.run,
                "name": NAMES.get(cost.measure, cost.measure),
                "value": _amount(cost.measure, cost.value),
                "usual": _usual(cost),
                "ratio": number(cost.ratio, 2),
                "nights": f"{cost.nights:,}",
            }
            for cost in report.costs
        ]
    return [
        {
            "run": "score",
            "name": NAMES.get(name, name.replace("_", " ")),
            "value": _amount(name, value),
            "usual": "undefined",
            "ratio": "undefined",
            "nights": "0",
        }
        for name, value in sorted(report.observed.items())
    ]


def _usual(cost: Cost) -> str:
    return _amount(cost.measure, cost.usual)


def _amount(measure: str, value: float) -> str:
    """A measured value with its unit, or ``undefined``.

    >>> _amount("peak_memory_bytes", 3 * 2.0**20), _amount("seconds", 1.25)
    ('3 MiB', '1.2 s')
    """
    if value != value:
        return number(value)
    if measure.endswith("_bytes"):
        return f"{value / 2**20:,.0f} MiB"
    if measure == "seconds":
        return f"{value:,.1f} s"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
