"""Charts of a decision: both models over one another, and groups that lie apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from laurel.pages import svg

Line = Sequence[Sequence[float]]
WIDTH, HEIGHT = 360, 230
LOW = 38
"""Pixels below a chart for its numbers and the name of its axis."""


@dataclass(frozen=True)
class Axes:
    """What a chart says of itself."""

    title: str
    x: str
    y: str
    diagonal: bool = False
    """Whether a dashed line shows where both are equal."""
    unit: bool = False
    """Whether both axes go from 0 to 1."""
    mark: float | None = None
    """A value of x that is pointed out."""


def both(lines: Mapping[str, Line], axes: Axes) -> Markup:
    """The curves of challenger and champion: solid and dashed, told apart without colour, too.

    lines: model → points of x and y; further numbers of a point are its bounds and rows.

    >>> axes = Axes("ROC", "false positives", "true positives", unit=True)
    >>> "champion" in both({"challenger": [[0, 0], [1, 1]], "champion": [[0, 0], [1, 1]]}, axes)
    True
    """
    drawn = {model: points for model, points in lines.items() if points}
    if not drawn:
        return svg.nothing(axes.title)
    x, y = _scales(drawn, axes)
    parts = [*svg.grid(y, width=WIDTH), *_below(x, axes)]
    if axes.diagonal:
        low, high = max(x.low, y.low), min(x.high, y.high)
        parts.append(
            Markup('<line class="level" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
                x(low), y(low), x(high), y(high)
            )
        )
    if axes.mark is not None:
        parts.append(
            Markup('<line class="need" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
                x(axes.mark), svg.TOP, HEIGHT - LOW
            )
        )
    # the champion below, so that where both are equal the challenger is seen
    for model in sorted(drawn):
        parts += _line(model, drawn[model], x, y)
    said = f"{axes.title}: {axes.y} over {axes.x}, {' and '.join(drawn)}"
    return svg.draw(parts, width=WIDTH, height=HEIGHT, title=said)


def groups(found: Sequence[Mapping[str, Any]], *, low: str | None, high: str | None) -> Markup:
    """The groups of a protected column on one axis; the two furthest apart are tied together.

    found: ``value``, ``rows`` and ``found`` of each group.
    """
    known = [group for group in found if group["found"] is not None]
    title = ", ".join(f"{group['value']} {group['found']:.4g}" for group in known)
    if not known:
        return Markup('<span class="quiet">undefined</span>')
    width, height, middle = 220, 34, 17
    start, end = svg.padded([group["found"] for group in known], share=0.14)
    x = svg.Scale(start, end, 6, width - 6)
    at = {group["value"]: x(group["found"]) for group in known}
    parts = [
        Markup('<line class="axis" x1="6" x2="{0}" y1="{1}" y2="{1}"/>').format(width - 6, middle)
    ]
    if low in at and high in at:
        parts.append(
            Markup('<line class="span unsure" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(
                at[str(low)], at[str(high)], middle
            )
        )
    for group in known:
        mark = "dot" if group["value"] in (low, high) else "dot unsure"
        said = f"{group['value']}: {group['found']:.4g} of {group['rows']:,} rows"
        parts.append(
            Markup('<circle class="{}" cx="{}" cy="{}" r="4"><title>{}</title></circle>').format(
                mark, at[group["value"]], middle, said
            )
        )
    return svg.draw(parts, width=width, height=height, title=title, kind="spark")


def _scales(lines: Mapping[str, Line], axes: Axes) -> tuple[svg.Scale, svg.Scale]:
    if axes.unit:
        ends = (0.0, 1.0), (0.0, 1.0)
    else:
        across = [point[0] for points in lines.values() for point in points]
        up = [v for points in lines.values() for point in points for v in point[1:4]]
        both_ways = [*across, *up] if axes.diagonal else []
        ends = _room(both_ways or across, edge=not axes.diagonal), _room(both_ways or up)
    return (
        svg.Scale(*ends[0], svg.LEFT, WIDTH - svg.RIGHT),
        svg.Scale(*ends[1], HEIGHT - LOW, svg.TOP),
    )


def _room(values: Sequence[float], *, edge: bool = False) -> tuple[float, float]:
    """Bounds with a little room; from nothing on where nothing is below."""
    if edge:
        return min(values), max(values) if max(values) > min(values) else min(values) + 1
    low, high = svg.padded(values, share=0.06)
    return (0.0 if min(values) >= 0 else low), high


def _below(x: svg.Scale, axes: Axes) -> Iterator[Markup]:
    yield svg.across(x, height=HEIGHT - LOW + svg.BOTTOM)
    yield Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
        (svg.LEFT + WIDTH - svg.RIGHT) / 2, HEIGHT - 3, axes.x
    )


def _line(model: str, points: Line, x: svg.Scale, y: svg.Scale) -> Iterator[Markup]:
    path = " ".join(f"{x(point[0])},{y(point[1])}" for point in points)
    yield Markup('<polyline class="model {}" points="{}"><title>{}</title></polyline>').format(
        model, path, model
    )
    for point in points:
        if len(point) == 5:
            yield Markup('<line class="reach {0}" x1="{1}" x2="{1}" y1="{2}" y2="{3}"/>').format(
                model, x(point[0]), y(point[2]), y(point[3])
            )
            text = f"{model}: said {point[0]:.4g}, observed {point[1]:.4g}, {point[4]:,.0f} rows"
            yield Markup(
                '<circle class="point {}" cx="{}" cy="{}" r="2.6"><title>{}</title></circle>'
            ).format(model, x(point[0]), y(point[1]), text)
