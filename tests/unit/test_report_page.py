"""The page of a nightly report, read as its reader would."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from laurel.domain.objective import OBJECTIVES, Objective
from laurel.domain.profile import build_profile
from laurel.domain.report import Report
from laurel.domain.since_yesterday import since_yesterday
from laurel.domain.surroundings import (
    AgePoint,
    Alike,
    BesideSlice,
    Dependencies,
    Gain,
    SchemaChange,
    Shadow,
    Staleness,
    Volume,
)
from laurel.pages.nightly.performance import champion_changes
from laurel.pages.nightly.terms import METRICS
from laurel.pages.report import render_report
from laurel.stages.monitor import monitor
from support.monitoring import (
    TODAY,
    features_of,
    make_days,
    make_input,
    make_profile,
    make_rows,
    make_usecase,
    scores_of,
)

PROFILE = make_profile(5_000)
NIGHTS = make_days(14, rows=600)
CHANGED = TODAY.shifted(-5).key


@cache
def calm() -> Report:
    return monitor(make_usecase(), make_input(days=NIGHTS, profile=PROFILE))


@cache
def eventful() -> Report:
    """A night on which much is to be said."""
    today = make_rows(900, seed=7, weekday=0)
    given = make_input(
        today.assign(hour=today["hour"] / 2, distance=today["distance"] * 3),
        days=NIGHTS,
        profile=PROFILE,
    )
    trailing = given.trailing.copy()
    before = trailing["partition"].astype(str) < CHANGED
    trailing.loc[before, "model_version"] = "flights-20130501-0ld"
    point = AgePoint(
        "flights-20130501-0ld", 14.0, given.champion.as_of, 5_000, {"auc": 0.69}, {"auc": 0.71}
    )
    return replace(
        monitor(make_usecase(), replace(given, trailing=trailing)),
        staleness=Staleness(31.0, 29.0, 2, (point, replace(point, age_days=21.0))),
        volumes=(Volume("flights", 900, 880.0, 1.02, 14, 2),),
        dependencies=Dependencies("b", "a", "a", ("numpy 2.1 then, 2.2 now",), ("numpy 2.2",)),
        schemas=(SchemaChange("flights", "seats", "is new", "2013-06-30"),),
        shadows=(
            Shadow(
                "flights-new",
                point.as_of,
                900,
                700,
                {"auc": 0.7},
                {"auc": 0.69},
                0.1,
                gains={"auc": Gain(0.01, -0.002, 0.022)},
                night=Alike(900, 0.08, 0.93, 0.1),
                slices=(BesideSlice("origin=JFK", Alike(400, 0.09, 0.91, 0.12)),),
                partitions=3,
                answered=45,
            ),
            Shadow("flights-odd", point.as_of, 0, 0, fault="KeyError: 'seats'"),
        ),
        cleared=("freshness/weather",),
    )


@cache
def wide() -> Report:
    """More features than are drawn."""
    rng = np.random.default_rng(4)
    names = [f"feature_{n:03}" for n in range(60)]
    then = pd.DataFrame({name: rng.normal(size=600) for name in names})
    rows = make_rows(600, seed=3)
    profile = build_profile(then, scores_of(rows), importance=dict.fromkeys(names, 1 / 60))
    return monitor(
        make_usecase(), make_input(rows, days={}, profile=profile, part={"features": then})
    )


PAGES: dict[str, Any] = {"calm": calm, "eventful": eventful, "wide": wide}


@pytest.fixture(params=PAGES.values(), ids=PAGES)
def page(request: pytest.FixtureRequest) -> str:
    return render_report(request.param())


def test_every_number_has_a_tooltip_that_says_what_it_means(page: str) -> None:
    cells = re.findall(r'<t[dh] class="n"[^>]*>', page)
    assert cells
    assert [cell for cell in cells if not re.search(r'title="[^"]{10,}"', cell)] == []


def test_every_drawing_has_its_table(page: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", page, flags=re.S)
    assert page.count('<svg class="chart"') == sum(each.count("<svg") for each in figures)
    assert all("<table>" in each for each in figures)
    for row in re.findall(r'<td class="wide"><svg class="spark".*?</td>\n', page, flags=re.S):
        assert "<table>" in row


def test_the_verdict_comes_first_then_what_changed_then_the_plots(page: str) -> None:
    places = [page.index(text) for text in ('"verdict', "Since the night before", "<figure")]
    assert places == sorted(places)


def test_features_are_ranked_by_drift_times_importance() -> None:
    drawn = render_report(eventful())
    ranking = drawn[drawn.index("What drifted, by how much it matters") :]
    rows = re.findall(r"<tr><th>(\w+)</th>", ranking[: ranking.index("</figure>")])
    features = {each.name: each for each in eventful().comparisons[0].features}
    assert rows.pop(0) == "Feature"
    assert len(rows) == len(features)
    assert [features[name].matters for name in rows] == sorted(
        (each.matters for each in features.values()), reverse=True
    )
    # one weekday lies further from a quarter than the hour does, which matters more to the model
    assert features["hour"].psi < features["weekday"].psi
    assert rows.index("hour") < rows.index("weekday")


def test_a_day_from_which_another_champion_scored_is_marked() -> None:
    assert champion_changes(eventful().realised.days) == (CHANGED,)
    assert f"<title>{CHANGED}: the champion changed</title>" in render_report(eventful())
    assert "champion changed</title>" not in render_report(calm())


def test_of_many_features_the_gravest_are_drawn_and_the_others_are_listed() -> None:
    drawn = render_report(wide())
    assert "20 more features, none graver than these" in drawn
    assert all(f">feature_{n:03}<" in drawn for n in range(60))


def test_what_changed_since_the_night_before_is_said_in_sentences() -> None:
    said = " ".join(since_yesterday(eventful()))
    for text in (
        "freshness/weather has cleared.",
        "900 rows were scored, 600 the night before (+50.0%).",
        "The newest labels are those of 2013-06-30",
        "flights of this day is a correction: revision 2.",
        "flights: seats is new, since 2013-06-30.",
        "The environment of the scoring changed: numpy 2.2.",
    ):
        assert text in said


def test_a_first_night_has_nothing_to_compare_with() -> None:
    first = monitor(make_usecase(), make_input(days={}, profile=PROFILE))
    assert since_yesterday(first) == ("The night before has no predictions to compare with.",)


def test_a_new_champion_is_told_on_its_first_night() -> None:
    given = make_input(days=NIGHTS, profile=PROFILE)
    older = given.trailing.assign(model_version="flights-older")
    (told, *_) = since_yesterday(monitor(make_usecase(), replace(given, trailing=older)))
    assert told == (
        "flights-20130601-3fa9c1 scored for the first time; the night before flights-older did."
    )


def test_the_scores_of_a_day_are_those_of_all_its_rows_labelled_or_not() -> None:
    (newest,) = (d for d in calm().realised.days if d.partition == TODAY.shifted(-1).key)
    frame = NIGHTS[newest.partition]
    assert newest.mean_scores["score"] == pytest.approx(frame["score"].mean())
    assert features_of(frame).shape[0] == newest.performance.rows


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_the_glossary_explains_every_metric(objective: Objective) -> None:
    assert set(objective.metrics) - set(METRICS) == set()
