"""Values over nights as inline SVG, with the nights marked on which the champion changed."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from markupsafe import Markup

from laurel.pages import svg

DOTS = 62
"""Nights up to which each is drawn as a dot that tells what it is."""
STATES = {"deserved": "yes", "alarmed": "no"}


def timeline(
    points: Sequence[svg.Point],
    *,
    title: str,
    marks: Collection[str] = (),
    levels: Sequence[svg.Point] = (),
    expected: Sequence[svg.Point] = (),
    width: int = 440,
    height: int = 190,
) -> Markup:
    """Values by night; a gap where undefined, a dashed line where the champion changed.

    levels: dashed lines across, such as bounds; expected: for the same nights, a pale line below.

    >>> "champion changed" in timeline([("a", 1.0), ("b", 2.0)], title="x", marks=["b"])
    True
    """
    drawn = [value for _, value in [*points, *expected] if not math.isnan(value)]
    if not drawn:
        return svg.nothing(title)
    low, high = svg.padded([*drawn, *(value for _, value in levels if not math.isnan(value))])
    x = svg.Scale(0, max(1, len(points) - 1), svg.LEFT, width - svg.RIGHT)
    y = svg.Scale(low, high, height - svg.BOTTOM, svg.TOP)
    parts = [*svg.grid(y, width=width), *svg.ends([name for name, _ in points], x=x, height=height)]
    parts += [_mark(x(i), name, height) for i, (name, _) in enumerate(points) if name in marks]
    parts += [svg.level_line(n, y(v), width=width) for n, v in levels if not math.isnan(v)]
    for run in svg.runs(expected):
        path = " ".join(f"{x(i)},{y(value)}" for i, value in run)
        parts.append(Markup('<polyline class="line pale" points="{}"/>').format(path))
    for run in svg.runs(points):
        path = " ".join(f"{x(i)},{y(value)}" for i, value in run)
        parts.append(Markup('<polyline class="line" points="{}"/>').format(path))
    for i, (name, value) in enumerate(points):
        if not math.isnan(value) and len(points) <= DOTS:
            parts.append(svg.dot(x(i), y(value), f"{name}: {value:.4g}"))
    return svg.draw(parts, width=width, height=height, title=title)


def strip(
    nights: Sequence[tuple[str, str, int]], *, title: str, width: int = 880, height: int = 40
) -> Markup:
    """A bar for each night: its standing by colour, its alarms by height.

    nights: name, ``deserved``, ``alarmed`` or ``unknown``, and the number of alarms.
    """
    if not nights:
        return svg.nothing(title)
    step = width / len(nights)
    most = max(1, *(alarms for _, _, alarms in nights))
    base = height - 2
    parts = []
    for i, (name, standing, alarms) in enumerate(nights):
        tall = 6 + (base - 8) * alarms / most
        parts.append(
            Markup(
                '<g><title>{}: {}, {} confirmed alarms</title><rect class="night {}" x="{:.1f}" '
                'y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1.5"/></g>'
            ).format(
                name,
                standing,
                alarms,
                STATES.get(standing, "unsure"),
                i * step + min(1.0, step * 0.1),
                base - tall,
                min(60.0, max(0.8, step * 0.8)),
                tall,
            )
        )
    return svg.draw(parts, width=width, height=height, title=title)


def maturity(
    days: Sequence[tuple[str, int, int]], *, title: str, width: int = 720, height: int = 150
) -> Markup:
    """Rows of each day as pale bars, and those whose labels have come upon them.

    days: name, rows, and how many of them are labelled.

    >>> "2 of 4 labels" in maturity([("a", 4, 2)], title="x")
    True
    """
    if not days:
        return svg.nothing(title)
    left, right, base = svg.LEFT, width - svg.RIGHT, height - svg.BOTTOM
    step = (right - left) / len(days)
    up = svg.Scale(0, max(1, *(rows for _, rows, _ in days)), 0, base - svg.TOP)
    axis = svg.Scale(up.low, up.high, base, svg.TOP)
    parts = [*svg.grid(axis, width=width)]
    wide = min(26.0, max(0.8, step * 0.8))
    for i, (name, rows, labelled) in enumerate(days):
        at = left + i * step + (step - wide) / 2
        parts.append(
            Markup(
                "<g><title>{}: {:,} of {:,} labels</title>"
                '<rect class="ref" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
                '<rect class="now" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/></g>'
            ).format(
                name,
                labelled,
                rows,
                at,
                base - up(rows),
                wide,
                up(rows),
                at,
                base - up(labelled),
                wide,
                up(labelled),
            )
        )
    x = svg.Scale(0, max(1, len(days) - 1), left, right)
    parts += svg.ends([name for name, _, _ in days], x=x, height=height)
    return svg.draw(parts, width=width, height=height, title=title)


def _mark(x: float, name: str, height: int) -> Markup:
    return Markup(
        "<g><title>{0}: the champion changed</title>"
        '<line class="level" x1="{1}" x2="{1}" y1="{2}" y2="{3}"/></g>'
    ).format(name, x, svg.TOP, height - svg.BOTTOM)
