"""Charts of a search: values in the order of trials, by parameter, by rounds; the folds in time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from markupsafe import Markup

from laurel.domain.trial import Trial, best_so_far
from laurel.pages import svg

WIDE, WIDTH, HEIGHT = 760, 360, 190
WORST = 0.9
"""Trials beyond this share of the values lie on the edge of a chart, so that the others show."""


def history(trials: Sequence[Trial], *, best: int, bigger_is_better: bool, title: str) -> Markup:
    """The value of each trial, the best of whole ones so far, and the level of the first."""
    y = _values(trials, bigger_is_better=bigger_is_better)
    x = svg.Scale(1, max(2, len(trials)), svg.LEFT + 8, WIDE - svg.RIGHT - 4)
    steps = best_so_far(trials, bigger_is_better=bigger_is_better)
    corners: list[str] = []
    for number, value in enumerate(steps, 1):
        if value is not None:
            corners += [f"{x(number)},{corners[-1].split(',')[1]}"] if corners else []
            corners.append(f"{x(number)},{y(value)}")
    parts = [
        *svg.grid(y, width=WIDE),
        svg.level_line("", y(trials[0].value), width=WIDE),
        Markup('<polyline class="line" points="{}"/>').format(" ".join(corners)),
        *(_trial(trial, x(trial.number), y(trial.value), best=best) for trial in trials),
        *_numbers(x, len(trials)),
    ]
    return svg.draw(parts, width=WIDE, height=HEIGHT, title=title)


def by_parameter(
    name: str,
    searched: Mapping[str, Any],
    trials: Sequence[Trial],
    *,
    best: int,
    bigger_is_better: bool,
) -> Markup:
    """The value of each trial over the value of one parameter."""
    title = f"Trials by {name}"
    y = _values(trials, bigger_is_better=bigger_is_better)
    left, right = svg.LEFT + 10, WIDTH - svg.RIGHT - 6
    if searched["kind"] == "choice":
        choices = [_said(each) for each in searched["of"]]
        own = svg.Scale(-0.5, len(choices) - 0.5, left, right)
        places = [own(choices.index(_said(trial.params[name]))) for trial in trials]
        marks = [_below(own(place), text) for place, text in enumerate(choices)]
    else:
        bend = math.log if searched["log"] else float
        own = svg.Scale(bend(searched["low"]), bend(searched["high"]), left, right)
        places = [own(bend(trial.params[name])) for trial in trials]
        middle = (own.low + own.high) / 2
        middle = math.exp(middle) if searched["log"] else middle
        inner = [] if searched["kind"] == "int" else [middle]
        shown = [searched["low"], *inner, searched["high"]]
        marks = [_below(own(bend(value)), f"{value:.3g}") for value in shown]
    dots = (
        _trial(trial, place, y(trial.value), best=best, said=f"{name} {_said(trial.params[name])}")
        for trial, place in zip(trials, places, strict=True)
    )
    return svg.draw(
        [*svg.grid(y, width=WIDTH), *marks, *dots], width=WIDTH, height=HEIGHT, title=title
    )


def by_rounds(trials: Sequence[Trial], *, best: int, bigger_is_better: bool, title: str) -> Markup:
    """How each trial went: its value after so many rounds, to where it ended."""
    values = [point.value for trial in trials for point in trial.reports]
    y = _scale(values, bigger_is_better=bigger_is_better)
    longest = max(trial.last.fitted for trial in trials)
    x = svg.Scale(0, longest, svg.LEFT, WIDE - svg.RIGHT)
    lines = []
    for trial in sorted(trials, key=lambda each: each.number == best):
        points = [(x(point.fitted), y(point.value)) for point in trial.reports]
        kind = "chosen" if trial.number == best else trial.state
        path = " ".join(f"{a},{b}" for a, b in points)
        end = _trial(trial, *points[-1], best=best)
        lines.append(Markup('<polyline class="way {}" points="{}"/>{}').format(kind, path, end))
    parts = [*svg.grid(y, width=WIDE), svg.across(x, height=HEIGHT), *lines]
    return svg.draw(parts, width=WIDE, height=HEIGHT, title=title)


def folds(found: Sequence[Mapping[str, Sequence[str]]], *, title: str) -> Markup:
    """The days of each fold: those learned from pale, those that validate dark."""
    left, row = 60, 22
    first = min(date.fromisoformat(fold["train"][0]) for fold in found)
    last = max(date.fromisoformat(fold["validation"][1]) for fold in found)
    x = svg.Scale(0, (last - first).days + 1, left, WIDE - svg.RIGHT)
    parts: list[Markup] = []
    for place, fold in enumerate(found):
        top = 4 + place * row
        label = Markup('<text x="{}" y="{}" text-anchor="end">fold {}</text>')
        parts.append(label.format(left - 8, top + 12, place + 1))
        for name, kind in (("train", "ref"), ("validation", "now")):
            start, end = (date.fromisoformat(day) for day in fold[name])
            a, b = x((start - first).days), x((end - first).days + 1)
            parts.append(
                Markup(
                    '<rect class="{}" x="{}" y="{}" width="{:.1f}" height="14" rx="2">'
                    "<title>{}: {} to {}</title></rect>"
                ).format(kind, a, top, b - a, name, start, end)
            )
    height = row * len(found) + 22
    ends = Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>')
    parts.append(ends.format(left, height - 6, "start", first))
    parts.append(ends.format(WIDE - svg.RIGHT, height - 6, "end", last))
    return svg.draw(parts, width=WIDE, height=height, title=title)


def _values(trials: Sequence[Trial], *, bigger_is_better: bool) -> svg.Scale:
    return _scale([trial.value for trial in trials], bigger_is_better=bigger_is_better)


def _scale(values: Sequence[float], *, bigger_is_better: bool) -> svg.Scale:
    ordered = sorted(values, reverse=bigger_is_better)
    edge = ordered[min(len(ordered) - 1, math.ceil(len(ordered) * WORST))]
    low, high = svg.padded([ordered[0], edge])
    return svg.Scale(low, high, HEIGHT - svg.BOTTOM - 4, svg.TOP)


def _trial(trial: Trial, x: float, y: float, *, best: int, said: str = "") -> Markup:
    """A dot for a whole trial, a ring for a pruned one, a dot with a ring for the best."""
    kind = "ring" if trial.state == "pruned" else "dot"
    extra = f", {said}" if said else ""
    text = f"trial {trial.number}: {trial.value:.6g}, {trial.state}{extra}"
    dot = Markup('<circle class="{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>')
    marked = dot.format(kind, x, y, 3, text)
    if trial.number == best:
        marked = Markup('<circle class="halo" cx="{}" cy="{}" r="7"/>').format(x, y) + marked
    return marked


def _numbers(x: svg.Scale, count: int) -> Iterable[Markup]:
    step = max(1, math.ceil(count / 10))
    return (_below(x(number), f"{number}") for number in range(1, count + 1, step))


def _below(x: float, text: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(x, HEIGHT - 6, text)


def _said(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
