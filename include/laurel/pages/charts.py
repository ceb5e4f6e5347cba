"""Small charts as inline SVG: no script, no fetch; colours come from the page's own variables.

Every text is escaped; undefined values leave a gap and are never drawn as zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup

from laurel.pages import svg

Point = svg.Point
Mark = Literal["yes", "no", "unsure"]


def histogram_pair(
    bins: Sequence[str],
    reference: Sequence[int],
    current: Sequence[int],
    *,
    title: str,
    width: int = 190,
    height: int = 40,
) -> Markup:
    """Shares per bin: the reference as pale bars, the current window as narrow ones upon them.

    >>> "<title>x: a" in histogram_pair(["a"], [1], [3], title="x")
    True
    """
    before, now = svg.shares(reference), svg.shares(current)
    top = max([*before, *now, 1e-9])
    step = width / max(1, len(bins))
    up = svg.Scale(0, top, 0, height - 2)
    parts = []
    for i, name in enumerate(bins):
        wide, tall = up(before[i]), up(now[i])
        inset = step * 0.28
        parts.append(
            Markup(
                "<g><title>{}: {}, reference {:.1%}, now {:.1%}</title>"
                '<rect class="ref" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}"/>'
                '<rect class="now" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}"/></g>'
            ).format(
                title,
                name,
                before[i],
                now[i],
                i * step + 0.5,
                height - wide,
                max(0.5, step - 1),
                wide,
                i * step + inset,
                height - tall,
                max(0.5, step - 2 * inset),
                tall,
            )
        )
    base = Markup('<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/>').format(
        width, height - 0.5, height - 0.5
    )
    return svg.draw([*parts, base], width=width, height=height, title=title, kind="spark")


def line(
    points: Sequence[Point],
    *,
    title: str,
    levels: Sequence[Point] = (),
    width: int = 360,
    height: int = 190,
) -> Markup:
    """Values in order, and dashed levels with their names, such as bounds."""
    known = [v for _, v in [*points, *levels] if not math.isnan(v)]
    if not any(not math.isnan(v) for _, v in points):
        return svg.nothing(title)
    low, high = svg.padded(known)
    x = svg.Scale(0, max(1, len(points) - 1), svg.LEFT, width - svg.RIGHT)
    y = svg.Scale(low, high, height - svg.BOTTOM, svg.TOP)
    parts = [*svg.grid(y, width=width), *svg.ends([name for name, _ in points], x=x, height=height)]
    for name, value in levels:
        if not math.isnan(value):
            parts.append(svg.level_line(name, y(value), width=width))
    for run in svg.runs(points):
        path = " ".join(f"{x(i)},{y(v)}" for i, v in run)
        parts.append(Markup('<polyline class="line" points="{}"/>').format(path))
    for i, (name, value) in enumerate(points):
        if not math.isnan(value):
            parts.append(svg.dot(x(i), y(value), f"{name}: {value:.4g}"))
    return svg.draw(parts, width=width, height=height, title=title)


def reliability(
    points: Sequence[tuple[float, float, float, float, int]],
    *,
    title: str,
    width: int = 360,
    height: int = 190,
) -> Markup:
    """What was observed over the mean score, with intervals: (score, observed, low, high, rows)."""
    if not points:
        return svg.nothing(title)
    most = max(max(p[0], p[3]) for p in points)
    # of probabilities no more than one is shown, of other scores all there is
    top = most * 1.08 if most > 1 else min(1.0, most * 1.08)
    base = min(0.0, *(min(p[0], p[2]) for p in points))
    top = top if top > base else base + 1.0
    x = svg.Scale(base, top, svg.LEFT, width - svg.RIGHT)
    y = svg.Scale(base, top, height - svg.BOTTOM, svg.TOP)
    parts = [*svg.grid(y, width=width), svg.across(x, height=height)]
    parts.append(
        Markup('<line class="level" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
            x(base), y(base), x(top), y(top)
        )
    )
    path = " ".join(f"{x(score)},{y(rate)}" for score, rate, *_ in points)
    parts.append(Markup('<polyline class="line thin" points="{}"/>').format(path))
    for score, rate, low, high, rows in points:
        parts.append(svg.whisker(x(score), y(low), y(high)))
        parts.append(
            svg.dot(x(score), y(rate), f"score {score:.4g}, observed {rate:.4g}, {rows} rows")
        )
    return svg.draw(parts, width=width, height=height, title=title)


def bars(
    items: Sequence[Point], *, title: str, level: float = math.nan, width: int = 360
) -> Markup:
    """Horizontal bars with their values, and a dashed level across them."""
    known = [value for _, value in items if not math.isnan(value)]
    if not known:
        return svg.nothing(title)
    height, left = 22 * len(items) + 8, 110
    x = svg.Scale(0, max([*known, 0 if math.isnan(level) else level]), left, width - 50)
    parts: list[Markup] = []
    for i, (name, value) in enumerate(items):
        y = 4 + i * 22
        short = name if len(name) <= 17 else f"{name[:16]}…"
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
                left - 6, y + 14, short
            )
        )
        text = "undefined" if math.isnan(value) else f"{value:.3f}"
        end = left if math.isnan(value) else x(value)
        parts.append(
            Markup(
                '<rect class="now" x="{}" y="{}" width="{:.1f}" height="14" rx="2"/>'
                '<text x="{}" y="{}" text-anchor="end">{}</text>'
            ).format(left, y + 3, end - left, width - 2, y + 14, text)
        )
    if not math.isnan(level):
        parts.append(
            Markup('<line class="level" x1="{0}" x2="{0}" y1="2" y2="{1}"/>').format(
                x(level), height - 2
            )
        )
    return svg.draw(parts, width=width, height=height, title=title)


def interval(
    found: float,
    *,
    bounds: tuple[float, float] | None,
    required: float,
    upward: bool,
    title: str,
    mark: Mark,
) -> Markup:
    """A value and its interval against a threshold; the side that passes is shaded.

    >>> 'class="dot no"' in interval(0.6, bounds=None, required=0.7, upward=True, title="auc",
    ...                              mark="no")
    True
    """
    width, height, middle = 220, 34, 17
    known = [v for v in (found, required, *(bounds or ())) if not math.isnan(v)]
    if math.isnan(found) or math.isnan(required):
        return Markup('<span class="quiet">undefined</span>')
    low, high = svg.padded(known, share=0.18)
    x = svg.Scale(low, high, 4, width - 4)
    a, b = (x(required), width - 4) if upward else (4, x(required))
    parts = [
        Markup('<rect class="pass" x="{}" y="5" width="{:.1f}" height="24" rx="3"/>').format(
            a, b - a
        ),
        Markup('<line class="axis" x1="4" x2="{}" y1="{}" y2="{}"/>').format(
            width - 4, middle, middle
        ),
        Markup('<line class="need" x1="{0}" x2="{0}" y1="3" y2="31"/>').format(x(required)),
    ]
    if bounds:
        parts.append(
            Markup('<line class="span {}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                mark, x(bounds[0]), x(bounds[1]), middle, middle
            )
        )
    parts.append(
        Markup('<circle class="dot {}" cx="{}" cy="{}" r="4"/>').format(mark, x(found), middle)
    )
    return svg.draw(parts, width=width, height=height, title=title, kind="spark")
