from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from laurel.domain.metric import BINARY
from laurel.domain.objective import OBJECTIVES
from laurel.errors import ConfigError

PLAIN = {
    "auc": roc_auc_score,
    "average_precision": average_precision_score,
    "log_loss": log_loss,
    "brier": brier_score_loss,
}
row = st.tuples(st.integers(0, 1), st.integers(1, 19), st.integers(0, 3))
"""Label, score in twentieths (so that ties are common), and how often the row counts."""
samples = st.lists(row, min_size=2, max_size=40).filter(
    lambda rows: {label for label, _, times in rows if times} == {0, 1}
)


def arrays(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    return labels, scores / 20, weights


@pytest.mark.parametrize("name", PLAIN)
@settings(deadline=None)
@given(rows=samples)
def test_a_metric_of_weighted_rows_is_scikit_learn_s_of_repeated_rows(
    name: str, rows: list[tuple[int, int, int]]
) -> None:
    labels, scores, weights = arrays(rows)
    found = BINARY[name].weighted(labels, scores)(weights[None, :].astype(float))[0]
    repeated = PLAIN[name](np.repeat(labels, weights), np.repeat(scores, weights))
    assert found == pytest.approx(repeated, abs=1e-12)


@pytest.mark.parametrize("name", BINARY)
@settings(deadline=None)
@given(rows=samples, seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(
    name: str, rows: list[tuple[int, int, int]], seed: int
) -> None:
    labels, scores, _ = arrays(rows)
    order = np.random.default_rng(seed).permutation(len(labels))
    metric = BINARY[name]
    assert metric(labels[order], scores[order]) == pytest.approx(
        metric(labels, scores), abs=1e-12, nan_ok=True
    )


@pytest.mark.parametrize("name", ["auc", "average_precision"])
def test_a_ranking_metric_without_a_positive_row_is_undefined(name: str) -> None:
    assert math.isnan(BINARY[name](np.zeros(3), np.array([0.1, 0.2, 0.3])))


@pytest.mark.parametrize("name", BINARY)
def test_no_rows_and_missing_scores_are_undefined(name: str) -> None:
    assert math.isnan(BINARY[name](np.empty(0), np.empty(0)))
    assert math.isnan(BINARY[name](np.array([0, 1]), np.array([0.2, np.nan])))


@pytest.mark.parametrize("name", BINARY)
def test_the_right_scores_gain_over_the_wrong_ones_in_each_metric_s_own_direction(
    name: str,
) -> None:
    labels = np.array([0, 0, 1, 1])
    right, wrong = (
        np.array([BINARY[name](labels, scores)])
        for scores in (np.array([0.1, 0.1, 0.9, 0.9]), np.array([0.9, 0.9, 0.1, 0.1]))
    )
    assert BINARY[name].gain(right, wrong)[0] > 0


def test_calibration_error_is_the_weighted_gap_of_its_bins() -> None:
    labels = np.array([0, 1, 1, 1])
    scores = np.array([0.15, 0.15, 0.95, 0.95])
    assert BINARY["calibration_error"](labels, scores) == pytest.approx((2 * 0.35 + 2 * 0.05) / 4)


def test_a_score_of_exactly_one_has_a_bin_and_a_finite_log_loss() -> None:
    labels, scores = np.array([0, 1]), np.array([1.0, 1.0])
    assert BINARY["calibration_error"](labels, scores) == pytest.approx(0.5)
    assert math.isfinite(BINARY["log_loss"](labels, scores))


def test_an_unknown_metric_names_the_near_one() -> None:
    with pytest.raises(ConfigError, match="'log_loss'"):
        OBJECTIVES["binary"].metric("logloss")
