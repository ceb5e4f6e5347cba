"""Tails in closed form are those of SciPy, and drift is found without importing it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from laurel.domain.chance import chi_square_tail, kolmogorov_tail, normal_tail

NEAR = {"rel": 1e-9, "abs": 1e-300}


@given(st.floats(-8, 36))
def test_the_normal_tail_is_scipys(z: float) -> None:
    assert normal_tail(z) == pytest.approx(float(special.ndtr(-z)), **NEAR)


@given(st.floats(0, 1_300), st.integers(1, 60))
def test_the_chi_square_tail_is_scipys(statistic: float, freedom: int) -> None:
    expected = float(special.chdtrc(freedom, statistic))
    assert chi_square_tail(statistic, freedom) == pytest.approx(expected, **NEAR)


@given(st.floats(0, 18))
def test_the_kolmogorov_tail_is_scipys(x: float) -> None:
    assert kolmogorov_tail(x) == pytest.approx(float(special.kolmogorov(x)), **NEAR)


def test_statistics_beyond_all_numbers_are_no_chance() -> None:
    assert chi_square_tail(1e7, 22) == 0.0
    assert kolmogorov_tail(1e6) == 0.0


def test_the_drift_of_a_night_imports_no_scipy() -> None:
    code = "import laurel.domain.drift, laurel.domain.profile, laurel.domain.windows, sys; "
    code += "print([name for name in sys.modules if name.split('.')[0] in ('scipy', 'sklearn')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
