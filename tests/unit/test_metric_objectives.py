"""Metrics of several classes, of numbers and of counts are scikit-learn's, for rows that repeat."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as plain

from laurel.domain.metric import COUNT, MULTICLASS, REGRESSION

CLASSES = 3
Rows = list[tuple[Any, Any, int]]
Plain = Callable[[np.ndarray, np.ndarray], float]


def log_loss(labels: np.ndarray, scores: np.ndarray) -> float:
    return float(plain.log_loss(labels, scores, labels=range(CLASSES)))


def brier(labels: np.ndarray, scores: np.ndarray) -> float:
    return float(((scores - np.eye(CLASSES)[labels]) ** 2).sum(axis=1).mean())


def macro_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    each = [plain.roc_auc_score(labels == k, scores[:, k]) for k in range(CLASSES)]
    return float(np.mean(each))


def smape(labels: np.ndarray, scores: np.ndarray) -> float:
    size = np.abs(labels) + np.abs(scores)
    gaps = 2 * np.abs(labels - scores)
    return float(np.mean([gap / s if s else 0.0 for gap, s in zip(gaps, size, strict=True)]))


def predicted(compute: Plain) -> Plain:
    return lambda labels, scores: float(compute(labels, scores.argmax(axis=1)))


PLAIN_MULTICLASS: dict[str, Plain] = {
    "log_loss": log_loss,
    "macro_auc": macro_auc,
    "accuracy": predicted(plain.accuracy_score),
    "balanced_accuracy": predicted(plain.balanced_accuracy_score),
    "macro_f1": predicted(lambda y, s: plain.f1_score(y, s, average="macro")),
    "brier": brier,
}
PLAIN_REGRESSION: dict[str, Plain] = {
    "rmse": plain.root_mean_squared_error,
    "mae": plain.mean_absolute_error,
    "median_absolute_error": plain.median_absolute_error,
    "r2": plain.r2_score,
    "mape": plain.mean_absolute_percentage_error,
    "smape": smape,
}
PLAIN_COUNT: dict[str, Plain] = {
    "poisson_deviance": plain.mean_poisson_deviance,
    "deviance_explained": lambda y, s: float(plain.d2_tweedie_score(y, s, power=1)),
    "mae": plain.mean_absolute_error,
    "rmse": plain.root_mean_squared_error,
    "bias": lambda y, s: abs(float(s.sum() / y.sum()) - 1),
}

times = st.integers(0, 3)
score = st.integers(1, 9)
of_classes = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.tuples(score, score, score), times),
    min_size=3,
    max_size=30,
).filter(lambda rows: {label for label, _, often in rows if often} == {0, 1, 2})
of_numbers = st.lists(
    st.tuples(st.integers(1, 40), st.integers(-20, 60), times), min_size=2, max_size=30
).filter(lambda rows: len({label for label, _, often in rows if often}) > 1)
of_counts = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 90), times), min_size=2, max_size=30
).filter(lambda rows: len({label for label, _, often in rows if often}) > 1)


def arrays(rows: Rows, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, scores, often = (np.array(column) for column in zip(*rows, strict=True))
    return labels, scores / scale, often


def repeated(compute: Plain, rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    labels, scores, often = rows
    return compute(np.repeat(labels, often), np.repeat(scores, often, axis=0))


def test_every_metric_but_the_calibration_error_is_compared() -> None:
    assert set(MULTICLASS) - {"calibration_error"} == set(PLAIN_MULTICLASS)
    assert set(REGRESSION) == set(PLAIN_REGRESSION)
    assert set(COUNT) == set(PLAIN_COUNT)


@pytest.mark.parametrize("name", PLAIN_MULTICLASS)
@settings(deadline=None, max_examples=40)
@given(rows=of_classes)
def test_a_metric_of_classes_is_scikit_learn_s(name: str, rows: Rows) -> None:
    labels, scores, often = arrays(rows, 1)
    scores = scores / scores.sum(axis=1, keepdims=True)
    found = MULTICLASS[name].of_weighted(labels, scores, often)
    expected = repeated(PLAIN_MULTICLASS[name], (labels, scores, often))
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", PLAIN_REGRESSION)
@settings(deadline=None, max_examples=40)
@given(rows=of_numbers)
def test_a_metric_of_numbers_is_scikit_learn_s(name: str, rows: Rows) -> None:
    given_rows = arrays(rows, 2)
    found = REGRESSION[name].of_weighted(*given_rows)
    assert found == pytest.approx(repeated(PLAIN_REGRESSION[name], given_rows), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", PLAIN_COUNT)
@settings(deadline=None, max_examples=40)
@given(rows=of_counts)
def test_a_metric_of_counts_is_scikit_learn_s(name: str, rows: Rows) -> None:
    given_rows = arrays(rows, 10)
    found = COUNT[name].of_weighted(*given_rows)
    assert found == pytest.approx(repeated(PLAIN_COUNT[name], given_rows), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["macro_auc"])
def test_a_ranking_of_classes_without_one_of_them_is_undefined(name: str) -> None:
    assert math.isnan(MULTICLASS[name](np.array([0, 1, 1]), np.full((3, CLASSES), 1 / 3)))


def test_what_labels_that_do_not_vary_leave_unexplained_is_undefined() -> None:
    labels, scores = np.full(4, 0.1 + 0.2), np.array([0.1, 0.2, 0.3, 0.4])
    assert math.isnan(REGRESSION["r2"](labels, scores))
    assert math.isnan(COUNT["deviance_explained"](np.full(4, 3.0), scores))
    assert math.isnan(COUNT["deviance_explained"](np.zeros(4), scores))
    assert math.isnan(COUNT["bias"](np.zeros(4), scores))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_share_explained_does_not_depend_on_the_unit(scale: float) -> None:
    labels, scores = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    assert REGRESSION["r2"](labels * scale, scores * scale) == pytest.approx(
        REGRESSION["r2"](labels, scores)
    )


def test_a_percentage_of_nothing_is_undefined_and_its_symmetric_form_is_not() -> None:
    labels, scores = np.array([0.0, 2.0]), np.array([0.0, 1.0])
    assert math.isnan(REGRESSION["mape"](labels, scores))
    assert REGRESSION["smape"](labels, scores) == pytest.approx((0 + 2 / 3) / 2)


def test_calibration_error_is_that_of_the_most_probable_class() -> None:
    labels = np.array([0, 1, 2, 2])
    scores = np.array([[0.9, 0.05, 0.05]] * 2 + [[0.1, 0.2, 0.7]] * 2)
    # confidence 0.9 with one of two right, confidence 0.7 with both
    assert MULTICLASS["calibration_error"](labels, scores) == pytest.approx((0.4 + 0.3) / 2)
