"""A profile: what a model saw in training, small enough to keep beside it and compare with later.

Everything in it is a plain JSON value. Counts over the profile's bins are all that drift needs,
and they add up: a trailing window is the sum of its days, so no day is read twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.column import (
    count_between,
    count_between_by,
    count_levels,
    count_levels_by,
    floats,
    is_numeric,
    quantile_edges,
)
from laurel.domain.drift import WEEK, usual_psi
from laurel.domain.objective import OBJECTIVES, Numbers, Objective
from laurel.errors import DataError

Counts = dict[str, Any]
"""``{"rows": n, "features": {name: {"kind", "counts", "missing", ["edges"]}}, "scores": {…}}``,
with an entry of the same form for each score of a row."""

SCORE_BINS = 50
DAY_ROWS = 50
"""Training days with fewer rows do not say what a day usually shows."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def build_profile(
    features: pd.DataFrame,
    scores: Numbers,
    *,
    objective: Objective = OBJECTIVES["binary"],
    unseen: Numbers | None = None,
    days: pd.Series[Any] | None = None,
) -> Counts:
    """Describe the rows a model learned from: one entry per feature, and the scores' histograms.

    A numeric feature has at most 20 edges at quantiles of its finite values, counts between them,
    and its moments; a categorical one has the count of every level. Probabilities are counted in
    50 equal bins, other scores like a numeric feature. Undefined moments are None. With ``days``
    there is also ``usual``: how far a single day, and a week of days, usually lies from all of
    them.

    features: one column per feature, numeric, boolean, text or category; scores: of shape (rows,)
    or (rows, classes); unseen: scores of rows that the model did not learn from, whose histogram
    is kept instead of theirs; days: the partition of each row. Raises :class:`DataError` for other
    types, other lengths and probabilities out of range.

    >>> frame = pd.DataFrame({"hour": [1.0, 2.0, None], "carrier": ["AA", "UA", "AA"]})
    >>> profile = build_profile(frame, np.array([0.1, 0.2, 0.2]))
    >>> profile["features"]["carrier"]
    {'kind': 'categorical', 'counts': {'AA': 2, 'UA': 1}, 'missing': 0}
    >>> profile["features"]["hour"]["counts"], profile["features"]["hour"]["missing"]
    ([0, 1, 1, 0], 1)
    """
    described = {str(name): _describe(features[name]) for name in sorted(features.columns)}
    given = _by_column(scores, objective.score_columns, rows=len(features))
    profile = {
        "rows": len(features),
        "features": described,
        "scores": _describe_scores(given, objective),
    }
    if days is not None:
        profile = profile | {"usual": _usual(profile, features, scores, days)}
    if unseen is not None:
        columns = _by_column(unseen, objective.score_columns, rows=len(unseen))
        profile = profile | {"scores": _describe_scores(columns, objective)}
    return profile


def bin_counts(
    profile: Mapping[str, Any],
    features: pd.DataFrame,
    scores: Numbers,
) -> Counts:
    """Count another frame's rows over the bins of ``profile``; columns it does not name are left.

    Raises :class:`DataError` when a feature of the profile is missing or has become of another
    kind.

    >>> profile = build_profile(pd.DataFrame({"x": [1.0, 2.0]}), np.array([0.1, 0.2]))
    >>> bin_counts(profile, pd.DataFrame({"x": [0.0, 2.0, 9.0]}), np.full(3, 0.5))["features"]
    {'x': {'kind': 'numeric', 'edges': [0.9999999999999999, 1.0, 2.0], 'counts': [1, 0, 1, 1], \
'missing': 0}}
    """
    missing = [name for name in profile["features"] if name not in features.columns]
    if missing:
        raise DataError(
            "features of the champion are missing",
            found=", ".join(map(str, features.columns)) or "no column",
            expected=", ".join(missing),
            hint="compute the features with the code of the champion's own version",
        )
    one = np.zeros(len(features), np.intp)
    counted = {
        name: _count_by(features[name], reference, one, groups=1)[0]
        for name, reference in sorted(profile["features"].items())
    }
    return {
        "rows": len(features),
        "features": counted,
        "scores": _count_scores(profile["scores"], scores, rows=len(features)),
    }


def empty_counts(profile: Mapping[str, Any]) -> Counts:
    """Counts of no rows over the bins of ``profile``: the sum of an empty window."""
    features = {
        name: _bare(reference, counts=_zeros(reference), missing=0)
        for name, reference in sorted(profile["features"].items())
    }
    scores = {
        name: _bare(reference, counts=_zeros(reference), missing=0)
        for name, reference in profile["scores"].items()
    }
    return {"rows": 0, "features": features, "scores": scores}


def merge(a: Mapping[str, Any], b: Mapping[str, Any]) -> Counts:
    """The counts of two frames together: commutative, associative, exact.

    Raises :class:`DataError` when the two were counted over different bins.

    >>> profile = build_profile(pd.DataFrame({"x": ["a"]}), np.array([0.1]))
    >>> one = bin_counts(profile, pd.DataFrame({"x": ["a", "b"]}), np.array([0.1, 0.9]))
    >>> merge(one, one)["features"]["x"]["counts"]
    {'a': 2, 'b': 2}
    """
    if sorted(a["features"]) != sorted(b["features"]):
        raise DataError(
            "counts of different features cannot be added",
            found=", ".join(sorted(b["features"])),
            expected=", ".join(sorted(a["features"])),
        )
    return {
        "rows": a["rows"] + b["rows"],
        "features": {
            name: _add(name, a["features"][name], b["features"][name])
            for name in sorted(a["features"])
        },
        "scores": {
            name: _add(name, counted, b["scores"].get(name, {"kind": "none"}))
            for name, counted in a["scores"].items()
        },
    }


def _usual(
    profile: Counts,
    features: pd.DataFrame,
    scores: Numbers,
    days: pd.Series[Any],
) -> dict[str, Any]:
    found, day = np.unique(days.astype(str).to_numpy(), return_inverse=True)
    # each column is binned once for all days: by single days it costs more than fitting
    columns = {
        name: _count_by(features[name], reference, day, groups=len(found))
        for name, reference in sorted(profile["features"].items())
    }
    counted = []
    for number in range(len(found)):
        own = scores[day == number]
        of_scores = _count_scores(profile["scores"], own, rows=len(own))
        of_features = {name: counts[number] for name, counts in columns.items()}
        counted.append({"rows": len(own), "features": of_features, "scores": of_scores})
    weeks = [reduce(merge, counted[last - WEEK : last]) for last in range(WEEK, len(counted) + 1)]
    return {
        "day": usual_psi(profile, counted, minimum_rows=DAY_ROWS),
        "week": usual_psi(profile, weeks, minimum_rows=WEEK * DAY_ROWS),
    }


def _describe(column: pd.Series[Any]) -> dict[str, Any]:
    if not is_numeric(column):
        levels, missing = count_levels(column)
        return {"kind": "categorical", "counts": levels, "missing": missing}
    values = floats(column)
    finite = values[np.isfinite(values)]
    edges = quantile_edges(finite)
    described = _bare(
        {"kind": "numeric", "edges": edges},
        counts=count_between(values, edges),
        missing=int(np.isnan(values).sum()),
    )
    return described | _moments(finite)


def _moments(finite: NDArray[np.float64]) -> dict[str, Any]:
    if not len(finite):
        return {"mean": None, "std": None, "min": None, "max": None, "quantiles": {}}
    return {
        "mean": float(finite.mean()),
        "std": float(finite.std()),
        "min": float(finite.min()),
        "max": float(finite.max()),
        "quantiles": {str(q): float(np.quantile(finite, q)) for q in QUANTILES},
    }


def _count_by(
    column: pd.Series[Any], reference: Mapping[str, Any], group: NDArray[np.intp], *, groups: int
) -> list[dict[str, Any]]:
    """A column's counts over the bins of the profile, for each group of its rows."""
    if reference["kind"] == "categorical":
        return [
            {"kind": "categorical", "counts": levels, "missing": missing}
            for levels, missing in count_levels_by(column, group, groups=groups)
        ]
    if not is_numeric(column):
        raise DataError(
            f"feature {str(column.name)!r} is not a number any more",
            found=str(column.dtype),
            expected="a numeric column, as in training",
        )
    values = floats(column)
    lost = np.bincount(group[np.isnan(values)], minlength=groups)
    counted = count_between_by(values, reference["edges"], group, groups=groups)
    return [
        _bare(reference, counts=counts, missing=int(missing))
        for counts, missing in zip(counted, lost, strict=True)
    ]


def _bare(reference: Mapping[str, Any], *, counts: Any, missing: int) -> dict[str, Any]:
    edges = {"edges": list(reference["edges"])} if "edges" in reference else {}
    return {"kind": reference["kind"], **edges, "counts": counts, "missing": missing}


def _zeros(reference: Mapping[str, Any]) -> Any:
    return {} if reference["kind"] == "categorical" else [0] * len(reference["counts"])


def _by_column(scores: Numbers, names: Sequence[str], *, rows: int) -> dict[str, Numbers]:
    values = np.asarray(scores, dtype=float)
    shape = (rows,) if values.ndim == 1 else (rows, len(names))
    if values.shape != shape or (values.ndim == 1 and len(names) > 1):
        raise DataError("one score per row is needed", found=values.shape, expected=shape)
    return dict(zip(names, values.reshape(rows, len(names)).T, strict=True))


def _describe_scores(scores: Mapping[str, Numbers], objective: Objective) -> dict[str, Any]:
    if objective.probabilities:
        return {name: _count_probabilities(values) for name, values in scores.items()}
    found = {}
    for name, values in scores.items():
        bare = {"kind": "score", "edges": quantile_edges(values[np.isfinite(values)])}
        found[name] = _count_score(values, bare)
    return found


def _count_scores(references: Mapping[str, Any], scores: Numbers, *, rows: int) -> dict[str, Any]:
    columns = _by_column(scores, tuple(references), rows=rows)
    return {name: _count_score(columns[name], references[name]) for name in references}


def _count_score(values: Numbers, reference: Mapping[str, Any]) -> dict[str, Any]:
    if "edges" not in reference:
        return _count_probabilities(values)
    missing = int(np.isnan(values).sum())
    return _bare(reference, counts=count_between(values, reference["edges"]), missing=missing)


def _count_probabilities(values: Numbers) -> dict[str, Any]:
    known = values[~np.isnan(values)]
    if len(known) and not (known.min() >= 0 and known.max() <= 1):
        raise DataError(
            "scores are out of range",
            found=f"{known.min():g} to {known.max():g}",
            expected="probabilities, 0 to 1",
        )
    places = np.minimum((known * SCORE_BINS).astype(int), SCORE_BINS - 1)
    counts = [int(n) for n in np.bincount(places, minlength=SCORE_BINS)]
    return {"kind": "score", "counts": counts, "missing": len(values) - len(known)}


def _add(name: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    if a["kind"] != b["kind"] or a.get("edges") != b.get("edges"):
        raise DataError(
            f"{name!r} was counted over different bins",
            hint="count both over the profile of the same model version",
        )
    counts: Any
    if a["kind"] == "categorical":
        keys = sorted({*a["counts"], *b["counts"]})
        counts = {key: a["counts"].get(key, 0) + b["counts"].get(key, 0) for key in keys}
    else:
        counts = [x + y for x, y in zip(a["counts"], b["counts"], strict=True)]
    return _bare(a, counts=counts, missing=a["missing"] + b["missing"])
