"""Skew of training against serving: a row's features as learned from, beside those as scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.featureset import LABEL, SPLIT, WEIGHT
from laurel.domain.history import PARTITION

MISSING = "no such row"
SHOWN = 6
"""Names that an alarm tells at most."""


@dataclass(frozen=True)
class TrainServe:
    """Rows of a training's frame, and what the same code makes of them as scoring does."""

    run: str
    """The training."""
    partition: str
    """The day of the rows."""
    rows: int
    differing: int
    """Rows of which any feature has another value, or that would not be scored at all."""
    features: tuple[str, ...]
    """The features that differ, in their order."""
    example: str | None
    """The first difference: key, feature, as learned and as scored."""
    restated: tuple[str, ...] = ()
    """Inputs of which scoring sees another revision than the training did."""

    def reason(self) -> str:
        """The skew in a sentence."""
        named = ", ".join(self.features[:SHOWN])
        more = len(self.features) - SHOWN
        named += f" and {more} more" if more > 0 else ""
        why = f"; of other revisions: {', '.join(self.restated[:SHOWN])}" if self.restated else ""
        return (
            f"{self.differing:,} of {self.rows:,} sampled rows of {self.partition} have other "
            f"features when scored than run {self.run} learned from: {named or MISSING}{why}"
        )


def compare_features(
    learned: pd.DataFrame, served: pd.DataFrame, *, key: Sequence[str]
) -> tuple[int, tuple[str, ...], str | None]:
    """How many rows differ, in which features, and the first difference.

    learned: rows of the frame. served: the key and features of every row that is scored. Equal
    means the same bits of a float32, or both missing; the order of rows does not matter.

    >>> one = pd.DataFrame({"id": ["a", "b"], "x": [1.0, np.nan]})
    >>> two = pd.DataFrame({"id": ["b", "a"], "x": [np.nan, 1.5]})
    >>> compare_features(one, two, key=["id"])
    (1, ('x',), 'id a: x 1.0 as learned, 1.5 as scored')
    """
    head = {*key, PARTITION, SPLIT, LABEL, WEIGHT}
    names = [name for name in learned.columns if name not in head]
    lacking = [name for name in names if name not in served.columns]
    added = [name for name in served.columns if name not in learned.columns and name not in head]
    there = served.set_index(list(key))
    places = there.index.get_indexer(keys_of(learned, key))
    absent = places < 0
    differs = {name: _differ(learned[name], there[name], places) for name in names if name in there}
    wrong = absent.copy()
    for each in differs.values():
        wrong |= each
    if lacking or added:
        wrong[:] = True
    features = [name for name in names if name in lacking or differs[name][~absent].any()] + added
    example = _example(learned, there, places, differs, key=key) if wrong.any() else None
    return int(wrong.sum()), tuple(features), example


def keys_of(frame: pd.DataFrame, key: Sequence[str]) -> pd.Index[Any]:
    """The keys of rows, of one column or of several.

    >>> list(keys_of(pd.DataFrame({"id": ["a", "b"], "x": [1, 2]}), ["id"]))
    ['a', 'b']
    """
    return pd.MultiIndex.from_frame(frame[list(key)]) if len(key) > 1 else pd.Index(frame[key[0]])


def _differ(learned: pd.Series[Any], served: pd.Series[Any], places: NDArray[Any]) -> NDArray[Any]:
    """Which rows have another value; those that are not there do not count."""
    if not len(served):
        return np.zeros(len(learned), dtype=bool)
    found = served.take(np.where(places < 0, 0, places))
    ours, theirs = (each.isna().to_numpy() for each in (learned, found))
    if learned.dtype != served.dtype:
        return places >= 0
    equal = (learned.to_numpy() == found.to_numpy()) | (ours & theirs)
    return ~np.asarray(equal, dtype=bool) & (places >= 0)


def _example(
    learned: pd.DataFrame,
    there: pd.DataFrame,
    places: NDArray[Any],
    differs: dict[str, NDArray[Any]],
    *,
    key: Sequence[str],
) -> str:
    for name, rows in differs.items():
        if rows.any():
            row = int(np.flatnonzero(rows)[0])
            values = learned[name].iloc[row], there[name].iloc[places[row]]
            named = " ".join(f"{k} {learned[k].iloc[row]}" for k in key)
            return f"{named}: {name} {values[0]} as learned, {values[1]} as scored"
    absent = np.flatnonzero(places < 0)
    if len(absent):
        return " ".join(f"{k} {learned[k].iloc[absent[0]]}" for k in key) + f": {MISSING}"
    return "other columns"
