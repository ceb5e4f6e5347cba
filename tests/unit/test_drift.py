from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from laurel.domain import distance
from laurel.domain.bins import align
from laurel.domain.config import Monitoring
from laurel.domain.drift import FeatureDrift, compare, compare_scores, usual_psi, worst
from laurel.domain.profile import Counts, bin_counts, build_profile
from support.monitoring import (
    TODAY,
    features_of,
    make_days,
    make_profile,
    make_rows,
    scores_of,
)

RULES = Monitoring()
PROFILE = make_profile()
COUNTS = st.lists(st.integers(0, 500), min_size=2, max_size=12)


def counted(frame: pd.DataFrame, profile: Counts = PROFILE) -> Counts:
    return bin_counts(profile, features_of(frame), scores_of(frame))


def of_column(column: Any, reference: Any, **rules: Any) -> FeatureDrift:
    """The drift of one column, between a reference and now."""
    then, now = pd.DataFrame({"x": reference}), pd.DataFrame({"x": column})
    profile = build_profile(then, np.full(len(then), 0.5))
    current = bin_counts(profile, now, np.full(len(now), 0.5))
    return compare(profile, current, monitoring=Monitoring(**rules))[0]


def test_psi_is_the_sum_over_bins_by_hand() -> None:
    expected = (0.2 - 0.5) * math.log(0.2 / 0.5) + (0.8 - 0.5) * math.log(0.8 / 0.5)
    assert distance.psi([50, 50], [20, 80]) == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(
    counts=st.integers(2, 12).flatmap(
        lambda n: st.tuples(
            *[st.lists(st.integers(0, 500), min_size=n, max_size=n) for _ in range(2)]
        )
    )
)
def test_distances_are_symmetric_bounded_and_agree_with_scipy(
    counts: tuple[list[int], list[int]],
) -> None:
    r, c = counts
    psi, js, ks = distance.psi(r, c), distance.js(r, c), distance.ks(r, c)
    if not sum(r) or not sum(c):
        assert math.isnan(psi)
        assert math.isnan(js)
        assert math.isnan(ks)
        return
    assert psi == pytest.approx(distance.psi(c, r))
    assert psi >= -1e-12
    assert js == pytest.approx(jensenshannon(r, c, base=2), abs=1e-6)
    values = np.arange(len(r))
    sample = stats.ks_2samp(np.repeat(values, r), np.repeat(values, c), method="asymp")
    assert ks == pytest.approx(sample.statistic)


@given(counts=COUNTS)
def test_nothing_is_at_a_distance_from_itself(counts: list[int]) -> None:
    if sum(counts):
        assert distance.psi(counts, counts) == 0
        assert distance.js(counts, counts) == pytest.approx(0, abs=1e-7)
        assert distance.ks(counts, counts) == 0


def test_chi_square_is_pearsons_where_every_bin_is_full() -> None:
    r, c = [400, 300, 300], [120, 110, 70]
    expected = stats.chi2_contingency([r, c], correction=False).pvalue
    assert distance.chi_square(r, c) == pytest.approx(expected)


def test_chi_square_is_not_alarmed_by_one_row_in_a_new_bin() -> None:
    assert distance.chi_square([10_000, 10_000, 0], [500, 499, 1]) > 0.5


def test_distances_refuse_counts_that_are_not_aligned() -> None:
    with pytest.raises(ValueError, match="not aligned"):
        distance.psi([1, 2], [1, 2, 3])


def test_days_drawn_as_in_training_never_alarm() -> None:
    for seed in range(10):
        frame = make_rows(900, seed=1_000 + seed)
        drifts = compare(PROFILE, counted(frame), monitoring=RULES)
        assert worst(drift.severity for drift in drifts) == "none"
        (score,) = compare_scores(PROFILE, counted(frame), monitoring=RULES)
        assert score.severity == "none"


def test_a_shifted_feature_is_critical_and_comes_first() -> None:
    frame = make_rows(900, seed=5)
    frame["wind"] = frame["wind"] * 2
    first, *others = compare(PROFILE, counted(frame), monitoring=RULES)
    assert (first.name, first.severity) == ("wind", "critical")
    assert worst(drift.severity for drift in others) == "none"


def test_a_handful_of_rows_is_underpowered_however_far_it_lies() -> None:
    drift = of_column([99.0] * 30, np.arange(1_000.0))
    assert (drift.severity, drift.psi > 1) == ("underpowered", True)
    assert "30 rows of 500" in drift.reason


def test_a_small_reference_is_underpowered_too() -> None:
    drift = of_column([99.0] * 900, np.arange(30.0))
    assert drift.severity == "underpowered"
    assert "the reference has 30 rows" in drift.reason


def test_a_large_effect_that_chance_explains_does_not_alarm() -> None:
    drift = of_column(["a"] * 7 + ["b"] * 3, ["a", "b"] * 10, minimum_rows=10)
    assert drift.psi >= RULES.psi_warning
    assert drift.severity == "none"
    assert "chance" in drift.reason


def test_a_tiny_effect_does_not_alarm_however_significant() -> None:
    drift = of_column(["a"] * 51_500 + ["b"] * 48_500, ["a", "b"] * 50_000)
    assert drift.p_value < 1e-9
    assert drift.severity == "none"


def test_the_significance_asked_for_grows_with_the_number_of_features() -> None:
    then, now = ["a", "b"] * 300, ["a"] * 62 + ["b"] * 38
    reference = pd.DataFrame({f"x{i}": then for i in range(40)})
    current = pd.DataFrame({f"x{i}": now for i in range(40)})
    rules = Monitoring(minimum_rows=50, psi_warning=0.05)
    for columns, severity in ((1, "warning"), (40, "none")):
        part = reference.iloc[:, :columns]
        # 38 of 100 against a half has p of about 0.03: doubled rows make it 0.0017
        twice = pd.concat([current.iloc[:, :columns]] * 2)
        profile = build_profile(part, np.full(len(part), 0.5))
        counts = bin_counts(profile, twice, np.full(len(twice), 0.5))
        assert compare(profile, counts, monitoring=rules)[0].severity == severity


def test_a_weekday_is_usual_once_a_week_of_days_is_known() -> None:
    today = counted(make_rows(900, seed=6, weekday=TODAY.day.weekday()))
    by_name = {d.name: d for d in compare(PROFILE, today, monitoring=RULES)}
    assert by_name["weekday"].severity == "critical"
    days = [counted(frame) for frame in make_days(14).values()]
    usual = usual_psi(PROFILE, days, minimum_rows=500)
    drifts = compare(PROFILE, today, monitoring=RULES, usual=usual["features"])
    by_name = {drift.name: drift for drift in drifts}
    assert by_name["weekday"].severity == "none"
    assert by_name["weekday"].reason == "no more than is usual"
    assert usual["scores"]["score"] < RULES.psi_warning


def test_six_days_do_not_say_what_is_usual() -> None:
    days = [counted(frame) for frame in make_days(6).values()]
    usual = usual_psi(PROFILE, days, minimum_rows=500)
    assert usual["scores"]["score"] is None
    assert set(usual["features"].values()) == {None}


@pytest.mark.parametrize("rows", [300, 900, 2_700])
def test_what_is_usual_holds_for_days_of_another_size(rows: int) -> None:
    days = [counted(frame) for frame in make_days(14).values()]
    usual = usual_psi(PROFILE, days, minimum_rows=500)["features"]
    today = counted(make_rows(rows, seed=6, weekday=2))
    drifts = compare(PROFILE, today, monitoring=Monitoring(minimum_rows=100), usual=usual)
    assert {drift.name: drift.severity for drift in drifts}["weekday"] == "none"


def test_a_new_category_is_named_and_alarms_only_when_there_are_many() -> None:
    then = ["AA", "UA"] * 1_000
    few = of_column(["AA", "UA"] * 499 + ["ZZ"] * 2, then)
    many = of_column(["AA", "UA"] * 400 + ["ZZ"] * 200, then)
    assert (few.new, few.severity) == (("ZZ",), "none")
    assert (many.new, many.severity) == (("ZZ",), "critical")


def test_a_category_vanishes_only_where_it_was_to_be_expected() -> None:
    drift = of_column(["AA"] * 600, ["AA"] * 900 + ["UA"] * 99 + ["OO"])
    assert drift.vanished == ("UA",)


def test_missing_values_alone_make_drift() -> None:
    values = np.arange(1_000.0)
    drift = of_column(np.where(values % 2 == 0, np.nan, values), values)
    assert drift.missing == pytest.approx(0.5)
    assert drift.severity == "critical"


def test_ks_is_undefined_for_categories() -> None:
    assert math.isnan(of_column(["a", "b"] * 300, ["a", "b"] * 300).ks)


def test_hundreds_of_rare_categories_share_a_bin() -> None:
    counts = {f"tail{i}": 5 + i % 3 for i in range(400)}
    both = align(
        {"kind": "categorical", "counts": counts, "missing": 0},
        {"kind": "categorical", "counts": {"tail0": 3, "new": 1}, "missing": 0},
    )
    assert len(both.bins) == 22
    assert sum(both.reference) == sum(counts.values())
    assert sum(both.current) == 4


def test_scores_are_compared_over_about_ten_bins_that_lose_no_row() -> None:
    today = counted(make_rows(900, seed=8))
    (drift,) = compare_scores(PROFILE, today, monitoring=RULES)
    assert 5 <= len(drift.bins) <= 10
    assert sum(drift.reference) == PROFILE["rows"]
    assert sum(drift.current) == 900
