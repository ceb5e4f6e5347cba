"""Correlations, separation, losses, estimates, gaps, feedback: against others, and at the edges."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.xgboost.separating import separate
from laurel.domain.correlation import FEATURES, add_sums, changes, choose, correlations, sums_of
from laurel.domain.estimates import estimate_errors, night_estimates
from laurel.domain.feedback import find_feedback
from laurel.domain.losses import add_losses, losses_of, metrics_of, sum_losses
from laurel.domain.objective import OBJECTIVES
from laurel.domain.performance import by_day
from laurel.domain.sampling import sample_rows
from laurel.domain.slice_gaps import by_week, gaps
from support.monitoring import TODAY, features_of, make_days, make_rows, make_trailing

BINARY = OBJECTIVES["binary"]


def pairs(frame: pd.DataFrame, scales: dict[str, tuple[float, float]]) -> list[float]:
    return [float(r) for r in correlations(sums_of(frame, scales))]


def numbers(rows: int, *, seed: int, slope: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(10, 2, rows)
    frame = pd.DataFrame({"x": x, "y": slope * x + rng.normal(0, 1, rows), "z": rng.random(rows)})
    return frame.mask(rng.random(frame.shape) < 0.1)


SCALES = {"x": (10.0, 2.0), "y": (5.0, 1.5), "z": (0.5, 0.3)}


def test_correlations_are_those_of_pandas_pairwise_complete() -> None:
    frame = numbers(3_000, seed=1)
    expected = frame.corr().to_numpy()[np.triu_indices(3, k=1)]
    assert pairs(frame, SCALES) == pytest.approx(list(expected), abs=1e-4)


def test_sums_of_parts_are_the_sums_of_the_whole_to_the_last_digit() -> None:
    frame = numbers(999, seed=2)
    parts = [
        sums_of(part, SCALES) for part in (frame.iloc[:1], frame.iloc[1:500], frame.iloc[500:])
    ]
    assert add_sums(add_sums(parts[2], parts[0]), parts[1]) == sums_of(frame, SCALES)


def test_a_changed_correlation_comes_first_and_is_no_chance() -> None:
    then, now = numbers(5_000, seed=3), numbers(2_000, seed=4, slope=-0.5)
    first, *_ = changes(sums_of(then, SCALES), sums_of(now, SCALES))
    assert (first.first, first.second) == ("x", "y")
    assert first.then > 0.6 > -0.6 > first.now
    assert first.p_value * first.tests < 1e-6


def test_a_constant_has_no_correlation_and_many_features_are_cut_by_what_matters() -> None:
    frame = numbers(500, seed=5).assign(z=1.0)
    assert math.isnan(pairs(frame, SCALES)[1])
    wide = pd.DataFrame(np.zeros((2, 60)), columns=[f"f{n:02}" for n in range(60)])
    chosen = choose(wide, ranked=["f59", "f58"])
    assert len(chosen) == FEATURES
    assert {"f59", "f58"} <= set(chosen)


def test_rows_of_one_distribution_are_seldom_told_apart() -> None:
    found = [
        separate(
            sample_rows(features_of(make_rows(500, seed=1_000 + n)), most=500),
            sample_rows(features_of(make_rows(400, seed=2_000 + n)), most=400),
        )
        for n in range(24)
    ]
    areas = [each.auc for each in found]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.02)
    assert sum(each.p_value < 0.01 for each in found) <= 3


def test_a_shift_of_two_features_together_is_told_apart_and_named() -> None:
    then, now = numbers(2_000, seed=6).fillna(0), numbers(900, seed=7).fillna(0)
    # either column alone stays as it was
    now["y"] = np.random.default_rng(8).permutation(now["y"])
    found = separate(sample_rows(then, most=2_000), sample_rows(now, most=900))
    assert found.auc > 0.6
    assert found.p_value < 1e-6
    assert set(list(found.features)[:2]) == {"x", "y"}
    assert separate(then, now) == separate(then, now)


def test_what_is_constant_in_a_window_is_named_and_left_out() -> None:
    then, now = make_rows(600, seed=1), make_rows(400, seed=2, weekday=3)
    found = separate(features_of(then), features_of(now))
    assert found.constant == ("weekday",)
    assert math.isnan(separate(features_of(then), features_of(now).iloc[:0]).auc)


def test_losses_add_up_to_the_metrics() -> None:
    rng = np.random.default_rng(9)
    labels = rng.poisson(3, 400).astype(float)
    scores = rng.uniform(1, 5, 400)
    losses = losses_of(("absolute", "squared", "deviance"), labels, scores)
    halves = [
        sum_losses({n: e[part] for n, e in losses.items()})
        for part in (slice(100), slice(100, None))
    ]
    found = metrics_of(add_losses(*halves))
    for name, value in found.items():
        assert value == pytest.approx(OBJECTIVES["count"].metrics[name](labels, scores), rel=1e-5)
    assert add_losses(*halves) == sum_losses(losses)


def test_estimates_of_nights_are_judged_once_their_labels_are_there() -> None:
    frame = make_trailing(make_days(10, rows=600))
    frame.loc[frame["partition"] == TODAY.shifted(-1).key, "label"] = np.nan
    days = by_day(frame, objective=BINARY)
    nights = night_estimates(frame, days, objective=BINARY, expected={})
    assert len(nights) == 9
    errors = estimate_errors(nights)
    assert errors["auc"].nights == 9
    assert errors["auc"].absolute < 0.06
    assert abs(errors["log_loss"].bias) < 0.03
    assert estimate_errors([]) == {}


def test_slices_are_measured_by_whole_weeks_and_their_gaps_named() -> None:
    frame = make_trailing(make_days(16, rows=900))
    turned = frame["origin"] == "JFK"
    frame["label"] = frame["label"].where(~turned, 1 - frame["label"])
    periods = by_week(frame, ("origin",), last=TODAY.shifted(-1), objective=BINARY)
    assert {(p.first, p.last) for p in periods} == {
        ("2013-06-17", "2013-06-23"),
        ("2013-06-24", "2013-06-30"),
    }
    found = gaps(periods, protected=frozenset({"origin"}))
    auc = [gap for gap in found if gap.metric == "auc"]
    assert all(gap.lowest == "JFK" and gap.gap > 0.2 and gap.protected for gap in auc)
    assert by_week(frame.iloc[:0], ("origin",), last=TODAY, objective=BINARY) == ()


def test_labels_that_come_only_where_the_model_acted_are_a_hint() -> None:
    decided = pd.Series([True] * 300 + [False] * 700)
    labelled = np.array([True] * 290 + [False] * 10 + [True] * 60 + [False] * 640)
    found = find_feedback(decided, labelled)
    assert found.suspected
    assert "feedback loop is suspected" in found.sentence
    assert not find_feedback(decided, np.ones(1000, bool)).suspected
    few = find_feedback(decided.iloc[290:310], labelled[290:310])
    assert not few.suspected
    alike = find_feedback(pd.Series([True] * 9), np.ones(9, bool))
    assert math.isnan(alike.idle_labelled)
    assert "all rows were decided alike" in alike.sentence


def test_a_sample_does_not_depend_on_the_order_of_rows() -> None:
    frame = features_of(make_rows(800, seed=3))
    turned = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(sample_rows(frame, most=50), sample_rows(turned, most=50))
