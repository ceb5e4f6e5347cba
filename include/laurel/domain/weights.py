"""What rows weigh in learning: by a column, by age, by class."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.config import Weights
from laurel.domain.config.model import Balance
from laurel.domain.history import PARTITION
from laurel.domain.partition import Partition
from laurel.errors import DataError

Floats = NDArray[np.float64]


def row_weights(rows: pd.DataFrame, weights: Weights, *, last: date) -> Floats:
    """Weights of rows: their column, halved for each half-life that they are older than ``last``.

    rows: with ``partition`` and the column. Raises :class:`DataError` for weights that are below
    zero or no number.

    >>> rows = pd.DataFrame({"partition": ["2024-01-01", "2024-01-08"]})
    >>> row_weights(rows, Weights(half_life_days=7), last=date(2024, 1, 8)).tolist()
    [0.5, 1.0]
    """
    found: Floats = np.ones(len(rows))
    if weights.column is not None:
        found = rows[weights.column].to_numpy(dtype="float64", na_value=np.nan)
        wrong = ~(np.isfinite(found) & (found >= 0))
        if wrong.any():
            raise DataError(
                f"weights in {weights.column!r} are not all numbers of at least 0",
                found=f"{int(wrong.sum())} rows, the first {found[wrong][0]}",
                hint="let the raw suite refuse such rows, or name another column",
            )
    if weights.half_life_days is not None:
        ages = {key: (last - Partition.of(str(key)).day).days for key in rows[PARTITION].unique()}
        age = rows[PARTITION].map(ages).to_numpy(dtype="float64")
        found = found * 0.5 ** (age / weights.half_life_days)
    return found


def class_weights(labels: NDArray[Any], balance: Balance, *, classes: int) -> Floats | None:
    """What a row of each class weighs besides; ``None`` where all weigh the same.

    labels: of the train days, 0, 1 … With ``balanced`` every class weighs the same in all, and
    the rows as much as before (King and Zeng 2001).

    >>> class_weights(np.array([0, 0, 0, 1]), "balanced", classes=2).round(2).tolist()
    [0.67, 2.0]
    """
    if balance == "none":
        return None
    if balance != "balanced":
        return np.array([1.0, float(balance)])
    rows = np.bincount(labels.astype(int), minlength=classes)
    return np.asarray(len(labels) / (classes * np.maximum(rows, 1)), np.float64)


def balanced(
    labels: NDArray[Any], weights: Floats | None, by_class: Floats | None
) -> Floats | None:
    """Weights of rows with those of their classes; ``None`` where all rows weigh the same."""
    if by_class is None:
        return weights
    own: Floats = by_class[labels.astype(int)]
    return own if weights is None else own * weights
