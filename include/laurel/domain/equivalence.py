"""Whether what was made again says the same, where its bytes are not the same.

On another architecture, or with other versions of packages, the last digits of a number differ.
*Equivalent* means: every text and every whole number is equal, and every other number differs by no
more than the tolerance, absolutely or as a share of the larger one; of a table's column the root
mean square of the differences does. In a list of counts, as of a histogram, each may differ by one:
a score whose last digit differs may fall into the next bin.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

TOLERANCE = 1e-3
"""By how much a number may differ, absolutely or as a share of the larger one."""

Verdict = Literal["identical", "equivalent", "different"]
WORST: tuple[Verdict, ...] = ("different", "equivalent", "identical")

_DIGEST = re.compile(r"[0-9a-f]{32}(?:\.dir)?|[0-9a-f]{64}")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+)")
"""A number in a text that is no whole one: those may be dates and ids."""


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict about all of several parts.

    >>> worst(["identical", "equivalent"]), worst([])
    ('equivalent', 'identical')
    """
    return min(verdicts, key=WORST.index, default="identical")


def close(before: float, after: float, tolerance: float) -> bool:
    """Whether two numbers are equal within a tolerance; two undefined ones are.

    >>> close(0.7001, 0.7009, 1e-3), close(1e6, 1e6 + 500, 1e-3), close(0.70, 0.71, 1e-3)
    (True, True, False)
    """
    if math.isnan(before) or math.isnan(after):
        return math.isnan(before) and math.isnan(after)
    return before == after or abs(before - after) <= tolerance * max(1.0, abs(before), abs(after))


def documents_differ(before: Any, after: Any, *, tolerance: float) -> str | None:
    """The first thing by which two JSON documents are not equivalent; ``None`` if they are.

    before, after: mappings, lists and values, as :mod:`json` reads them. Digests follow from the
    bytes, and are not compared.

    >>> documents_differ({"auc": 0.71231}, {"auc": 0.71234}, tolerance=1e-3)
    >>> documents_differ({"auc": {"value": 0.71}}, {"auc": {"value": 0.75}}, tolerance=1e-3)
    'auc.value was 0.71, is 0.75'
    """
    return next(_differences(before, after, (), tolerance), None)


def texts_differ(before: str, after: str, *, tolerance: float) -> str | None:
    """The first line by which two texts are not equivalent, their numbers taken as numbers.

    >>> texts_differ("x,y\\n0.1,0.50001\\n", "x,y\\n0.1,0.50002\\n", tolerance=1e-3)
    >>> texts_differ("x,y\\n1,2\\n", "x,y\\n1,3\\n", tolerance=1e-3)
    'line 2 was 1,2, is 1,3'
    """
    old, new = before.splitlines(), after.splitlines()
    if len(old) != len(new):
        return f"{len(old)} lines, now {len(new)}"
    for number, (one, two) in enumerate(zip(old, new, strict=True), start=1):
        if one != two and not _same_line(one, two, tolerance):
            return f"line {number} was {one[:60]}, is {two[:60]}"
    return None


def tables_differ(before: pd.DataFrame, after: pd.DataFrame, *, tolerance: float) -> str | None:
    """The first column by which two tables are not equivalent, row by row.

    >>> one = pd.DataFrame({"id": ["a", "b"], "score": [0.25, 0.5]})
    >>> tables_differ(one, one.assign(score=[0.25, 0.50001]), tolerance=1e-3)
    >>> tables_differ(one, one.assign(score=[0.25, 0.9]), tolerance=1e-3)
    'score differs by 0.283 (root mean square), at most 0.4'
    """
    if list(before.columns) != list(after.columns):
        return "other columns"
    if len(before) != len(after):
        return f"{len(before)} rows, now {len(after)}"
    for name in before.columns:
        told = _columns_differ(before[name], after[name], tolerance)
        if told:
            return f"{name} {told}"
    return None


def _columns_differ(before: pd.Series[Any], after: pd.Series[Any], tolerance: float) -> str | None:
    before, after = before.reset_index(drop=True), after.reset_index(drop=True)
    if before.equals(after):
        return None
    if not (pd.api.types.is_float_dtype(before.dtype) and pd.api.types.is_float_dtype(after.dtype)):
        return "holds other values"
    old, new = (s.to_numpy(dtype="float64", na_value=np.nan) for s in (before, after))
    if (np.isnan(old) != np.isnan(new)).any():
        return "is defined for other rows"
    gaps = np.abs(old - new)[~np.isnan(old)]
    if not gaps.size:
        return None
    scale = max(1.0, float(np.nanmax(np.abs(old))))
    root = float(np.sqrt(np.mean(gaps**2)))
    if root <= tolerance * scale:
        return None
    return f"differs by {root:.3g} (root mean square), at most {gaps.max():.3g}"


def _differences(before: Any, after: Any, path: tuple[str, ...], tolerance: float) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(key), after.get(key), (*path, str(key)), tolerance)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        if _counts_agree(before, after):
            return
        for place, pair in enumerate(zip(before, after, strict=True)):
            yield from _differences(*pair, (*path, str(place)), tolerance)
    elif not _same(before, after, tolerance):
        yield f"{'.'.join(path) or 'all of it'} was {_brief(before)}, is {_brief(after)}"


def _same(before: Any, after: Any, tolerance: float) -> bool:
    if _is_number(before) and _is_number(after):
        if isinstance(before, int) and isinstance(after, int):
            return before == after
        return close(float(before), float(after), tolerance)
    if isinstance(before, str) and isinstance(after, str):
        digests = _DIGEST.fullmatch(before) and _DIGEST.fullmatch(after)
        return bool(digests) or before == after or _same_line(before, after, tolerance)
    return bool(before == after)


def _same_line(before: str, after: str, tolerance: float) -> bool:
    """Whether two lines are the same but for numbers that are close."""
    if _NUMBER.sub("#", before) != _NUMBER.sub("#", after):
        return False
    pairs = zip(_NUMBER.findall(before), _NUMBER.findall(after), strict=True)
    return all(close(float(old), float(new), tolerance) for old, new in pairs)


def _counts_agree(before: list[Any], after: list[Any]) -> bool:
    whole = all(type(value) is int for value in (*before, *after))
    return whole and all(abs(old - new) <= 1 for old, new in zip(before, after, strict=True))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
