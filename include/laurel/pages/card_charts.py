"""Charts of the model card: how scores lie, and what moves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from laurel.pages import svg

Part = Mapping[str, Any]
TONES = 5
"""Shades from the least to the greatest value of a feature."""
GAP = 3.2
"""Pixels between the centres of two dots that would cover each other."""


def histogram(found: Part, *, title: str, level: float | None = None) -> Markup:
    """Rows by score as pale bars, the positives of them as dark ones, and a threshold.

    found: ``edges``, ``rows`` and, where labels are 0 or 1, ``positive``.
    """
    width, height = 360, 190
    edges, rows = found["edges"], found["rows"]
    x = svg.Scale(edges[0], edges[-1], svg.LEFT, width - svg.RIGHT)
    y = svg.Scale(0, max([*rows, 1]) * 1.06, height - svg.BOTTOM, svg.TOP)
    positive = found.get("positive")
    parts = [*svg.grid(y, width=width), svg.across(x, height=height)]
    for place, (low, high) in enumerate(pairwise(edges)):
        said = f"{low:g} to {high:g}: {rows[place]:,} rows"
        said += f", {positive[place]:,} of them positive" if positive else ""
        bars = [_bar("ref" if positive else "now", x(low), x(high), y(0), y(rows[place]))]
        bars += [_bar("now", x(low), x(high), y(0), y(positive[place]))] if positive else []
        parts.append(Markup("<g><title>{}</title>{}</g>").format(said, Markup("").join(bars)))
    if level is not None:
        parts.append(
            Markup(
                '<line class="need" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
                '<text class="name" x="{3}" y="{4}" text-anchor="{5}">decided from {6:g} on</text>'
            ).format(
                x(level),
                svg.TOP - 6,
                height - svg.BOTTOM,
                x(level) + (5 if level < 0.6 * edges[-1] else -5),
                svg.TOP + 3,
                "start" if level < 0.6 * edges[-1] else "end",
                level,
            )
        )
    return svg.draw(parts, width=width, height=height, title=title)


def said_and_seen(points: Sequence[Part], *, title: str, before: Sequence[Part] = ()) -> Markup:
    """What was observed over what was said, with intervals; on the dashed line both are equal.

    before: ``mean_score`` and ``observed`` of the same rows before calibration.
    """
    if not points:
        return svg.nothing(title)
    width, height = 360, 190
    values = [value for p in points for value in (p["score"], p["low"], p["high"])]
    values += [value for p in before for value in (p["mean_score"], p["observed"])]
    low, high = svg.padded(values, share=0.04)
    low = 0.0 if min(values) >= 0 else low
    x = svg.Scale(low, high, svg.LEFT, width - svg.RIGHT)
    y = svg.Scale(low, high, height - svg.BOTTOM, svg.TOP)
    parts = [*svg.grid(y, width=width), svg.across(x, height=height)]
    parts.append(
        Markup('<line class="level" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
            x(low), y(low), x(high), y(high)
        )
    )
    if before:
        path = " ".join(f"{x(p['mean_score'])},{y(p['observed'])}" for p in before)
        parts.append(Markup('<polyline class="before" points="{}"/>').format(path))
    path = " ".join(f"{x(p['score'])},{y(p['observed'])}" for p in points)
    parts.append(Markup('<polyline class="line thin" points="{}"/>').format(path))
    for p in points:
        parts.append(svg.whisker(x(p["score"]), y(p["low"]), y(p["high"])))
        text = f"said {p['score']:.4g}, observed {p['observed']:.4g}, {p['rows']:,} rows"
        parts.append(svg.dot(x(p["score"]), y(p["observed"]), text))
    return svg.draw(parts, width=width, height=height, title=title)


def swarm(dots: Sequence[Sequence[float | None]], *, reach: float, title: str) -> Markup:
    """Contributions of single rows left and right of nothing, dark where the value is great.

    dots: contribution, and where the value lies among the others (0 to 1; ``None`` for a category
    or a missing value). reach: the contribution at either end.
    """
    width, height = 260, 40
    x = svg.Scale(-reach, reach, 5, width - 5)
    tones: dict[str, list[str]] = {}
    for px, py, tone in _stacked(dots, x, middle=height / 2):
        tones.setdefault(tone, []).append(f"M{px:g} {py:g}h0")
    parts = [
        Markup('<line class="axis" x1="{0}" x2="{0}" y1="2" y2="{1}"/>').format(x(0), height - 2)
    ]
    parts += [
        Markup('<path class="dots {}" d="{}"/>').format(tone, "".join(moves))
        for tone, moves in sorted(tones.items())
    ]
    return svg.draw(parts, width=width, height=height, title=title, kind="spark swarm")


def dependence(bins: Sequence[Part], *, title: str) -> Markup:
    """The mean contribution by value, from the least to the greatest, with the middle 80 %."""
    if not bins:
        return svg.nothing(title)
    width, height = 360, 170
    low, high = svg.padded([v for b in bins for v in (b["p10"], b["p90"], 0.0)], share=0.06)
    x = svg.Scale(0, max(1, len(bins) - 1), svg.LEFT + 6, width - svg.RIGHT - 6)
    y = svg.Scale(low, high, height - svg.BOTTOM, svg.TOP)
    zero = Markup('<line class="level" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>')
    parts = [*svg.grid(y, width=width), zero.format(svg.LEFT, width - svg.RIGHT, y(0))]
    path = " ".join(f"{x(i)},{y(b['mean'])}" for i, b in enumerate(bins))
    parts.append(Markup('<polyline class="line" points="{}"/>').format(path))
    for i, each in enumerate(bins):
        value = _span(each)
        parts.append(svg.whisker(x(i), y(each["p10"]), y(each["p90"])))
        text = f"{value}: {each['mean']:+.3g} on average, {each['rows']:,} rows"
        parts.append(svg.dot(x(i), y(each["mean"]), text))
    for i in sorted({0, len(bins) // 2, len(bins) - 1}) if len(bins) > 2 else range(len(bins)):
        anchor = "start" if i == 0 else "end" if i == len(bins) - 1 else "middle"
        at = x(i) + (-6 if anchor == "start" else 6 if anchor == "end" else 0)
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
                at, height - 6, anchor, _span(bins[i])
            )
        )
    return svg.draw(parts, width=width, height=height, title=title)


def diverging(items: Sequence[tuple[str, float, str]], *, title: str) -> Markup:
    """Bars left and right of nothing: a name, a value and what more there is to say of it."""
    if not items:
        return svg.nothing(title)
    width, height, left = 360, 21 * len(items) + 8, 118
    reach = max([abs(value) for _, value, _ in items]) or 1.0
    x = svg.Scale(-reach, reach, left, width - 48)
    parts: list[Markup] = []
    for i, (name, value, more) in enumerate(items):
        y = 4 + i * 21
        short = name if len(name) <= 18 else f"{name[:17]}…"
        start, end = sorted((x(0), x(value)))
        parts.append(
            Markup(
                "<g><title>{}: {:+.3g}{}</title>"
                '<text x="{}" y="{}" text-anchor="end">{}</text>'
                '<rect class="{}" x="{}" y="{}" width="{:.1f}" height="13" rx="2"/>'
                '<text x="{}" y="{}" text-anchor="end">{:+.2g}</text></g>'
            ).format(
                name,
                value,
                more,
                left - 8,
                y + 13,
                short,
                "up" if value >= 0 else "down",
                start,
                y + 3,
                max(0.8, end - start),
                width - 2,
                y + 13,
                value,
            )
        )
    parts.append(
        Markup('<line class="axis" x1="{0}" x2="{0}" y1="2" y2="{1}"/>').format(x(0), height - 2)
    )
    return svg.draw(parts, width=width, height=height, title=title)


def _bar(kind: str, left: float, right: float, bottom: float, top: float) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        kind, left + 0.5, top, max(0.5, right - left - 1), bottom - top
    )


def _stacked(
    dots: Sequence[Sequence[float | None]], x: svg.Scale, *, middle: float
) -> list[tuple[float, float, str]]:
    """Where each dot goes: dots at one place are stacked upwards and downwards in turn."""
    columns: dict[int, int] = {}
    placed = []
    for value, rank in sorted(dots, key=lambda dot: (dot[0] or 0.0, dot[1] or 0.0)):
        at = x(value or 0.0)
        column = round(at / GAP)
        nth = columns.get(column, 0)
        columns[column] = nth + 1
        step = (nth + 1) // 2 * (1 if nth % 2 else -1)
        offset = max(-middle + 3, min(middle - 3, step * GAP))
        tone = "tn" if rank is None else f"t{min(TONES - 1, int(rank * TONES))}"
        placed.append((at, round(middle + offset, 1), tone))
    return placed


def _span(each: Part) -> str:
    low, high = f"{each['low']:.4g}", f"{each['high']:.4g}"
    return low if low == high else f"{low} to {high}"


def waterfall(base: float, steps: Sequence[tuple[str, float]], *, title: str) -> Markup:
    """From a base over each step to where they end: what raises to the right, what lowers left."""
    width, height, left = 430, 22 * (len(steps) + 2) + 8, 150
    ends = [base]
    for _, value in steps:
        ends.append(ends[-1] + value)
    low, high = svg.padded(ends, share=0.08)
    x = svg.Scale(low, high, left, width - 58)
    parts = [_step("base", x(base), x(base), 0, left, width, f"{base:+.3f}", "now")]
    for i, (name, value) in enumerate(steps):
        start, end = x(ends[i]), x(ends[i + 1])
        kind = "up" if value >= 0 else "down"
        parts.append(_step(name, start, end, i + 1, left, width, f"{value:+.3f}", kind))
        joint = Markup('<line class="grid" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>')
        parts.append(joint.format(start, 22 * i + 17, 22 * (i + 1) + 8))
    last = x(ends[-1])
    count = len(steps) + 1
    parts.append(_step("margin", last, last, count, left, width, f"{ends[-1]:+.3f}", "now"))
    return svg.draw(parts, width=width, height=height, title=title)


def _step(
    name: str, start: float, end: float, place: int, left: float, width: float, said: str, kind: str
) -> Markup:
    y = 4 + place * 22
    low, high = sorted((start, end))
    short = name if len(name) <= 25 else f"{name[:24]}…"
    return Markup(
        '<g><title>{}: {}</title><text x="{}" y="{}" text-anchor="end">{}</text>'
        '<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="13" rx="2"/>'
        '<text x="{}" y="{}" text-anchor="end">{}</text></g>'
    ).format(
        name,
        said,
        left - 8,
        y + 13,
        short,
        kind,
        low - (1 if low == high else 0),
        y + 3,
        max(2.0, high - low),
        width - 2,
        y + 13,
        said,
    )
