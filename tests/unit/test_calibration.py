"""Calibrations make probabilities that come true, are plain numbers, and change no order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from laurel.domain.calibration import KINDS, Isotonic, fit_calibration, read_calibration
from laurel.domain.canonical import canonical_json, digest
from laurel.domain.metric import BINARY, MULTICLASS
from laurel.domain.objective.rules import sigmoid, softmax


def draw(seed: int, *, rows: int = 4_000, slope: float = 0.4, shift: float = -0.7) -> tuple:
    """Margins that are too sure of themselves, and labels of what is true."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(0, 2, rows)
    return margins, (rng.random(rows) < sigmoid(slope * margins + shift)).astype(int)


def draw_classes(seed: int, *, rows: int = 4_000, heat: float = 2.5) -> tuple:
    rng = np.random.default_rng(seed)
    margins = rng.normal(0, 2, (rows, 3))
    shares = softmax(margins / heat)
    return margins, (rng.random(rows)[:, None] > shares.cumsum(axis=1)).sum(axis=1)


def test_a_sigmoid_finds_the_slope_and_shift_that_made_the_labels() -> None:
    found = fit_calibration("sigmoid", *draw(1)).document()
    assert found["slope"] == pytest.approx(0.4, abs=0.05)
    assert found["intercept"] == pytest.approx(-0.7, abs=0.1)


def test_a_temperature_finds_the_heat_that_made_the_labels() -> None:
    found = fit_calibration("temperature", *draw_classes(1)).document()
    assert found["temperature"] == pytest.approx(2.5, rel=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_a_sigmoid_is_the_least_cross_entropy_that_another_search_finds(seed: int) -> None:
    margins, labels = draw(seed, rows=200)
    weights = np.random.default_rng(seed).integers(0, 3, 200).astype(float)
    positive = (weights * labels).sum()
    negative = weights.sum() - positive
    target = np.where(labels > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(place: np.ndarray) -> float:
        odds = place[0] * margins + place[1]
        return float((weights * (np.logaddexp(0, odds) - target * odds)).sum())

    found = fit_calibration("sigmoid", margins, labels, weights).document()
    other = minimize(loss, [1.0, 0.0], tol=1e-10).x
    assert [found["slope"], found["intercept"]] == pytest.approx(list(other), abs=1e-4)


@pytest.mark.parametrize(
    "margins",
    [[-1.0, -1, 1, 1], [0.0, 0, 0, 0], [1e6, -1e6, 1e6, -1e6], [1.0, 1, -1, -1], [30, 31, 32, 33]],
)
def test_a_sigmoid_ends_for_separable_constant_huge_and_contrary_margins(
    margins: list[float],
) -> None:
    found = fit_calibration("sigmoid", np.array(margins), np.array([0, 0, 1, 1]))
    said = found.apply(np.array(margins))
    assert np.isfinite([*found.document().values()][1:]).all()
    assert ((said > 0) & (said < 1)).all()


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.integers(-6, 6), st.integers(0, 1), st.integers(1, 3)), min_size=2, max_size=30
    )
)
def test_isotonic_steps_are_scikit_learn_s_within_the_bounds(
    rows: list[tuple[int, int, int]],
) -> None:
    margins, labels, weights = (np.array(column, float) for column in zip(*rows, strict=True))
    found = fit_calibration("isotonic", margins, labels, weights).apply(margins)
    other = IsotonicRegression(out_of_bounds="clip").fit(margins, labels, weights).predict(margins)
    least = 1 / (weights.sum() + 2)
    np.testing.assert_allclose(found, np.clip(other, least, 1 - least), atol=1e-9)


def test_isotonic_probabilities_rise_with_the_margin_and_never_promise_all() -> None:
    margins, labels = draw(3, rows=300)
    found = fit_calibration("isotonic", margins, labels)
    assert isinstance(found, Isotonic)
    said = found.apply(np.linspace(-50, 50, 1001))
    assert (np.diff(said) >= 0).all()
    assert 0 < said[0] < said[-1] < 1


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibrated_scores_come_truer_on_rows_that_were_not_fitted_on(method: str) -> None:
    margins, labels = draw(5)
    found = fit_calibration(method, *draw(6))
    before, after = sigmoid(margins), found.apply(margins)
    for name in ("calibration_error", "log_loss", "brier"):
        assert BINARY[name](labels, after) < BINARY[name](labels, before)
    assert BINARY["auc"](labels, after) == pytest.approx(BINARY["auc"](labels, before), abs=0.005)


def test_a_temperature_comes_truer_and_leaves_every_decision_as_it_was() -> None:
    margins, labels = draw_classes(5)
    found = fit_calibration("temperature", *draw_classes(6))
    before, after = softmax(margins), found.apply(margins)
    for name in ("calibration_error", "log_loss", "brier"):
        assert MULTICLASS[name](labels, after) < MULTICLASS[name](labels, before)
    assert np.array_equal(before.argmax(axis=1), after.argmax(axis=1))
    np.testing.assert_allclose(after.sum(axis=1), 1)


@pytest.mark.parametrize("method", KINDS)
def test_a_calibration_read_back_from_its_numbers_says_the_same_bits(method: str) -> None:
    margins, labels = draw_classes(7) if method == "temperature" else draw(7)
    found = fit_calibration(method, margins, labels)
    again = read_calibration(found.document())
    assert again == found
    assert np.array_equal(again.apply(margins), found.apply(margins))
    assert digest(again.document()) == digest(found.document())
    canonical_json(found.document())


@pytest.mark.parametrize("method", KINDS)
def test_rows_that_weigh_nothing_teach_nothing(method: str) -> None:
    margins, labels = draw_classes(8) if method == "temperature" else draw(8)
    weights = np.ones(len(labels))
    weights[1000:] = 0
    fewer = fit_calibration(method, margins[:1000], labels[:1000]).document()
    for name, value in fit_calibration(method, margins, labels, weights).document().items():
        assert value == (pytest.approx(fewer[name]) if name != "method" else method)
