"""All nights and weeks at a glance: undefined stays undefined, nothing from data bites."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.adapters.openmetrics import exposition
from laurel.domain.nights import (
    NightLine,
    Nights,
    line_of_report,
    parse_line,
    week_days,
    week_of,
)
from laurel.domain.partition import Partition
from laurel.domain.report import Report
from laurel.domain.report_metrics import NAMES, gauges
from laurel.pages.nights import render_nights, render_week
from laurel.stages.monitor import monitor
from support.monitoring import make_days, make_input, make_profile, make_rows, make_usecase

HOSTILE = '<script>alert("x")</script>'
PROFILE = make_profile(3_000)
CALM: Report = monitor(make_usecase(), make_input(days=make_days(8, rows=600), profile=PROFILE))
EMPTY: Report = monitor(make_usecase(), make_input(make_rows(0, seed=1), days={}, profile=PROFILE))
MONDAY = Partition.of("2013-07-01")


def line(report: Report, **changes: Any) -> NightLine:
    found = line_of_report(report.document(), run="1a2b", page="runs/x.html", backfilled=False)
    return replace(found, **changes)


def night(day: Partition, **changes: Any) -> tuple[NightLine, dict[str, Any]]:
    document = {**CALM.document(), "partition": day.key, **changes}
    return line_of_report(document, run="1a2b", page="runs/x.html", backfilled=False), document


def raised(check: str, change: str | None, **changes: Any) -> dict[str, Any]:
    return {
        "check": check,
        "change": change,
        "state": "confirmed",
        "severity": "critical",
        "reason": f"{check} has drifted",
        "since": None,
        "silenced": None,
        "belief": "",
        "found": "",
        "bound": "",
    } | changes


def test_a_line_is_read_as_it_was_listed() -> None:
    for report in (CALM, EMPTY):
        found = line(report)
        again = parse_line(found.document())
        assert again.document() == found.document()
    assert math.isnan(line(EMPTY).performance)
    assert line(EMPTY).document()["performance"] is None


def test_a_listing_of_before_is_a_line_of_what_it_knew() -> None:
    listed = {"partition": "2013-07-01", "run": "1a", "page": "p", "sentence": "well"}
    found = parse_line({**listed, "alarms": 2, "backfilled": True})

    assert (found.alarms, found.standing, found.model_version) == (2, "unknown", None)
    assert math.isnan(found.score)


def test_nights_on_which_another_model_serves_are_marked() -> None:
    models = ["a", "a", None, "b", "b", "c"]
    lines = [
        line(CALM, partition=MONDAY.shifted(n).key, model_version=model)
        for n, model in enumerate(models)
    ]

    nights = Nights("flights", "Late", tuple(lines))

    assert nights.changes == ("2013-07-06",), "what is not told is no change"
    assert "new on this night" in render_nights(nights)


def test_the_index_escapes_and_shows_undefined_as_undefined() -> None:
    nights = Nights("flights", HOSTILE, (line(EMPTY, sentence=HOSTILE),))
    page = render_nights(nights)

    assert "<script" not in page
    assert "undefined" in page
    assert "No night has been reported yet" in render_nights(Nights("flights", "Late", ()))


@given(st.integers(0, 4000))
def test_a_week_is_seven_days_from_a_monday(number: int) -> None:
    day = MONDAY.shifted(number)
    days = week_days(day)

    assert len(days) == 7
    assert day in days
    assert days[0].day.weekday() == 0


def test_a_week_says_what_was_raised_what_cleared_and_what_is_open() -> None:
    days = week_days(MONDAY)
    still = raised("drift/wind", None, silenced="acknowledged by ada until it clears: a sale")
    nights = [
        night(days[0], alarms=[raised("drift/wind", "suspected", state="suspected")]),
        night(days[1], alarms=[raised("drift/wind", "confirmed")]),
        night(days[3], alarms=[raised("drift/wind", None)], cleared=["drift/hour"]),
        night(days[4], alarms=[still], cleared=[]),
    ]

    week = week_of("flights", "Late", days, nights)

    assert week.sentence == (
        "4 nights of 7 reported, 1 alarm confirmed, 1 cleared, 0 open at the end."
    )
    assert [(turn.partition, turn.what) for turn in week.turns] == [
        (days[0].key, "suspected"),
        (days[1].key, "confirmed"),
        (days[3].key, "cleared"),
    ]
    assert week.missing == (days[2].key, days[5].key, days[6].key)
    page = render_week(week)
    assert "acknowledged by ada" in page
    assert f"No report: {', '.join(week.missing)}" in page


def test_a_week_shows_what_moved_beyond_its_habit_first() -> None:
    document = CALM.document()
    profile = next(c for c in document["comparisons"] if c["name"] == "partition_profile")
    for drift in profile["features"]:
        drift["psi"], drift["usual"] = 0.01, 0.02
    weekday, wind = (
        next(d for d in profile["features"] if d["name"] == name) for name in ("weekday", "wind")
    )
    weekday["psi"], weekday["usual"] = 8.0, 8.1
    wind["psi"], wind["usual"] = 0.9, 0.1
    week = week_of("flights", "Late", week_days(MONDAY), [(line(CALM), document)])

    assert week.drifts[0][0] == "wind"


def test_a_week_without_reports_is_a_page_that_says_so() -> None:
    week = week_of("flights", HOSTILE, week_days(MONDAY), [])

    page = render_week(week)
    assert "0 nights of 7 reported" in page
    assert "<script" not in page


@pytest.mark.parametrize("report", [CALM, EMPTY])
def test_metrics_leave_out_what_is_undefined_and_are_the_same_each_time(report: Report) -> None:
    document = report.document()
    text = exposition(gauges(document)).decode()

    assert text == exposition(gauges(report.document())).decode()
    assert text.endswith("# EOF\n")
    assert "NaN" not in text
    assert "laurel_report_rows" in text
    auc = 'laurel_performance{metric="auc",rows="champion",usecase="flights"}'
    assert (auc in text) is (report is CALM)


def test_names_of_metrics_are_documented() -> None:
    from pathlib import Path

    told = (Path(__file__).resolve().parents[2] / "docs" / "alarms.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in told] == []
