"""The parts that charts are drawn from: a scale, a grid, dots and lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

LEFT, RIGHT, TOP, BOTTOM = 40, 12, 12, 22
"""Margins around a chart with axes, in pixels."""

Point = tuple[str, float]
"""A label and a value; nan is a gap."""


@dataclass(frozen=True)
class Scale:
    """Values from ``low`` to ``high`` on pixels from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        share = min(1.0, max(0.0, (value - self.low) / span))
        return round(self.start + share * (self.end - self.start), 1)


def draw(
    parts: Iterable[Markup], *, width: float, height: float, title: str, kind: str = "chart"
) -> Markup:
    """Put parts into one drawing that has a name for those who do not see it."""
    body = Markup("").join(parts)
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}</svg>'
    ).format(kind, width, height, title, title, body)


def nothing(title: str) -> Markup:
    """What stands in for a chart of undefined values."""
    return Markup('<p class="quiet empty" role="img" aria-label="{}">undefined</p>').format(title)


def shares(counts: Sequence[int]) -> list[float]:
    """Counts as shares of their sum; zeros of nothing."""
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def padded(values: Sequence[float], *, share: float = 0.12) -> tuple[float, float]:
    """Bounds around some values with a little room."""
    low, high = min(values), max(values)
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room


def grid(y: Scale, *, width: int) -> Iterable[Markup]:
    """Horizontal lines at round values."""
    for value in ticks(y.low, y.high):
        yield Markup(
            '<line class="grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
            '<text x="{3}" y="{4}" text-anchor="end">{5:g}</text>'
        ).format(LEFT, width - RIGHT, y(value), LEFT - 6, y(value) + 4, value)


def ticks(low: float, high: float) -> list[float]:
    """Two to five round values between two bounds."""
    span = high - low
    step = 10 ** math.floor(math.log10(span)) if span > 0 else 1.0
    step = next(step * f for f in (0.2, 0.25, 0.5, 1, 2) if span / (step * f) <= 5)
    first = math.ceil(low / step)
    return [round(i * step, 10) for i in range(first, math.floor(high / step) + 1)]


def ends(names: Sequence[str], *, x: Scale, height: int) -> Iterable[Markup]:
    """The first and the last name below a chart."""
    ends = ((0, "start"), (len(names) - 1, "end"))
    for i, anchor in ends[: len(names)]:
        yield Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
            x(i), height - 6, anchor, names[i]
        )


def across(x: Scale, *, height: int) -> Markup:
    """Round values below a chart."""
    texts = (
        Markup('<text x="{}" y="{}" text-anchor="middle">{:g}</text>').format(
            x(value), height - 6, value
        )
        for value in ticks(x.low, x.high)
    )
    return Markup("").join(texts)


def level_line(name: str, y: float, *, width: int) -> Markup:
    """A dashed line across a chart, with its name."""
    return Markup(
        '<line class="level" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="name" x="{}" y="{}" text-anchor="end">{}</text>'
    ).format(LEFT, width - RIGHT, y, y, width - RIGHT, y - 4, name)


def runs(points: Sequence[Point]) -> list[list[tuple[int, float]]]:
    """Stretches of defined values."""
    runs: list[list[tuple[int, float]]] = [[]]
    for i, (_, value) in enumerate(points):
        if math.isnan(value):
            runs.append([])
        else:
            runs[-1].append((i, value))
    return [run for run in runs if len(run) > 1]


def dot(x: float, y: float, text: str) -> Markup:
    """A dot that tells what it is."""
    return Markup('<circle class="dot" cx="{}" cy="{}" r="2.4"><title>{}</title></circle>').format(
        x, y, text
    )


def whisker(x: float, low: float, high: float) -> Markup:
    """A vertical interval."""
    return Markup('<line class="whisker" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
        x, low, high
    )
