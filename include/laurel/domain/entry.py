"""One column of a profile: described for the reference, counted over its bins, added up.

An entry is plain JSON. Of numbers it holds the coarse bins that indices of stability are taken
over, and a sketch beside them; of categories the count of each level. Entries of profiles made
before there were sketches have none: what a sketch tells is undefined for them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain import sketch
from laurel.domain.column import (
    count_between,
    count_levels,
    count_ordered,
    floats,
    is_numeric,
    quantile_edges,
)
from laurel.domain.objective import Numbers
from laurel.domain.sketch import QUANTILES, UNKNOWN, Description, Shape
from laurel.errors import DataError

Entry = dict[str, Any]
SCORE_BINS = 50


def describe_column(column: pd.Series[Any]) -> Entry:
    """The entry of a feature in the profile; raises :class:`DataError` for what is no feature."""
    if is_numeric(column):
        return describe_numbers(floats(column), kind="numeric")
    levels, missing = count_levels(column)
    return {"kind": "categorical", "counts": levels, "missing": missing}


def describe_numbers(values: NDArray[np.float64], *, kind: str) -> Entry:
    """The entry of numbers, nan where missing: coarse bins, moments, quantiles, a sketch."""
    known = np.sort(values[~np.isnan(values)])
    finite = known[np.isfinite(known)]
    edges = quantile_edges(finite)
    return {
        "kind": kind,
        "edges": edges,
        "counts": count_ordered(known, edges),
        "missing": len(values) - len(known),
        **_sketched(known, finite),
    }


def describe_probabilities(values: Numbers) -> Entry:
    """The entry of probabilities: 50 equal bins, and the sketch of numbers."""
    known = np.sort(values[~np.isnan(values)])
    return {**_equal_bins(values), **_sketched(known, known)}


def count_column(column: pd.Series[Any], reference: Mapping[str, Any]) -> Entry:
    """Another window's column over the bins of a profile's entry.

    Raises :class:`DataError` for numbers that are none any more.
    """
    if reference["kind"] == "categorical":
        levels, missing = count_levels(column)
        return {"kind": "categorical", "counts": levels, "missing": missing}
    return count_numbers(numbers_of(column), reference)


def numbers_of(column: pd.Series[Any]) -> NDArray[np.float64]:
    """The values of a feature that was a number; raises :class:`DataError` where it is none."""
    if not is_numeric(column):
        raise DataError(
            f"feature {str(column.name)!r} is not a number any more",
            found=str(column.dtype),
            expected="a numeric column, as in training",
        )
    return floats(column)


def count_numbers(values: NDArray[np.float64], reference: Mapping[str, Any]) -> Entry:
    """Numbers over the bins of a profile's entry, with their sketch where the profile has one."""
    if "edges" not in reference:
        return {**_equal_bins(values), **_counted_sketch(values, reference)}
    missing = int(np.isnan(values).sum())
    sketched = _counted_sketch(values, reference)
    if sketched:
        counts = _coarse(sketched["fine"], reference)
    else:
        counts = count_between(values, reference["edges"])
    return {**bare(reference, counts=counts, missing=missing), **sketched}


def bare(reference: Mapping[str, Any], *, counts: Any, missing: int) -> Entry:
    """An entry with the bins of another."""
    edges = {"edges": list(reference["edges"])} if "edges" in reference else {}
    return {"kind": reference["kind"], **edges, "counts": counts, "missing": missing}


def empty_entry(reference: Mapping[str, Any]) -> Entry:
    """The entry of no rows."""
    if reference["kind"] == "categorical":
        return bare(reference, counts={}, missing=0)
    none = bare(reference, counts=[0] * len(reference["counts"]), missing=0)
    return {**none, **_counted_sketch(np.empty(0), reference)}


def add_entries(name: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Entry:
    """Both windows together; raises :class:`DataError` when they were counted otherwise."""
    counts: Any
    if not _alike(a, b):
        raise DataError(
            f"{name!r} was counted over different bins",
            hint="count both over the profile of the same model version",
        )
    if a["kind"] == "categorical":
        keys = sorted({*a["counts"], *b["counts"]})
        counts = {key: a["counts"].get(key, 0) + b["counts"].get(key, 0) for key in keys}
    else:
        counts = [x + y for x, y in zip(a["counts"], b["counts"], strict=True)]
    added = bare(a, counts=counts, missing=a["missing"] + b["missing"])
    if "moments" not in a or "moments" not in b:
        return added
    return {
        **added,
        "fine": [x + y for x, y in zip(a["fine"], b["fine"], strict=True)],
        "moments": sketch.add_tallies(a["moments"], b["moments"]),
    }


def trailing(entries: Sequence[Mapping[str, Any]], span: int) -> list[Entry]:
    """Every ``span`` entries that follow each other, together: their counts alone.

    What :func:`add_entries` makes of each, for entries that were counted over the same bins.

    >>> days = [{"kind": "categorical", "counts": {"AA": n}, "missing": 1} for n in (1, 2, 4)]
    >>> [week["counts"] for week in trailing(days, 2)]
    [{'AA': 3}, {'AA': 6}]
    """
    missing = _sums([each["missing"] for each in entries], span)
    if entries[0]["kind"] == "categorical":
        counts = _level_sums([each["counts"] for each in entries], span)
    else:
        counts = _sums([each["counts"] for each in entries], span)
    return [
        bare(entries[0], counts=some, missing=lost)
        for some, lost in zip(counts, missing, strict=True)
    ]


def _sums(counts: Sequence[Any], span: int) -> list[Any]:
    summed = np.cumsum(np.array(counts), axis=0)
    summed[span:] -= summed[:-span].copy()
    sums: list[Any] = summed[span - 1 :].tolist()
    return sums


def _level_sums(counts: Sequence[Mapping[str, int]], span: int) -> list[dict[str, int]]:
    """One pass, since a day has few of many levels."""
    window: Counter[str] = Counter()
    sums = []
    for number, entering in enumerate(counts):
        window.update(entering)
        if number >= span:
            window.subtract(counts[number - span])
            window = +window
        if number >= span - 1:
            sums.append(dict(window))
    return sums


def describe(entry: Mapping[str, Any], reference: Mapping[str, Any]) -> Description:
    """What a window's values are like; reference: the profile's entry, or the same."""
    if entry["kind"] == "categorical":
        rows = sum(entry["counts"].values()) + entry["missing"]
        nan = math.nan
        levels = sum(count > 0 for count in entry["counts"].values())
        return Description(rows, _share(entry, rows), nan, nan, nan, nan, levels=levels)
    rows = sum(entry["counts"]) + entry["missing"]
    if (shape := shape_of(entry, reference)) is None:
        return UNKNOWN
    mean, std = _moments(entry, reference)
    least, largest = shape.least, shape.largest
    found = entry.get("quantiles") or sketch.quantiles_of(shape)
    return Description(rows, _share(entry, rows), mean, std, least, largest, found)


def shape_of(entry: Mapping[str, Any], reference: Mapping[str, Any]) -> Shape | None:
    """The fine distribution of a window's numbers; ``None`` where no sketch was kept."""
    if "fine" not in entry or not isinstance(reference.get("fine"), Mapping):
        return None
    own = entry.get("moments", entry)
    fine = entry["fine"]["counts"] if isinstance(entry["fine"], Mapping) else entry["fine"]
    least, largest = (math.nan if own[n] is None else own[n] for n in ("min", "max"))
    edges = tuple(reference["fine"]["edges"])
    return Shape(edges, tuple(fine), least, largest, exact=reference["fine"]["exact"])


def _sketched(known: NDArray[np.float64], ordered: NDArray[np.float64]) -> Entry:
    """known: in ascending order; ordered: the finite ones of them."""
    edges, exact = sketch.fine_edges(ordered)
    fine = {"edges": edges, "counts": count_ordered(known, edges), "exact": exact}
    if not len(ordered):
        return {"fine": fine, "mean": None, "std": None, "min": None, "max": None, "quantiles": {}}
    return {
        "fine": fine,
        "mean": float(ordered.mean()),
        "std": float(ordered.std()),
        "min": float(ordered[0]),
        "max": float(ordered[-1]),
        "quantiles": {
            str(q): float(value)
            for q, value in zip(QUANTILES, np.quantile(ordered, QUANTILES), strict=True)
        },
    }


def _counted_sketch(values: NDArray[np.float64], reference: Mapping[str, Any]) -> Entry:
    if "fine" not in reference:
        return {}
    centre, unit = sketch.scale_of(reference["mean"], reference["std"])
    return {
        "fine": count_between(values, reference["fine"]["edges"]),
        "moments": sketch.tally(values[np.isfinite(values)], centre=centre, unit=unit),
    }


def _coarse(fine: list[int], reference: Mapping[str, Any]) -> list[int]:
    """Coarse counts from fine ones: every coarse edge is a fine one too."""
    edges = reference["edges"]
    if not edges:
        return [sum(fine)]
    ends = np.searchsorted(reference["fine"]["edges"], edges)
    starts = np.concatenate([[0], ends + 1])
    return [int(n) for n in np.add.reduceat(np.append(fine, 0), starts)]


def _equal_bins(values: Numbers) -> Entry:
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


def _moments(entry: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[float, float]:
    if "moments" in entry:
        centre, unit = sketch.scale_of(reference["mean"], reference["std"])
        return sketch.moments_of(entry["moments"], centre=centre, unit=unit)
    if entry["mean"] is None:
        return math.nan, math.nan
    return entry["mean"], entry["std"]


def _share(entry: Mapping[str, Any], rows: int) -> float:
    return entry["missing"] / rows if rows else math.nan


def _alike(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    fine = (len(each["fine"]) if "moments" in each else None for each in (a, b))
    lengths = set(fine) - {None}
    return a["kind"] == b["kind"] and a.get("edges") == b.get("edges") and len(lengths) < 2
