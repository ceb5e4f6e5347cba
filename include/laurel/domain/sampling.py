"""A few rows that stand for many: the same ones whatever the order and the batches."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

REFERENCE_ROWS = 2_000
"""Rows of what a model learned from that are kept beside it."""
NIGHT_ROWS = 100
"""Rows of a night that are kept beside its predictions."""
MEASURED = 50_000
"""Rows of a night that performance is measured on, about: all of them where there are no more."""
VALUES = 400_000
"""Values of a reference's sample at most, and a twentieth of them of a night's."""


def sample_rows(frame: pd.DataFrame, *, most: int) -> pd.DataFrame:
    """The rows whose content has the least hashes, at most ``most``: a bottom-k sample.

    Samples of parts, put together and sampled again, are the sample of the whole.

    Source: Cohen and Kaplan, Summarizing data using bottom-k sketches, PODC 2007.

    >>> frame = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    >>> sample_rows(frame, most=2).equals(sample_rows(frame.iloc[::-1], most=2))
    True
    """
    plain = _plain(frame)
    hashes = pd.util.hash_pandas_object(plain, index=False).to_numpy()
    kept = np.argsort(hashes, kind="stable")[:most]
    return plain.iloc[kept].reset_index(drop=True)


def reference_rows(columns: int) -> int:
    """How many rows of a reference are kept.

    >>> reference_rows(20), reference_rows(500)
    (2000, 800)
    """
    return min(REFERENCE_ROWS, VALUES // max(1, columns))


def night_rows(columns: int) -> int:
    """How many rows of a night are kept.

    >>> night_rows(20), night_rows(500)
    (100, 40)
    """
    return min(NIGHT_ROWS, VALUES // 20 // max(1, columns))


def together(samples: Iterable[pd.DataFrame]) -> pd.DataFrame | None:
    """Samples of several nights as one; ``None`` of none."""
    found = list(samples)
    return pd.concat(found, ignore_index=True) if found else None


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns in order, categories and truths as what they stand for: equal rows, equal hashes."""
    columns = {}
    for name in sorted(frame.columns):
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            columns[str(name)] = pd.Series(column.to_numpy("float32", na_value=np.nan))
        else:
            columns[str(name)] = column.astype("str").reset_index(drop=True)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))
