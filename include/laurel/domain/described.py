"""What a profile says of the features alone: it can be found before there is a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain import entry
from laurel.domain.column import count_between_by, count_levels_by
from laurel.domain.drift import WEEK, usual_psi

DAY_ROWS = 50
"""Training days with fewer rows do not say what a day usually shows."""

ByName = Mapping[str, list[entry.Entry]]
"""The entries of each column, one for each day."""


class Described(NamedTuple):
    """Entries of the features, and how far single days and weeks usually lie from them."""

    columns: dict[str, entry.Entry]
    usual: dict[str, dict[str, Any]]
    """``day`` and ``week`` → feature → index; empty where no days were given."""


def describe_features(features: pd.DataFrame, days: pd.Series[Any] | None = None) -> Described:
    """Describe each feature as a profile does, and what is usual of it by days.

    days: the partition of each row. Raises :class:`DataError` for a feature of another type.

    >>> found = describe_features(pd.DataFrame({"carrier": ["AA", "UA", "AA"]}))
    >>> found.columns["carrier"]["counts"], found.usual
    ({'AA': 2, 'UA': 1}, {})
    """
    columns = {str(n): entry.describe_column(features[n]) for n in sorted(features.columns)}
    if days is None:
        return Described(columns, {})
    found, day = np.unique(days.astype(str).to_numpy(), return_inverse=True)
    # each column is binned once for all days: by single days it costs more than fitting
    counted = {
        name: _count_by(features[name], described, day, groups=len(found))
        for name, described in columns.items()
    }
    rows = np.bincount(day, minlength=len(found)).tolist()
    return Described(columns, usual_spans(columns, counted, rows))


def usual_spans(
    reference: Mapping[str, entry.Entry], by_day: ByName, rows: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """How far a day, and a week of days, usually lies from all of them: the index by column.

    by_day: what was counted of each column on each day. rows: of each day.
    """
    whole = {"features": reference, "scores": {}}
    return {
        name: usual_psi(whole, _spans(rows, by_day, days=days), minimum_rows=days * DAY_ROWS)[
            "features"
        ]
        for name, days in (("day", 1), ("week", WEEK))
    }


def _spans(rows: Sequence[int], by_day: ByName, *, days: int) -> list[dict[str, Any]]:
    """The counts of so many days that follow each other, of the counts of each day."""
    if len(rows) < days:
        return []
    summed = {name: entry.trailing(each, days) for name, each in by_day.items()}
    return [
        {
            "rows": sum(rows[number : number + days]),
            "features": {name: each[number] for name, each in summed.items()},
        }
        for number in range(len(rows) - days + 1)
    ]


def _count_by(
    column: pd.Series[Any], reference: Mapping[str, Any], group: NDArray[np.intp], *, groups: int
) -> list[entry.Entry]:
    """A column's coarse counts over the bins of the profile, for each group of its rows."""
    if reference["kind"] == "categorical":
        return [
            {"kind": "categorical", "counts": levels, "missing": missing}
            for levels, missing in count_levels_by(column, group, groups=groups)
        ]
    values = entry.numbers_of(column)
    lost = np.bincount(group[np.isnan(values)], minlength=groups)
    counted = count_between_by(values, reference["edges"], group, groups=groups)
    return [
        entry.bare(reference, counts=counts, missing=int(missing))
        for counts, missing in zip(counted, lost, strict=True)
    ]
