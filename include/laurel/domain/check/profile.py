"""The profile of a partition: what later partitions are compared with, in a few kilobytes.

Everything in it is a plain JSON value, computed in one pass over the rows, however many: exact
counts, moments and categories, and quantiles of every n-th row where there are many.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.canonical import instant
from laurel.domain.config.dataset import Dataset

Profile = Mapping[str, Any]
"""``{"rows", "time": {"first", "last", "gap"}, "columns": {name: {"type", "nulls", …}}}``."""

POINTS = 100
"""Quantiles of a numeric column: each stands for a hundredth of its rows."""
SAMPLE = 50_000
"""Rows that quantiles are taken from at most."""
CATEGORIES = 500
"""A text column with more different values than this has no categories, nor has a key, nor one that
names a person."""
_TEXT, _NUMBER = ("string", "bool"), ("int64", "float64")


class Profiler:
    """Takes the parts of a partition in their order, and then says its profile.

    >>> from laurel.domain.config import Column, Dataset
    >>> columns = {"at": Column(type="timestamp"), "seats": Column(type="float64")}
    >>> spec = Dataset(role="rows", time="at", key=("at",), suite="a.b", columns=columns)
    >>> profiler = Profiler(spec)
    >>> at = pd.to_datetime(["2013-07-01T00:00Z", "2013-07-01T02:00Z"])
    >>> profiler.add(pd.DataFrame({"at": at, "seats": [2.0, 4.0]}))
    >>> found = profiler.profile()
    >>> found["rows"], found["time"]["gap"], found["columns"]["seats"]["mean"]
    (2, 7200.0, 3.0)
    """

    def __init__(self, dataset: Dataset) -> None:
        self._time = dataset.time
        self._types = {name: str(column.type) for name, column in dataset.columns.items()}
        alone = set(dataset.key) if len(dataset.key) == 1 else set()
        uncounted = alone | dataset.hidden
        self._texts = {
            name: _Text(None if name in uncounted else Counter())
            for name, kind in self._types.items()
            if kind in _TEXT
        }
        self._numbers = {n: _Number() for n, kind in self._types.items() if kind in _NUMBER}
        self._times = _Times()
        self._nulls: Counter[str] = Counter()
        self._rows, self._stride = 0, 1

    def add(self, part: pd.DataFrame) -> None:
        """Take in the next rows; columns that the dataset does not declare are left out."""
        self._shrink(len(part))
        picked = np.arange((-self._rows) % self._stride, len(part), self._stride)
        for name in self._types:
            if name not in part:
                continue
            series = part[name]
            self._nulls[name] += int(series.isna().sum())
            if name in self._texts:
                self._texts[name].add(series)
            elif name in self._numbers:
                values = series.to_numpy(dtype="float64", na_value=np.nan)
                self._numbers[name].add(values, values[picked])
        if self._time in part:
            self._times.add(part[self._time])
        self._rows += len(part)

    def profile(self) -> Profile:
        """The profile of the rows so far, plain JSON values."""
        columns = {
            name: {
                "type": kind,
                "nulls": self._nulls[name],
                **(self._texts[name].document() if name in self._texts else {}),
                **(self._numbers[name].document() if name in self._numbers else {}),
            }
            for name, kind in self._types.items()
        }
        return {"rows": self._rows, "time": self._times.document(), "columns": columns}

    def _shrink(self, coming: int) -> None:
        """Keep every second of the sampled rows as long as there are too many."""
        while (self._rows + coming) / self._stride > SAMPLE:
            self._stride *= 2
            for number in self._numbers.values():
                number.halve()


@dataclass
class _Text:
    counts: Counter[str] | None

    def add(self, series: pd.Series[Any]) -> None:
        if self.counts is None:
            return
        for value, count in series.dropna().value_counts().items():
            self.counts[str(value)] += int(count)
        if len(self.counts) > CATEGORIES:
            self.counts = None

    def document(self) -> dict[str, Any]:
        return {"categories": None if self.counts is None else dict(sorted(self.counts.items()))}


@dataclass
class _Number:
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    sample: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def add(self, values: NDArray[np.float64], picked: NDArray[np.float64]) -> None:
        self.sample = np.concatenate([self.sample, picked])
        finite = values[np.isfinite(values)]
        if not len(finite):
            return
        # Chan, Golub and LeVeque, Updating formulae for computing sample variances, 1979
        with np.errstate(over="ignore", invalid="ignore"):
            count, mean = len(finite), float(finite.mean())
            if not math.isfinite(mean):
                mean = float((finite / count).sum())
            self.squares += float(((finite - mean) ** 2).sum())
        apart, total = _bounded(mean - self.mean), self.count + count
        self.squares += apart * apart * self.count * count / total
        self.mean += apart * count / total
        self.count = total
        self.least, self.most = min(self.least, finite.min()), max(self.most, finite.max())

    def halve(self) -> None:
        self.sample = self.sample[::2]

    def document(self) -> dict[str, Any]:
        if not self.count:
            return {"mean": None, "std": None, "min": None, "max": None, "points": []}
        values = self.sample[np.isfinite(self.sample)]
        at = (np.arange(POINTS) + 0.5) / POINTS
        points = np.quantile(values, at, method="inverted_cdf") if len(values) else values
        return {
            "mean": self.mean,
            "std": _bounded(math.sqrt(self.squares / self.count)),
            "min": float(self.least),
            "max": float(self.most),
            "points": [float(point) for point in points],
        }


@dataclass
class _Times:
    first: pd.Timestamp | None = None
    last: pd.Timestamp | None = None
    gap: float = 0.0

    def add(self, series: pd.Series[Any]) -> None:
        times = series.dropna().sort_values()
        if times.empty:
            return
        before = times.iloc[0] if self.last is None else self.last
        apart = times.diff().max()
        longest = [times.iloc[0] - before, *([] if pd.isna(apart) else [apart])]
        self.gap = max(self.gap, *(each.total_seconds() for each in longest))
        self.first = self.first or times.iloc[0]
        self.last = max(before, times.iloc[-1])

    def document(self) -> dict[str, Any]:
        if self.first is None or self.last is None:
            return {"first": None, "last": None, "gap": None}
        first, last = self.first.to_pydatetime(), self.last.to_pydatetime()
        return {"first": instant(first), "last": instant(last), "gap": self.gap}


def pool(profiles: Sequence[Profile]) -> Profile:
    """The profile of several partitions together; times are left out.

    Its quantiles are those of the partitions' own, each by the rows that it stands for.

    >>> text = {"type": "string", "nulls": 1, "categories": {"AA": 2}}
    >>> day = {"rows": 3, "time": {}, "columns": {"carrier": text}}
    >>> pool([day, day])["columns"]["carrier"]
    {'type': 'string', 'nulls': 2, 'rows': 6, 'categories': {'AA': 4}}
    """
    names = dict.fromkeys(name for profile in profiles for name in profile["columns"])
    rows = sum(profile["rows"] for profile in profiles)
    columns = {
        name: _pool_column(
            [(p["rows"], p["columns"][name]) for p in profiles if name in p["columns"]]
        )
        for name in names
    }
    return {"rows": rows, "columns": columns}


def _pool_column(days: Sequence[tuple[int, Mapping[str, Any]]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": days[-1][1]["type"],
        "nulls": sum(column["nulls"] for _, column in days),
        "rows": sum(rows for rows, _ in days),
    }
    columns = [column for _, column in days]
    if all("categories" in column for column in columns):
        return found | {"categories": _pool_categories([c["categories"] for c in columns])}
    if all("points" in column for column in columns):
        return found | _pool_numbers(days)
    return found


def _pool_categories(counts: Sequence[Mapping[str, int] | None]) -> dict[str, int] | None:
    total: Counter[str] = Counter()
    for each in counts:
        if each is None:
            return None
        total.update(each)
    return dict(sorted(total.items())) if len(total) <= CATEGORIES else None


def _pool_numbers(days: Sequence[tuple[int, Mapping[str, Any]]]) -> dict[str, Any]:
    known = [(rows - column["nulls"], column) for rows, column in days if column["points"]]
    total = sum(count for count, _ in known)
    if not total:
        return {"mean": None, "std": None, "points": []}
    mean = sum(count * column["mean"] for count, column in known) / total
    square = sum(
        count * (_squared(column["std"]) + _squared(column["mean"] - mean))
        for count, column in known
    )
    return {
        "mean": _bounded(mean),
        "std": _bounded(math.sqrt(square / total)),
        "points": _pool_points(known),
    }


def _bounded(value: float) -> float:
    """The nearest number that can be written down.

    >>> _bounded(-math.inf) == -sys.float_info.max
    True
    """
    return max(-sys.float_info.max, min(sys.float_info.max, value))


def _squared(value: float) -> float:
    # a power raises where a product is infinite
    return value * value


def _pool_points(known: Sequence[tuple[int, Mapping[str, Any]]]) -> list[float]:
    points = np.concatenate([np.asarray(column["points"]) for _, column in known])
    weights = np.concatenate(
        [np.full(len(c["points"]), count / len(c["points"])) for count, c in known]
    )
    order = np.argsort(points, kind="stable")
    total = weights[order].cumsum()
    places = np.searchsorted(total, (np.arange(POINTS) + 0.5) / POINTS * total[-1])
    return [float(point) for point in points[order][np.minimum(places, len(points) - 1)]]
