"""What moves a model's scores: contributions of a sample of rows, made small enough to keep.

All numbers are rounded to six digits, so that a document is the same wherever it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.canonical import rounded

SAMPLE = 2_000
"""Hold-out rows that are explained, at most."""
WORK = 1_000_000
"""Trees times rows that are explained, at most: the time grows with both."""
LEAST = 200
"""Rows that are explained however many trees there are."""
DOTS = 120
"""Rows of the sample whose own contributions are kept, to be drawn."""
BINS = 10
"""Bins of equally many rows that a number is cut into."""
LEVELS = 12
"""Categories told apart, the most frequent ones."""
CLASS_FREE = "margin"
"""The name of the only output, where there are no classes."""

Floats = NDArray[np.float64]


def sample_size(rows: int, *, trees: int) -> int:
    """How many of some rows are explained.

    >>> sample_size(50_000, trees=200), sample_size(50_000, trees=4_000), sample_size(90, trees=9)
    (2000, 250, 90)
    """
    return min(rows, SAMPLE, max(LEAST, WORK // max(1, trees)))


def evenly(rows: int, count: int) -> NDArray[np.int64]:
    """Which rows make an even sample, from the first on.

    >>> evenly(10, 4).tolist(), evenly(3, 5).tolist()
    ([0, 2, 5, 7], [0, 1, 2])
    """
    taken = min(rows, count)
    return np.arange(taken, dtype=np.int64) * rows // max(1, taken)


def rank_importance(importance: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """The features by their share of all gain, the greatest first.

    importance: for each feature ``weight``, ``gain``, ``total_gain``, ``cover``, ``total_cover``.
    """
    whole = sum(each["total_gain"] for each in importance.values())
    ranked = sorted(importance, key=lambda name: (-importance[name]["total_gain"], name))
    return [
        {
            "name": name,
            "gain_share": rounded(importance[name]["total_gain"] / whole) if whole else 0.0,
            **{kind: rounded(value) for kind, value in sorted(importance[name].items())},
        }
        for name in ranked
    ]


def summarise(
    features: pd.DataFrame,
    contributions: NDArray[Any],
    *,
    outputs: Sequence[str] = (CLASS_FREE,),
    hidden: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """One summary for each output: its base, and each feature by mean absolute contribution.

    features: the sample, one column per feature, numbers or text. contributions: shape (rows,
    outputs, features + 1), the base last. hidden: features whose values must not be shown.

    >>> rows = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    >>> values = np.array([[[-1.0, 0.5]], [[0.0, 0.5]], [[1.0, 0.5]]])
    >>> found = summarise(rows, values)[0]
    >>> found["base"], found["features"][0]["mean_abs"], found["features"][0]["direction"]
    (0.5, 0.666667, 1.0)
    """
    wide = np.asarray(contributions, np.float64)
    return [
        _output(features, wide[:, place, :], name=name, hidden=hidden)
        for place, name in enumerate(outputs)
    ]


def unseen_levels(
    features: pd.DataFrame, known: Mapping[str, Sequence[str]], *, hidden: frozenset[str]
) -> dict[str, dict[str, Any]]:
    """Categories that a model did not know, with the rows that have them; none where all are known.

    >>> unseen_levels(pd.DataFrame({"shop": ["a", "b", None, "b"]}), {"shop": ["a"]},
    ...               hidden=frozenset())
    {'shop': {'rows': 2, 'levels': 1, 'examples': ['b']}}
    """
    found = {}
    for name, levels in sorted(known.items()):
        column = features[name].dropna().astype("str")
        other = column[~column.isin(list(levels))].value_counts()
        if len(other):
            examples = [] if name in hidden else sorted(map(str, other.index))[:5]
            found[name] = {"rows": int(other.sum()), "levels": len(other), "examples": examples}
    return found


def _output(
    features: pd.DataFrame, values: Floats, *, name: str, hidden: frozenset[str]
) -> dict[str, Any]:
    sizes = np.abs(values[:, :-1]).mean(axis=0) if len(values) else np.zeros(values.shape[1] - 1)
    whole = float(sizes.sum())
    names = [str(column) for column in features.columns]
    order = sorted(range(len(names)), key=lambda place: (-sizes[place], names[place]))
    return {
        "output": name,
        "base": rounded(float(values[:, -1].mean())) if len(values) else None,
        "features": [
            {
                "name": names[place],
                "share": rounded(sizes[place] / whole) if whole else 0.0,
                **_feature(
                    features.iloc[:, place], values[:, place], hidden=names[place] in hidden
                ),
            }
            for place in order
        ],
    }


def _feature(column: pd.Series[Any], values: Floats, *, hidden: bool) -> dict[str, Any]:
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    known = _numbers(column) if numeric else None
    missing = column.isna().to_numpy()
    return {
        "kind": "number" if numeric else "category",
        "mean_abs": rounded(float(np.abs(values).mean())) if len(values) else None,
        "mean": rounded(float(values.mean())) if len(values) else None,
        "direction": None if known is None else _direction(known, values),
        "missing": _spread(values[missing]) if missing.any() else None,
        "hidden": hidden,
        "bins": []
        if hidden
        else _levels(column[~missing], values[~missing])
        if known is None
        else _between(known[~missing], values[~missing]),
        "dots": _dots(known, values),
    }


def _between(known: Floats, values: Floats) -> list[dict[str, Any]]:
    """Bins of about equally many rows; equal values are in one bin."""
    if not len(known):
        return []
    shares = np.linspace(0, 1, BINS + 1)[1:]
    edges = np.unique(np.quantile(known, shares, method="inverted_cdf"))
    places = np.searchsorted(edges, known, side="left")
    return [
        {
            "low": rounded(float(known[places == place].min())),
            "high": rounded(float(known[places == place].max())),
            **_spread(values[places == place]),
        }
        for place in np.unique(places)
    ]


def _levels(column: pd.Series[Any], values: Floats) -> list[dict[str, Any]]:
    texts = column.astype("str").to_numpy(dtype=object)
    names, counts = np.unique(texts, return_counts=True)
    ranked = sorted(
        zip(names.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0])
    )
    shown = [str(name) for name, _ in ranked[:LEVELS]]
    found = [{"level": name, **_spread(values[texts == name])} for name in shown]
    if len(ranked) > LEVELS:
        rest = ~np.isin(texts, shown)
        found.append({"level": None, "others": len(ranked) - LEVELS, **_spread(values[rest])})
    return found


def _spread(values: Floats) -> dict[str, Any]:
    low, high = np.quantile(values, [0.1, 0.9], method="inverted_cdf")
    return {
        "rows": len(values),
        "mean": rounded(float(values.mean())),
        "p10": rounded(float(low)),
        "p90": rounded(float(high)),
    }


def _direction(known: Floats, values: Floats) -> float | None:
    """Spearman's rank correlation of value and contribution; ``None`` where either is constant."""
    defined = ~np.isnan(known)
    ranks = [pd.Series(each[defined]).rank().to_numpy() for each in (known, values)]
    a, b = (each - each.mean() if len(each) else each for each in ranks)
    # sums and not a matrix product: its last digits depend on the number of threads of BLAS
    below = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return rounded(float((a * b).sum()) / below) if below else None


def _dots(known: Floats | None, values: Floats) -> list[list[float | None]]:
    """Some rows: the contribution, and where the value lies among the others (0 to 1)."""
    chosen = evenly(len(values), DOTS)
    if known is None:
        return [[rounded(values[place]), None] for place in chosen]
    ranks = pd.Series(known).rank(pct=True).to_numpy()
    return [[rounded(values[place]), _tenth(ranks[place])] for place in chosen]


def _tenth(rank: float) -> float | None:
    return None if np.isnan(rank) else round(float(rank), 1)


def _numbers(column: pd.Series[Any]) -> Floats:
    return np.asarray(column.to_numpy(dtype="float64", na_value=np.nan), np.float64)
