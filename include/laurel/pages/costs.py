"""The page of what the runs of a night happened to cost: beside a report, outside its promise."""

from __future__ import annotations

from collections.abc import Sequence

from laurel.domain.surroundings import Cost
from laurel.pages.nightly.terms import TERMS
from laurel.pages.page import number, templates

NAMES = {"seconds": "seconds", "rows_per_second": "rows per second", "peak_memory_bytes": "memory"}


def render_costs(usecase: str, partition: str, costs: Sequence[Cost], *, report: str) -> str:
    """The page as HTML that needs nothing else; ``report`` is the address of the report."""
    rows = [
        {
            "run": cost.run,
            "name": NAMES.get(cost.measure, cost.measure),
            "value": _amount(cost.measure, cost.value),
            "usual": _amount(cost.measure, cost.usual),
            "ratio": number(cost.ratio, 2),
            "runs": f"{cost.runs:,}",
        }
        for cost in costs
    ]
    return (
        templates()
        .get_template("costs.html")
        .render(usecase=usecase, partition=partition, costs=rows, terms=TERMS, report=report)
    )


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
