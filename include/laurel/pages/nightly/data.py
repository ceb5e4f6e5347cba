"""The state of the data: freshness and volume."""

from __future__ import annotations

from typing import Any

from laurel.domain.report import Report


def datasets(report: Report) -> list[dict[str, Any]]:
    """One row per dataset: how fresh it is, and how many rows it has against what is usual."""
    fresh = {item.dataset: item for item in report.freshness}
    volumes = {item.dataset: item for item in report.volumes}
    return [
        {"name": name, "fresh": fresh.get(name), "volume": volumes.get(name)}
        for name in dict.fromkeys([*fresh, *volumes])
    ]
