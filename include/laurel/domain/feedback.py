"""Hints of a feedback loop: labels that exist only where the model acted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.distance import homogeneity
from laurel.domain.surroundings import Feedback

LEAST = 50
"""Rows on either side with fewer of which nothing is suspected."""
ALPHA = 1e-3
RARER = 0.5
"""Labels on one side come at most half as often as on the other."""


def find_feedback(decided: pd.Series[Any], labelled: NDArray[np.bool_]) -> Feedback:
    """Whether labels that are due come as often for rows decided positive as for the others.

    decided: true, false or missing; labelled: whether each row has its label.

    >>> found = find_feedback(pd.Series([True, False] * 100), np.array([True, False] * 100))
    >>> found.suspected, found.acted_labelled, found.idle_labelled
    (True, 1.0, 0.0)
    """
    acted = decided.fillna(False).to_numpy(dtype=bool)
    idle = (~decided.fillna(True).astype(bool)).to_numpy()
    table = np.array([[_both(side, labelled), _both(side, ~labelled)] for side in (acted, idle)])
    rows = table.sum(axis=1)
    shares = [float(have / n) if n else math.nan for (have, _), n in zip(table, rows, strict=True)]
    testable = rows.min() > 0 and table.sum(axis=0).min() > 0
    p_value = homogeneity(table) if testable else math.nan
    suspected = bool(
        rows.min() >= LEAST and testable and p_value < ALPHA and min(shares) <= RARER * max(shares)
    )
    return Feedback(
        acted=int(rows[0]),
        idle=int(rows[1]),
        acted_labelled=shares[0],
        idle_labelled=shares[1],
        p_value=p_value,
        suspected=suspected,
        sentence=_sentence(rows, shares, suspected=suspected),
    )


def _both(side: NDArray[np.bool_], labelled: NDArray[np.bool_]) -> int:
    return int((side & labelled).sum())


def _sentence(rows: NDArray[np.int_], shares: list[float], *, suspected: bool) -> str:
    if not rows.all():
        return "nothing can be said of a feedback loop: all rows were decided alike"
    acted, idle = (f"{share:.1%}" for share in shares)
    said = f"{acted} of the labels due came where the model acted, {idle} where it did not"
    hint = "performance is known of one side mostly: a feedback loop is suspected"
    return f"{said}; {hint}" if suspected else said
