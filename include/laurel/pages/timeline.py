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
    width: int = 440,
    height: int = 190,
) -> Markup:
    """Values by night; a gap where undefined, a dashed line where the champion changed.

    >>> "champion changed" in timeline([("a", 1.0), ("b", 2.0)], title="x", marks=["b"])
    True
    """
    known = [value for _, value in points if not math.isnan(value)]
    if not known:
        return svg.nothing(title)
    low, high = svg.padded(known)
    x = svg.Scale(0, max(1, len(points) - 1), svg.LEFT, width - svg.RIGHT)
    y = svg.Scale(low, high, height - svg.BOTTOM, svg.TOP)
    parts = [*svg.grid(y, width=width), *svg.ends([name for name, _ in points], x=x, height=height)]
    parts += [_mark(x(i), name, height) for i, (name, _) in enumerate(points) if name in marks]
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


def _mark(x: float, name: str, height: int) -> Markup:
    return Markup(
        "<g><title>{0}: the champion changed</title>"
        '<line class="level" x1="{1}" x2="{1}" y1="{2}" y2="{3}"/></g>'
    ).format(name, x, svg.TOP, height - svg.BOTTOM)
