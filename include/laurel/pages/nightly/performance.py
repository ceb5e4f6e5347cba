"""Scores and performance over time, calibration, slices and how labels came."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from laurel.domain.performance import DayPerformance
from laurel.domain.report import Report, named
from laurel.pages import charts
from laurel.pages.nightly.figure import Figure, Head, head, table
from laurel.pages.nightly.terms import metric_meaning, metric_name
from laurel.pages.page import number, percent
from laurel.pages.timeline import maturity, timeline


def metric_rows(report: Report) -> Iterator[dict[str, Any]]:
    """One row per metric: realised, at promotion, expected, and how good estimates were."""
    realised = report.realised
    for name in realised.champion.metrics:
        kind, value = report.bounds.get(name, ("", math.nan))
        yield {
            "name": metric_name(name),
            "meaning": metric_meaning(name),
            "realised": realised.champion.metrics[name],
            "served": realised.served.metrics[name],
            "holdout": report.champion.holdout.get(name, math.nan),
            "bound": f"{kind.replace('_', ' ')} {value:g}" if kind else "",
            "estimate": realised.estimate.get(name),
            "error": realised.estimate_errors.get(name),
        }
    if len(report.mean_scores) > 1:
        return
    for name in ("mean_label", "mean_score"):
        yield {
            "name": metric_name(name),
            "meaning": metric_meaning(name),
            "realised": getattr(realised.champion, name),
            "served": getattr(realised.served, name),
            "holdout": report.champion.holdout.get(name),
            "bound": "",
            "estimate": report.mean_scores["score"],
            "error": None,
        }


def over_time(report: Report) -> Iterator[Figure]:
    """Scores, each charted metric beside its estimate, and how labels came, day by day."""
    days = report.realised.days
    marks = champion_changes(days)
    yield from _scores(report, marks)
    for name in report.charted:
        yield _metric(report, name, marks)
    yield _labels(days)


def champion_changes(days: Sequence[DayPerformance]) -> tuple[str, ...]:
    """The days that another version scored than the day before.

    >>> from laurel.domain.performance import Performance
    >>> nothing = Performance(0, 0, math.nan, math.nan, {})
    >>> of = lambda day, *versions: DayPerformance(day, nothing, versions)
    >>> champion_changes([of("a", "x"), of("b", "x"), of("c", "y")])
    ('c',)
    """
    return tuple(now.partition for then, now in pairwise(days) if then.versions != now.versions)


def _scores(report: Report, marks: tuple[str, ...]) -> Iterator[Figure]:
    days = report.realised.days
    for name in report.mean_scores:
        title = f"Mean {named(name)} by day"
        points = [(day.partition, day.mean_scores.get(name, math.nan)) for day in days]
        yield Figure(
            title=title,
            drawing=timeline(points, title=title, marks=marks, width=360, height=190),
            table=table(
                (Head("Day"), head("Rows", "rows"), head("Mean score", "mean_score"), Head("By")),
                [
                    (d.partition, f"{d.performance.rows:,}", number(v, 4), ", ".join(d.versions))
                    for d, (_, v) in zip(days, points, strict=True)
                ],
            ),
        )


def _metric(report: Report, name: str, marks: tuple[str, ...]) -> Figure:
    days = report.realised.days
    promised = {night.partition: night.estimate for night in report.realised.nights}
    levels = [("at promotion", report.champion.holdout.get(name, math.nan))]
    if name in report.bounds:
        levels.append(("bound", report.bounds[name][1]))
    title = f"{metric_name(name)} by day"
    points = [(day.partition, day.performance.metrics[name]) for day in days]
    hoped = [(d.partition, promised.get(d.partition, {}).get(name, math.nan)) for d in days]
    expected = any(not math.isnan(value) for _, value in hoped)
    return Figure(
        title=title,
        drawing=timeline(
            points,
            title=title,
            marks=marks,
            levels=levels,
            expected=hoped if expected else (),
            width=360,
            height=190,
        ),
        table=table(
            (
                Head("Day"),
                Head(metric_name(name), metric_meaning(name)),
                head("Expected", "estimate"),
                head("Labels", "labelled"),
            ),
            [
                (d.partition, number(v, 4), number(e, 4, ""), f"{d.performance.labelled:,}")
                for d, (_, v), (_, e) in zip(days, points, hoped, strict=True)
            ],
        ),
        legend=(("leaf", "realised"), ("pale", "expected of the champion before labels came"))
        if expected
        else (),
    )


def _labels(days: Sequence[DayPerformance]) -> Figure:
    title = "Labels that have come, by day"
    counts = [(d.partition, d.performance.rows, d.performance.labelled) for d in days]
    return Figure(
        title=title,
        drawing=maturity(counts, title=title, width=360, height=190),
        table=table(
            (
                Head("Day"),
                head("Rows", "rows"),
                head("Labels", "labelled"),
                head("Outstanding", "outstanding"),
            ),
            [
                (name, f"{rows:,}", f"{known:,}", percent(1 - known / rows if rows else math.nan))
                for name, rows, known in counts
            ],
        ),
        legend=(("ref", "scored"), ("leaf", "labelled")),
    )


def calibration(report: Report) -> Figure:
    """How true the scores come."""
    title = "Reliability: observed over predicted"
    curve = [(p.mean_score, p.observed, p.low, p.high, p.rows) for p in report.realised.calibration]
    return Figure(
        title=title,
        drawing=charts.reliability(curve, title=title),
        table=table(
            (
                head("Mean score", "mean_score"),
                head("Observed", "observed"),
                head("Low", "observed"),
                head("High", "observed"),
                head("Rows", "rows"),
            ),
            [(*(number(v, 4) for v in point[:4]), f"{point[4]:,}") for point in curve],
        ),
    )


def slices(report: Report) -> Iterator[Figure]:
    """Each column of slices by the first charted metric, with every metric in its table."""
    for column in dict.fromkeys(part.column for part in report.realised.slices):
        name = report.charted[0]
        title = f"{metric_name(name)} by {column}, the champion's rows"
        parts = [p for p in report.realised.slices if p.column == column]
        items = [
            (f"{p.value} ({p.performance.labelled:,})", p.performance.metrics[name]) for p in parts
        ]
        shown = [*parts[0].performance.metrics]
        yield Figure(
            title=title,
            drawing=charts.bars(
                items, title=title, level=report.realised.champion.metrics.get(name, math.nan)
            ),
            table=table(
                (
                    Head(column),
                    head("Labels", "labelled"),
                    *(Head(metric_name(each), metric_meaning(each)) for each in shown),
                ),
                [
                    (
                        p.value,
                        f"{p.performance.labelled:,}",
                        *(number(p.performance.metrics[each]) for each in shown),
                    )
                    for p in parts
                ],
            ),
        )


def gaps(report: Report) -> Iterator[Figure]:
    """How far apart the slices of a column are, week by week, by the first charted metric."""
    name = report.charted[0]
    found = [gap for gap in report.realised.gaps if gap.metric == name]
    for column in dict.fromkeys(gap.column for gap in found):
        own = [gap for gap in found if gap.column == column]
        kind = "protected slices" if own[0].protected else "slices"
        title = f"Gap in {metric_name(name)} between {kind} of {column}, by week"
        yield Figure(
            title=title,
            drawing=timeline(
                [(gap.last, gap.gap) for gap in own], title=title, width=360, height=190
            ),
            table=table(
                (Head("Week up to"), head("Gap", "gap"), Head("Highest"), Head("Lowest")),
                [(gap.last, number(gap.gap, 4), gap.highest, gap.lowest) for gap in own],
            ),
        )


def ageing(report: Report) -> Iterator[Figure]:
    """How past champions did on later hold-outs, by their age; nothing where none was measured."""
    name = report.charted[0]
    curve = report.staleness.curve if report.staleness else ()
    points = sorted(curve, key=lambda point: (point.age_days, point.as_of))
    if not points:
        return
    title = f"{metric_name(name)} of past champions by their age in days"
    yield Figure(
        title=title,
        drawing=timeline(
            [(f"{p.age_days:.0f}", p.metrics.get(name, math.nan)) for p in points],
            title=title,
            expected=[(f"{p.age_days:.0f}", p.challenger.get(name, math.nan)) for p in points],
            width=360,
            height=190,
        ),
        table=table(
            (
                Head("Champion"),
                head("Age in days", "age"),
                head("Rows", "rows"),
                Head(metric_name(name), metric_meaning(name)),
                Head("The fresh challenger's", metric_meaning(name)),
            ),
            [
                (
                    p.model_version,
                    number(p.age_days, 0),
                    f"{p.rows:,}",
                    number(p.metrics.get(name), 4),
                    number(p.challenger.get(name), 4),
                )
                for p in points
            ],
        ),
        legend=(("leaf", "the champion"), ("pale", "the challenger of that day")),
    )
