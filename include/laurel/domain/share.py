"""A stable share of keys: which side a key is on follows from the key and a salt alone.

The first eight bytes of SHA-256, read as a number, lie evenly in [0, 2^64); a key belongs to a
share where its number is below that part of it. So a key is on the same side in every partition,
and a larger share holds all keys of a smaller one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.history import INSTANT

SEPARATOR = "\x1f"
"""Between the salt and the values: a character that separates units, by ASCII."""
MISSING = "\x00"


def in_share(
    rows: pd.DataFrame, columns: Sequence[str], *, share: float, salt: str = ""
) -> NDArray[np.bool_]:
    """Which rows belong to a share of the keys, shape (rows,).

    What is hashed is the salt and the values of the columns, as text in UTF-8, with U+001F between
    them: whole numbers as decimal digits, other numbers as Python writes a float64, moments as
    RFC 3339 in UTC with microseconds, truths as ``true`` and ``false``, U+0000 for what is missing.

    Source: hashing of units to buckets, e.g. Tang et al., Overlapping experiment infrastructure,
    KDD 2010.

    >>> keys = pd.DataFrame({"id": [f"k{n}" for n in range(1000)]})
    >>> small, large = (in_share(keys, ["id"], share=s) for s in (0.1, 0.3))
    >>> bool((small & ~large).any()), int(small.sum()), int(large.sum())
    (False, 105, 301)
    """
    bound = int(share * 2**64)
    texts = [_texts(rows[name]) for name in columns]
    begin = hashlib.sha256(salt.encode())
    found = np.zeros(len(rows), bool)
    for place, values in enumerate(zip(*texts, strict=True)):
        hashed = begin.copy()
        hashed.update("".join(SEPARATOR + value for value in values).encode())
        found[place] = int.from_bytes(hashed.digest()[:8], "big") < bound
    return found


def _texts(column: pd.Series[Any]) -> list[str]:
    missing = column.isna().to_numpy()
    if isinstance(column.dtype, pd.DatetimeTZDtype) or column.dtype.kind == "M":
        stamps = column.astype(INSTANT).dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        texts = stamps.tolist()
    elif pd.api.types.is_bool_dtype(column.dtype):
        texts = ["true" if value is True else "false" for value in column.astype(object)]
    elif pd.api.types.is_float_dtype(column.dtype):
        texts = [repr(float(value)) for value in column.to_numpy("float64", na_value=np.nan)]
    else:
        texts = [str(value) for value in column.tolist()]
    return [MISSING if none else text for none, text in zip(missing, texts, strict=True)]
