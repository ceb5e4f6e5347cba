"""Sketches against SciPy and NumPy on the values themselves, within the error of their bins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from laurel.domain import distance, sketch
from laurel.domain.bins import align
from laurel.domain.contrast import Contrast, contrast
from laurel.domain.entry import add_entries, count_numbers, describe, describe_numbers, empty_entry

BIN = 1 / sketch.FINE
"""The share of the reference that a fine bin holds."""
RNG = np.random.default_rng(5)
PAIRS = {
    "normal, moved": (RNG.normal(0, 1, 8_000), RNG.normal(0.3, 1.2, 5_000)),
    "lognormal, wider": (RNG.lognormal(1, 0.6, 8_000), RNG.lognormal(1.1, 0.8, 3_000)),
    "the same": (RNG.gamma(4, 2.6, 6_000), RNG.gamma(4, 2.6, 6_000)),
    "hours": (RNG.integers(5, 24, 9_000) * 1.0, RNG.integers(7, 24, 4_000) * 1.0),
    "zeros and a tail": (
        np.where(RNG.random(7_000) < 0.7, 0, RNG.exponential(3, 7_000)),
        np.where(RNG.random(7_000) < 0.6, 0, RNG.exponential(4, 7_000)),
    ),
}
EXACT = ("hours",)


def laid(then: np.ndarray, now: np.ndarray) -> Contrast:
    reference = describe_numbers(then, kind="numeric")
    return contrast(reference, count_numbers(now, reference), reference)


@pytest.mark.parametrize("name", PAIRS)
def test_ks_is_that_of_the_values_less_at_most_a_bin(name: str) -> None:
    then, now = PAIRS[name]
    found, exact = laid(then, now).ks, stats.ks_2samp(then, now)
    # within a bin either share may move by what it holds there
    slack = 0.0 if name in EXACT else 2 * BIN
    assert exact.statistic - slack - 1e-12 <= found <= exact.statistic + 1e-12


@pytest.mark.parametrize("name", PAIRS)
def test_the_p_value_of_ks_is_near_scipys_and_errs_upward(name: str) -> None:
    then, now = PAIRS[name]
    found = laid(then, now)
    exact = stats.ks_2samp(then, now, method="asymp").pvalue
    # a lower distance has a higher p-value; SciPy counts with a finite number of rows
    assert found.ks_p_value >= exact * 0.8
    if name in EXACT:
        assert found.ks_p_value == pytest.approx(exact, rel=0.2, abs=1e-9)


@pytest.mark.parametrize("name", PAIRS)
def test_wasserstein_is_that_of_the_values(name: str) -> None:
    then, now = PAIRS[name]
    found, exact = laid(then, now), stats.wasserstein_distance(then, now)
    slack = 1e-9 if name in EXACT else 0.02 * then.std()
    assert found.wasserstein == pytest.approx(exact, abs=slack)
    assert found.wasserstein_std == pytest.approx(found.wasserstein / then.std(), rel=1e-3)


@pytest.mark.parametrize("name", PAIRS)
def test_mean_spread_and_quantiles_are_those_of_the_values(name: str) -> None:
    then, now = PAIRS[name]
    said = laid(then, now).now
    assert said.mean == pytest.approx(now.mean(), abs=2e-5 * then.std())
    assert said.std == pytest.approx(now.std(), abs=2e-5 * then.std())
    assert (said.least, said.largest) == (now.min(), now.max())
    for share, value in said.quantiles.items():
        around = np.quantile(now, np.clip([float(share) - 0.02, float(share) + 0.02], 0, 1))
        assert around[0] - 1e-9 <= value <= around[1] + 1e-9


@pytest.mark.parametrize("name", PAIRS)
def test_js_psi_and_chi_square_are_the_formulas_of_others_on_the_same_bins(name: str) -> None:
    then, now = PAIRS[name]
    reference = describe_numbers(then, kind="numeric")
    both = align(reference, count_numbers(now, reference))
    p, q = (np.array(side) / sum(side) for side in (both.reference, both.current))
    assert distance.js(both.reference, both.current) == pytest.approx(jensenshannon(p, q, base=2))
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    expected = stats.entropy(p / p.sum(), q / q.sum()) + stats.entropy(q / q.sum(), p / p.sum())
    assert distance.psi(both.reference, both.current) == pytest.approx(expected, rel=0.01)
    table = np.array([both.reference, both.current])
    used = table[:, table.sum(axis=0) > 0]
    if (stats.contingency.expected_freq(used) >= 5).all():
        exact = stats.chi2_contingency(used, correction=False).pvalue
        assert distance.chi_square(both.reference, both.current) == pytest.approx(exact)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(width=32) | st.integers(-2, 2).map(float), max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_sketches_add_up_to_the_same_bits_however_rows_are_cut(
    values: list[float], cuts: list[int], order: object
) -> None:
    reference = describe_numbers(np.array([0.0, 1.0, 1.0, 5.0]), kind="numeric")
    given_values = np.array(values, dtype=float)
    parts = [count_numbers(part, reference) for part in np.split(given_values, sorted(cuts))]
    order.shuffle(parts)  # type: ignore[attr-defined]
    whole = empty_entry(reference)
    for part in parts:
        whole = add_entries("x", whole, part)
    assert whole == add_entries("x", count_numbers(given_values, reference), empty_entry(reference))


def test_of_nothing_everything_is_undefined() -> None:
    reference = describe_numbers(np.array([1.0, 2.0]), kind="numeric")
    found = contrast(reference, empty_entry(reference), reference)
    for value in (found.ks, found.ks_p_value, found.wasserstein, found.now.mean, found.now.missing):
        assert math.isnan(value)
    assert all(math.isnan(value) for value in found.now.quantiles.values())
    nothing = describe_numbers(np.array([np.nan]), kind="numeric")
    assert math.isnan(contrast(nothing, count_numbers(np.ones(3), nothing), nothing).wasserstein)


def test_a_constant_stays_a_constant_and_a_new_value_shows() -> None:
    reference = describe_numbers(np.full(500, 7.0), kind="numeric")
    same = contrast(reference, count_numbers(np.full(50, 7.0), reference), reference)
    assert (same.ks, same.wasserstein, same.now.mean, same.now.std) == (0.0, 0.0, 7.0, 0.0)
    moved = contrast(reference, count_numbers(np.full(50, 9.0), reference), reference)
    assert moved.ks == 1.0
    assert moved.wasserstein == pytest.approx(2.0, abs=0.001)
    assert math.isnan(moved.wasserstein_std)


def test_an_infinite_value_is_counted_and_leaves_the_moments_alone() -> None:
    reference = describe_numbers(np.arange(100.0), kind="numeric")
    entry = count_numbers(np.array([1.0, np.inf, -np.inf, np.nan]), reference)
    said = describe(entry, reference)
    assert (said.largest, said.missing) == (1.0, 0.25)
    assert said.mean == pytest.approx(1.0, abs=0.001)
    assert sum(entry["fine"]) == 3


def test_a_profile_without_sketches_is_still_compared() -> None:
    old = {"kind": "numeric", "edges": [0.0, 1.0], "counts": [0, 5, 0], "missing": 0}
    found = contrast(old, count_numbers(np.array([0.5]), old), old)
    assert math.isnan(found.ks)
    assert count_numbers(np.array([0.5]), old)["counts"] == [0, 1, 0]
