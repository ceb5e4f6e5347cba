from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from laurel.domain.report import DataWarning, Quarantined
from laurel.domain.surroundings import Cost
from laurel.pages import charts
from laurel.pages.costs import render_costs
from laurel.pages.decision import render_decision
from laurel.pages.report import render_report
from laurel.stages.monitor import monitor
from support.decisions import make_documents, make_evidence
from support.monitoring import make_days, make_input, make_profile, make_rows, make_usecase

HOSTILE = "<script>alert('x')</script>"
PROFILE = make_profile(5_000)
VOID = {"meta", "link", "br"}


class Reader(HTMLParser):
    """Keeps the tags and attributes of a page, and finds those left open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def hostile_report() -> str:
    rng = np.random.default_rng(3)
    today = make_rows(900, seed=7, weekday=0)
    carrier = today["carrier"].astype(object)
    carrier[rng.random(900) < 0.2] = HOSTILE
    days = {key: frame.assign(origin=HOSTILE) for key, frame in make_days(8, rows=600).items()}
    given = make_input(
        today.assign(carrier=pd.Categorical(carrier)),
        days=days,
        profile=PROFILE,
        warnings=(DataWarning(HOSTILE, HOSTILE, HOSTILE),),
        quarantine=(Quarantined(HOSTILE, HOSTILE, (HOSTILE,)),),
    )
    return render_report(monitor(make_usecase(), given))


def costs_page() -> str:
    cost = Cost(HOSTILE, "peak_memory_bytes", 2.0**28, math.nan, math.nan, 0)
    return render_costs("flights", "2013-07-01", [cost], report="../report.html")


@cache
def all_pages() -> tuple[str, ...]:
    return tuple(pages())


def pages() -> Iterator[str]:
    yield hostile_report()
    yield costs_page()
    yield render_report(monitor(make_usecase(), make_input(days={}, profile=PROFILE)))
    yield render_decision(**make_documents(make_evidence(origin=HOSTILE)))
    yield render_decision(**make_documents(make_evidence(skill=0.2)))
    yield render_decision(**make_documents(make_evidence(champion=None)))


@pytest.fixture(scope="module", params=range(6))
def page(request: pytest.FixtureRequest) -> str:
    return all_pages()[request.param]


def test_a_page_needs_nothing_from_outside_and_runs_no_script(page: str) -> None:
    reader = Reader(page)
    assert reader.open == []
    assert not {"script", "iframe", "img", "object", "form"} & set(reader.tags)
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "src"]
    icon, *beside = [value for name, value in reader.attributes if name == "href"]
    assert icon == "data:,"
    assert {*beside} <= {"observed/costs.html", "../report.html"}, "pages of the same run"
    assert "url(" not in page
    assert "@import" not in page


def test_every_drawing_is_well_formed_and_named(page: str) -> None:
    drawings = re.findall(r"<svg class=.*?</svg>", page, flags=re.S)
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)  # noqa: S314 - our own page
        assert root.attrib["aria-label"]
        assert root.find("title") is not None
        assert "nan" not in drawing


def test_a_page_never_says_nan_or_none(page: str) -> None:
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.S)
    assert not re.search(r"\bnan\b|\bNone\b", text.replace("None.", ""))


def test_hostile_names_are_shown_as_text() -> None:
    page = hostile_report()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    decision = render_decision(**make_documents(make_evidence(origin=HOSTILE)))
    assert "<script" not in decision
    assert "origin=&lt;script&gt;" in decision


def test_a_report_starts_with_its_verdict() -> None:
    report = monitor(make_usecase(), make_input(days=make_days(8), profile=PROFILE))
    page = render_report(report)
    body = page[page.index("</header>") :]
    first = re.search(r"<p class=\"verdict (\w*)\">(.*?)</p>", body)
    assert first is not None
    assert first.groups() == ("yes", report.verdict)
    assert body.index("verdict") < body.index("<h2>Alarms")


def test_what_is_not_known_reads_undefined() -> None:
    page = render_report(monitor(make_usecase(), make_input(days={}, profile=PROFILE)))
    row = re.search(r"<tr><th title=[^>]*>AUC</th>(.*?)</tr>", page, flags=re.S)
    assert row is not None
    assert row[1].count(">undefined<") == 2
    assert "0.7120" in row[1]


def test_a_report_says_how_to_make_it_again() -> None:
    page = hostile_report()
    assert "laurel monitor flights 2013-07-01" in page
    assert "airflow backfill create --dag-id flights_monitor --from-date 2013-07-01" in page


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({}, "The gate opens for flights-20130701-8be21c: "),
        ({"skill": 0.2}, "The gate stays closed for flights-20130701-8be21c: auc is "),
    ],
)
def test_a_decision_starts_with_what_the_gate_said(changes: dict[str, Any], start: str) -> None:
    page = render_decision(**make_documents(make_evidence(**changes)))
    sentence = re.search(r"<p class=\"verdict \w+\">\s*(.*?)</p>", page)
    assert sentence is not None
    assert sentence[1].replace("&#39;", "'").startswith(start)


def test_a_decision_without_a_champion_says_so() -> None:
    page = render_decision(**make_documents(make_evidence(champion=None)))
    assert "There is no champion to compare with." in page
    assert "<dt>Champion before it</dt><dd>none" in page


def test_a_decision_names_its_window_and_what_it_read() -> None:
    documents = make_documents(make_evidence())
    page = render_decision(**documents, identity={"Code": "c0ffee"})
    for text in ("2013-04-10", "2013-06-29", "26,100", "c0ffee", documents["run"]):
        assert text in page


def test_a_gap_in_a_line_is_not_drawn() -> None:
    points = [("a", 1.0), ("b", 2.0), ("c", math.nan), ("d", 2.0), ("e", 1.0)]
    drawn = charts.line(points, title="t")
    assert drawn.count("<polyline") == 2
    assert drawn.count("<circle") == 4


def test_charts_of_nothing_say_undefined() -> None:
    for drawn in (
        charts.line([("a", math.nan)], title="t"),
        charts.bars([], title="t"),
        charts.reliability([], title="t"),
        charts.interval(math.nan, bounds=None, required=1.0, upward=True, title="t", mark="unsure"),
    ):
        assert "undefined" in drawn


def test_equal_values_draw_a_chart_all_the_same() -> None:
    for value in (0.0, 0.5, -3.0):
        assert "<circle" in charts.line([("a", value), ("b", value)], title="t")


def test_the_passing_side_of_an_interval_is_shaded() -> None:
    def shaded(upward: bool) -> tuple[float, float]:
        drawn = charts.interval(
            0.7, bounds=(0.6, 0.8), required=0.7, upward=upward, title="t", mark="yes"
        )
        found = re.search(r'class="pass" x="([\d.]+)" y="5" width="([\d.]+)"', drawn)
        assert found is not None
        return float(found[1]), float(found[1]) + float(found[2])

    assert shaded(True)[1] == 216
    assert shaded(False)[0] == 4
    assert shaded(True)[0] == pytest.approx(shaded(False)[1])
