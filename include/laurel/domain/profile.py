"""A profile: what a model saw in training, small enough to keep beside it and compare with later.

Everything in it is a plain JSON value. Counts over the profile's bins are all that drift needs,
and they add up: a trailing window is the sum of its days, so no day is read twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
import pandas as pd

from laurel.domain import correlation, entry
from laurel.domain.column import count_levels
from laurel.domain.described import Described, describe_features, usual_spans
from laurel.domain.losses import add_losses
from laurel.domain.objective import OBJECTIVES, Numbers, Objective
from laurel.domain.sketch import UNITS, scale_of
from laurel.errors import DataError

Counts = dict[str, Any]
"""``{"rows": n, "features": {name: entry}, "scores": {name: entry}, ["decided": entry],
["together": sums], ["losses": sums]}``: what :mod:`laurel.domain.entry` says of each feature and
each score of a row, of the decisions, the sums behind correlations, and the losses expected."""


def build_profile(
    features: pd.DataFrame,
    scores: Numbers,
    *,
    objective: Objective = OBJECTIVES["binary"],
    unseen: Numbers | None = None,
    days: pd.Series[Any] | None = None,
    importance: Mapping[str, float] | None = None,
    described: Described | None = None,
) -> Counts:
    """Describe the rows a model learned from: one entry per feature, and the scores' histograms.

    A numeric feature has at most 20 edges at quantiles of its finite values, counts between them,
    its moments, and a sketch over ten times finer bins; a categorical one has the count of every
    level. Probabilities are counted in 50 equal bins, other scores like a numeric feature; of
    classes, how often each was the likeliest. Undefined moments are None. With ``days`` there is
    also ``usual``: how far a single day, and a week of days, usually lies from all of them.

    features: one column per feature, numeric, boolean, text or category; scores: of shape (rows,)
    or (rows, classes); unseen: scores of rows that the model did not learn from, whose histogram
    is kept instead of theirs; days: the partition of each row; importance: feature → what it
    matters to the model, by which drift is ranked; of many features the first are correlated;
    described: what :func:`describe_features` said of the features and days, where it was asked.
    Raises :class:`DataError` for other types, other lengths and probabilities out of range.

    >>> frame = pd.DataFrame({"hour": [1.0, 2.0, None], "carrier": ["AA", "UA", "AA"]})
    >>> profile = build_profile(frame, np.array([0.1, 0.2, 0.2]))
    >>> profile["features"]["carrier"]
    {'kind': 'categorical', 'counts': {'AA': 2, 'UA': 1}, 'missing': 0}
    >>> profile["features"]["hour"]["counts"], profile["features"]["hour"]["missing"]
    ([0, 1, 1, 0], 1)
    """
    described = described or describe_features(features, days)
    given = _by_column(scores, objective.score_columns, rows=len(features))
    matter = dict(importance or {})
    ranked = sorted(matter, key=lambda name: (-matter[name], name))
    names = correlation.choose(features, ranked)
    scales = {name: _scale(described.columns[name]) for name in names}
    said = _describe_scores(given, objective)
    profile = {
        "rows": len(features),
        "features": described.columns,
        "scores": said,
        # written as JSON, an object loses its order
        "columns": list(objective.score_columns),
        "together": correlation.sums_of(features, scales),
    }
    if importance is not None:
        profile["importance"] = matter
    if days is not None:
        profile = profile | {"usual": _usual(described, said, scores, days)}
    if unseen is not None:
        columns = _by_column(unseen, objective.score_columns, rows=len(unseen))
        profile = profile | {"scores": _describe_scores(columns, objective)}
    if objective.classes:
        decided = objective.decide(scores if unseen is None else unseen, None)
        profile = profile | {"decided": _count_decided(decided)}
    return profile


def bin_counts(
    profile: Mapping[str, Any],
    features: pd.DataFrame,
    scores: Numbers,
    *,
    decided: pd.Series[Any] | None = None,
) -> Counts:
    """Count another frame's rows over the bins of ``profile``; columns it does not name are left.

    decided: what followed from the scores. Raises :class:`DataError` when a feature of the profile
    is missing or has become of another kind.

    >>> profile = build_profile(pd.DataFrame({"x": [1.0, 2.0]}), np.array([0.1, 0.2]))
    >>> found = bin_counts(profile, pd.DataFrame({"x": [0.0, 2.0, 9.0]}), np.full(3, 0.5))
    >>> found["features"]["x"]["edges"], found["features"]["x"]["counts"]
    ([0.9999999999999999, 1.0, 2.0], [1, 0, 1, 1])
    """
    missing = [name for name in profile["features"] if name not in features.columns]
    if missing:
        raise DataError(
            "features of the champion are missing",
            found=", ".join(map(str, features.columns)) or "no column",
            expected=", ".join(missing),
            hint="compute the features with the code of the champion's own version",
        )
    counted = {
        name: entry.count_column(features[name], reference)
        for name, reference in sorted(profile["features"].items())
    }
    together = {}
    if "together" in profile:
        scales = {n: _scale(profile["features"][n]) for n in profile["together"]["names"]}
        together = {"together": correlation.sums_of(features, scales)}
    return {
        "rows": len(features),
        "features": counted,
        "scores": _count_scores(profile, scores, rows=len(features)),
        **together,
        **({} if decided is None else {"decided": _count_decided(decided)}),
    }


def count_batches(
    profile: Mapping[str, Any], batches: Iterable[tuple[pd.DataFrame, Numbers]]
) -> Counts:
    """Count features and scores that come in batches: memory holds one batch at a time.

    Equal rows give equal counts, however they were cut.
    """
    return reduce(merge, (bin_counts(profile, *each) for each in batches), empty_counts(profile))


def empty_counts(profile: Mapping[str, Any]) -> Counts:
    """Counts of no rows over the bins of ``profile``: the sum of an empty window."""
    found: Counts = {
        "rows": 0,
        **{
            part: {name: entry.empty_entry(each) for name, each in profile[part].items()}
            for part in ("features", "scores")
        },
    }
    if "together" in profile:
        found["together"] = correlation.no_sums(profile["together"]["names"])
    return found


def merge(a: Mapping[str, Any], b: Mapping[str, Any]) -> Counts:
    """The counts of two frames together: commutative, associative, exact.

    Of correlations and losses what only one of them has kept is left out; decisions are counted
    where known.
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
    found: Counts = {"rows": a["rows"] + b["rows"]}
    for part in ("features", "scores"):
        none = {"kind": "none"}
        found[part] = {
            name: entry.add_entries(name, one, b[part].get(name, none))
            for name, one in a[part].items()
        }
    if "together" in a and "together" in b:
        found["together"] = correlation.add_sums(a["together"], b["together"])
    if "losses" in a and "losses" in b:
        found["losses"] = add_losses(a["losses"], b["losses"])
    decided = [each["decided"] for each in (a, b) if "decided" in each]
    if decided:
        found["decided"] = reduce(partial(entry.add_entries, "decision"), decided)
    return found


def _usual(
    described: Described, scores: Mapping[str, Any], said: Numbers, days: pd.Series[Any]
) -> dict[str, Any]:
    """How far a day's and a week's features and scores usually lie from all of them."""
    found, day = np.unique(days.astype(str).to_numpy(), return_inverse=True)
    own = [said[day == number] for number in range(len(found))]
    counted = [_count_scores({"scores": scores}, each, rows=len(each)) for each in own]
    by_name = {name: [each[name] for each in counted] for name in scores}
    usual = usual_spans(scores, by_name, [len(each) for each in own])
    return {
        span: {"features": described.usual[span], "scores": usual[span]} for span in described.usual
    }


def _by_column(scores: Numbers, names: Sequence[str], *, rows: int) -> dict[str, Numbers]:
    values = np.asarray(scores, dtype=float)
    shape = (rows,) if values.ndim == 1 else (rows, len(names))
    if values.shape != shape or (values.ndim == 1 and len(names) > 1):
        raise DataError("one score per row is needed", found=values.shape, expected=shape)
    return dict(zip(names, values.reshape(rows, len(names)).T, strict=True))


def _describe_scores(scores: Mapping[str, Numbers], objective: Objective) -> dict[str, Any]:
    if objective.probabilities:
        return {name: entry.describe_probabilities(values) for name, values in scores.items()}
    return {name: entry.describe_numbers(values, kind="score") for name, values in scores.items()}


def _count_scores(profile: Mapping[str, Any], scores: Numbers, *, rows: int) -> dict[str, Any]:
    references = profile["scores"]
    columns = _by_column(scores, profile.get("columns") or tuple(references), rows=rows)
    return {name: entry.count_numbers(columns[name], references[name]) for name in references}


def _count_decided(decided: pd.Series[Any] | None) -> dict[str, Any]:
    levels, missing = count_levels(pd.Series([] if decided is None else decided))
    return {"kind": "categorical", "counts": levels, "missing": missing}


def _scale(described: Mapping[str, Any]) -> tuple[float, float]:
    centre, unit = scale_of(described["mean"], described["std"])
    return centre, unit * UNITS
