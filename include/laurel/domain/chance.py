"""Tail probabilities of three distributions, in closed form.

SciPy has them too, but its import takes as long as the drift of a whole night; tests compare.
"""

from __future__ import annotations

import math

_TERMS = 40
_NONE_BELOW = 0.03
"""Below it less than 1e-300 is missing from one."""
_SERIES_FROM = 0.6
"""From here on the alternating series is used, below it the theta function: few terms of either."""


def normal_tail(z: float) -> float:
    """The chance that a standard normal value is above ``z``.

    >>> normal_tail(0.0)
    0.5
    """
    return 0.5 * math.erfc(z / math.sqrt(2))


def chi_square_tail(statistic: float, freedom: int) -> float:
    """The chance that chi-square of so many degrees of freedom, one at least, is above a value.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 26.4.4 and 26.4.5.

    >>> round(chi_square_tail(3.841458820694124, 1), 6), chi_square_tail(0.0, 4)
    (0.05, 1.0)
    """
    half = statistic / 2
    odd = freedom % 2
    total = math.erfc(math.sqrt(half)) if odd else 0.0
    term = 2 * math.sqrt(half / math.pi) * math.exp(-half) if odd else math.exp(-half)
    for step in range(odd + 2, freedom + 2, 2):
        total += term
        term *= statistic / step
    return min(1.0, total)


def kolmogorov_tail(x: float) -> float:
    """The chance that Kolmogorov's limit distribution is above ``x``.

    Source: Kolmogorov, Sulla determinazione empirica di una legge di distribuzione, Giornale
    dell'Istituto Italiano degli Attuari 4, 1933; for small values by Jacobi's theta function.

    >>> round(kolmogorov_tail(1.3580986), 6), kolmogorov_tail(0.0)
    (0.05, 1.0)
    """
    if x < _NONE_BELOW:
        return 1.0
    if x < _SERIES_FROM:
        power = -(math.pi**2) / (8 * x**2)
        below = sum(math.exp(power * (2 * k - 1) ** 2) for k in range(1, _TERMS))
        return 1.0 - math.sqrt(2 * math.pi) / x * below
    terms = ((-1) ** (k - 1) * math.exp(-2 * (k * x) ** 2) for k in range(1, _TERMS))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))
