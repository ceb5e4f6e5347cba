"""What is new since the night before, read from a report alone: a few sentences, gravest first.

Only what the report knows is compared, so a night that is reported on again says the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from laurel.domain.alarms.raised import without_state
from laurel.domain.partition import Partition
from laurel.domain.performance import DayPerformance
from laurel.domain.report import Report, named, spoken

CHANGED = {
    "suspected": "is suspected: more nights like this one confirm it",
    "confirmed": "is confirmed",
    "worsened": "has become graver",
}


def since_yesterday(report: Report) -> tuple[str, ...]:
    """What changed between the night before and this one, in sentences; empty of nothing."""
    return (
        *_crown(report),
        *_alarms(report),
        *_rows(report),
        *_scores(report),
        *_labels(report),
        *_data(report),
    )


def _crown(report: Report) -> Iterator[str]:
    before, now = _yesterday(report), report.champion.model_version
    if before is not None and before.versions and now not in before.versions:
        yield f"{now} scored for the first time; the night before {before.versions[-1]} did."


def _alarms(report: Report) -> Iterator[str]:
    for alarm in report.alarms:
        if alarm.change is not None:
            yield f"{alarm.check} {CHANGED[alarm.change]}: {without_state(alarm.reason)}."
    for check in report.cleared:
        yield f"{check} has cleared."


def _rows(report: Report) -> Iterator[str]:
    before = _yesterday(report)
    if before is None:
        yield "The night before has no predictions to compare with."
    elif before.performance.rows:
        then, now = before.performance.rows, report.rows
        yield f"{now:,} rows were scored, {then:,} the night before ({now / then - 1:+.1%})."


def _scores(report: Report) -> Iterator[str]:
    before = _yesterday(report)
    for name, now in report.mean_scores.items():
        then = before.mean_scores.get(name, math.nan) if before else math.nan
        if not math.isnan(now - then):
            yield f"The mean {named(name)} is {now:.3f}, {now - then:+.3f} since the night before."


def _labels(report: Report) -> Iterator[str]:
    """The newest day whose labels have come, beside the whole window."""
    main = report.charted[0]
    known = [d for d in report.realised.days if not math.isnan(d.performance.metrics[main])]
    if not known:
        return
    newest, whole = known[-1], report.realised.served.metrics[main]
    value = newest.performance.metrics[main]
    yield (
        f"The newest labels are those of {newest.partition} ({newest.performance.labelled:,} of "
        f"{newest.performance.rows:,} rows): {spoken(main)} {value:.3f}, {whole:.3f} over the "
        "window."
    )


def _data(report: Report) -> Iterator[str]:
    for volume in report.volumes:
        if volume.revision is not None and volume.revision > 1:
            yield f"{volume.dataset} of this day is a correction: revision {volume.revision}."
    for change in report.schemas:
        yield f"{change.dataset}: {change.column} {change.change}, since {change.since}."
    if report.dependencies is not None:
        for text in report.dependencies.since_before:
            yield f"The environment of the scoring changed: {text}."


def _yesterday(report: Report) -> DayPerformance | None:
    day = Partition.of(report.partition).shifted(-1).key
    return next((each for each in report.realised.days if each.partition == day), None)
