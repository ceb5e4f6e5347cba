from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.domain.canonical import canonical_json
from laurel.domain.entry import SCORE_BINS
from laurel.domain.profile import (
    bin_counts,
    build_profile,
    empty_counts,
    merge,
)
from laurel.errors import DataError
from support.monitoring import features_of, make_days, make_profile, make_rows, scores_of

COARSE = ("kind", "edges", "counts", "missing")


def coarse(entries: dict[str, Any]) -> dict[str, Any]:
    return {name: {key: e[key] for key in COARSE if key in e} for name, e in entries.items()}


def test_counting_the_training_rows_again_gives_the_profile() -> None:
    frame = make_rows(2_000, seed=3)
    profile = build_profile(features_of(frame), scores_of(frame))
    counted = bin_counts(profile, features_of(frame), scores_of(frame))
    assert counted["together"] == profile["together"]
    for part in ("features", "scores"):
        assert coarse(counted[part]) == coarse(profile[part])
        for name, entry in counted[part].items():
            if entry["kind"] != "categorical":
                assert entry["fine"] == profile[part][name]["fine"]["counts"]


def test_a_profile_is_canonical_json_and_does_not_depend_on_column_order() -> None:
    frame = make_rows(500, seed=4)
    features = features_of(frame)
    turned = features[list(reversed(features.columns))]
    first = build_profile(features, scores_of(frame))
    assert canonical_json(first) == canonical_json(build_profile(turned, scores_of(frame)))


@settings(max_examples=12, deadline=None)
@given(split=st.integers(0, 300), seed=st.integers(0, 50))
def test_counts_of_two_parts_add_up_to_the_counts_of_the_whole(split: int, seed: int) -> None:
    profile = PROFILE
    frame = make_rows(300, seed=seed)
    parts = [frame.iloc[:split], frame.iloc[split:]]
    counted = [bin_counts(profile, features_of(part), scores_of(part)) for part in parts]
    whole = bin_counts(profile, features_of(frame), scores_of(frame))
    assert merge(*counted) == merge(*reversed(counted)) == whole
    assert merge(empty_counts(profile), whole) == whole


PROFILE = make_profile(1_000)


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(width=32) | st.integers(-3, 3).map(float), max_size=60))
def test_every_value_is_counted_once_or_missing(values: list[float]) -> None:
    frame = pd.DataFrame({"x": np.array(values, dtype=float)})
    entry = build_profile(frame, np.full(len(values), 0.5))["features"]["x"]
    assert sum(entry["counts"]) + entry["missing"] == len(values)
    assert len(entry["edges"]) <= 20
    assert entry["edges"] == sorted(set(entry["edges"]))
    canonical_json(entry)


def test_values_outside_the_training_range_have_bins_of_their_own() -> None:
    profile = build_profile(pd.DataFrame({"x": np.arange(1000.0)}), np.full(1000, 0.5))
    now = pd.DataFrame({"x": [-1.0, -np.inf, 500.0, 999.0, 1000.0, np.inf, np.nan]})
    entry = bin_counts(profile, now, np.full(7, 0.5))["features"]["x"]
    assert (entry["counts"][0], entry["counts"][-1], entry["missing"]) == (2, 2, 1)
    assert profile["features"]["x"]["counts"][0] == profile["features"]["x"]["counts"][-1] == 0


def test_a_constant_feature_shows_a_change_to_either_side() -> None:
    profile = build_profile(pd.DataFrame({"x": [7.0] * 10}), np.full(10, 0.5))
    now = pd.DataFrame({"x": [6.0, 7.0, 8.0]})
    assert bin_counts(profile, now, np.full(3, 0.5))["features"]["x"]["counts"] == [1, 1, 1]


def test_a_feature_without_values_has_undefined_moments_and_one_bin() -> None:
    entry = build_profile(pd.DataFrame({"x": [np.nan, np.nan]}), np.full(2, 0.5))["features"]["x"]
    assert (entry["mean"], entry["edges"], entry["counts"], entry["missing"]) == (None, [], [0], 2)


def test_scores_of_one_belong_to_the_last_bin() -> None:
    score = build_profile(pd.DataFrame({"x": [1, 2]}), np.array([0.0, 1.0]))["scores"]["score"]
    assert (score["counts"][0], score["counts"][-1], len(score["counts"])) == (1, 1, SCORE_BINS)


def test_text_and_category_columns_count_alike() -> None:
    text = pd.DataFrame({"c": ["AA", None, "UA", "AA"]})
    levels = pd.DataFrame({"c": pd.Categorical(text["c"], categories=["ZZ", "UA", "AA"])})
    scores = np.full(4, 0.5)
    assert build_profile(text, scores) == build_profile(levels, scores)


@pytest.mark.parametrize("scores", [[0.1, 1.2], [-0.1, 0.2], [0.1]])
def test_impossible_scores_are_refused(scores: list[float]) -> None:
    with pytest.raises(DataError):
        build_profile(pd.DataFrame({"x": [1, 2]}), np.array(scores))


def test_a_missing_feature_is_refused_by_name() -> None:
    profile = build_profile(pd.DataFrame({"x": [1.0], "gone": [2.0]}), np.array([0.5]))
    with pytest.raises(DataError, match="gone"):
        bin_counts(profile, pd.DataFrame({"x": [1.0]}), np.array([0.5]))


def test_a_number_that_became_text_is_refused() -> None:
    profile = build_profile(pd.DataFrame({"x": [1.0]}), np.array([0.5]))
    with pytest.raises(DataError, match="'x' is not a number any more"):
        bin_counts(profile, pd.DataFrame({"x": ["1"]}), np.array([0.5]))


def test_a_moment_is_no_feature() -> None:
    frame = pd.DataFrame({"at": pd.to_datetime(["2013-07-01"])})
    with pytest.raises(DataError, match="no profile describes"):
        build_profile(frame, np.array([0.5]))


def test_counts_over_other_bins_do_not_add_up() -> None:
    a = build_profile(pd.DataFrame({"x": [1.0, 2.0]}), np.full(2, 0.5))
    b = build_profile(pd.DataFrame({"x": [1.0, 3.0]}), np.full(2, 0.5))
    with pytest.raises(DataError, match="different bins"):
        merge(a, b)


def test_a_profile_of_many_days_knows_what_days_and_weeks_usually_show() -> None:
    days = make_days(21, rows=300)
    frame = pd.concat(days.values(), ignore_index=True)
    names = pd.Series([key for key, rows in days.items() for _ in range(len(rows))])
    profile = build_profile(features_of(frame), scores_of(frame), days=names)
    day, week = profile["usual"]["day"], profile["usual"]["week"]
    assert day["features"]["weekday"] > 1
    assert week["features"]["weekday"] < 0.05
    assert week["scores"]["score"] < day["scores"]["score"] < 0.2
    canonical_json(profile)


def test_a_profile_of_few_days_does_not_say_what_is_usual() -> None:
    days = make_days(6, rows=100)
    frame = pd.concat(days.values(), ignore_index=True)
    names = pd.Series([key for key, rows in days.items() for _ in range(len(rows))])
    usual = build_profile(features_of(frame), scores_of(frame), days=names)["usual"]
    assert usual["day"]["scores"]["score"] is None
    assert usual["week"]["scores"]["score"] is None
