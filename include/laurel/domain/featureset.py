"""The feature set over many partitions: each computed by itself, with the past it would see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.domain.config import UseCaseConfig
from laurel.domain.history import CUTOFF, INSTANT, KNOWN_AT, PARTITION, Past
from laurel.domain.partition import Partition
from laurel.errors import DataError

Featurizer = Callable[[pd.DataFrame, Mapping[str, pd.DataFrame]], pd.DataFrame]
"""``featurize(rows, context)`` of a use case: feature columns, same index and order as the rows.

What it says of a row depends on that row, and on rows of ``context`` with ``known_at`` at or before
its ``cutoff``: never on the other rows of the call, nor on their order. Scoring calls it for
batches of a partition's rows, training for those with an outcome."""

SPLIT, LABEL, WEIGHT = "split", "label", "row_weight"
EXPOSURE = "row_exposure"
"""Beside the features, where the use case names an exposure: part of what a model reads."""
RESERVED = (PARTITION, SPLIT, LABEL, WEIGHT, EXPOSURE, CUTOFF, KNOWN_AT)
NUMBER = np.dtype("float32")
SAMPLED = 24
"""Rows whose features are computed twice."""


class Part(NamedTuple):
    """Rows to learn from, or to measure on: one part of the frame."""

    features: pd.DataFrame
    """Shape (rows, features); with ``row_exposure`` where the objective has one."""
    labels: NDArray[Any]
    """Shape (rows,), as numbers: a class is its place."""
    weights: NDArray[np.float64] | None = None
    """What each row weighs in learning; ``None`` where all weigh the same."""

    @property
    def exposures(self) -> NDArray[np.float64]:
        """What counts are proportional to; ones without."""
        if EXPOSURE not in self.features:
            return np.ones(len(self.labels))
        return self.features[EXPOSURE].to_numpy(dtype="float64")


def compute_features(
    featurizer: Featurizer,
    rows: pd.DataFrame,
    past: Past,
    *,
    config: UseCaseConfig,
    history_days: int | None = None,
) -> pd.DataFrame:
    """Features of rows, one partition at a time, each with the past as it stood at its cutoff.

    rows: raw columns, ``partition`` and ``cutoff``, in the order of partitions. Numbers become
    float32, categories text. So no feature can see past its cutoff, whatever its code does, and a
    row's features are those that scoring its partition computes.
    """
    names = [*config.rows.columns, CUTOFF]
    # chosen once for all partitions: for each of them it costs more than its values
    raw = rows[names].set_axis(pd.Index(names, dtype=object), axis=1)
    parts = []
    for key, first, last in _runs(rows[PARTITION]):
        given = raw.iloc[first:last].reset_index(drop=True)
        features = PartitionFeatures(
            featurizer,
            past,
            config=config,
            partition=Partition.of(key),
            cutoff=given[CUTOFF].iloc[0],
            history_days=history_days,
        )
        parts.append(features.of_given(given))
    if not parts:
        raise DataError("there are no rows to compute features of", usecase=config.name)
    check_equal_columns(parts, usecase=config.name)
    return pd.concat(parts, ignore_index=True)


def _runs(partitions: pd.Series[Any]) -> Iterator[tuple[str, int, int]]:
    """Each partition of rows in their order, its first row and the one behind its last."""
    codes, names = pd.factorize(partitions)
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    for first, last in zip(starts, [*starts[1:], len(codes)], strict=True):
        yield str(names[codes[first]]), int(first), int(last)


class PartitionFeatures:
    """The feature set over the rows of one partition, with the past as it stood at their cutoff.

    Training asks it for a partition's rows at once, scoring for batches of them: a row's features
    depend on that row and on the past alone (:meth:`expect_rows_alone`), so both are equal.
    """

    def __init__(
        self,
        featurizer: Featurizer,
        past: Past,
        *,
        config: UseCaseConfig,
        partition: Partition,
        cutoff: datetime,
        history_days: int | None = None,
    ) -> None:
        self._featurizer, self._config, self._partition = featurizer, config, partition.key
        self._cutoff = cutoff
        self._seen = past.at(cutoff, day=partition.day, history_days=history_days)

    def of(self, rows: pd.DataFrame, *, text: bool = True) -> pd.DataFrame:
        """Features of some rows of the partition, raw columns, in their order.

        Numbers become float32, categories text; without ``text`` what the feature set gives as
        categories stays so. Raises :class:`DataError` where the feature code breaks its word.
        """
        stamped = pd.Series(self._cutoff, index=range(len(rows)), dtype=INSTANT)
        raw = rows[list(self._config.rows.columns)].reset_index(drop=True)
        return self.of_given(raw.assign(**{CUTOFF: stamped}), text=text)

    def of_given(self, given: pd.DataFrame, *, text: bool = True) -> pd.DataFrame:
        """As :meth:`of`, for rows that have their raw columns, the cutoff, and a new index."""
        config = self._config
        # written to, a copy of a frame is its own: what one call does, the next does not see
        seen = {name: table.copy(deep=False) for name, table in self._seen.items()}
        features = self._featurizer(given.copy(deep=False), seen)
        where: dict[str, Any] = {"usecase": config.name, "partition": self._partition}
        exposure = _exposure(given, config, partition=self._partition)
        return _plain(features, given, where=where, text=text, beside=exposure)

    def expect_rows_alone(self, rows: pd.DataFrame, features: pd.DataFrame) -> None:
        """Compute some of these rows again, among others and turned round.

        Raises :class:`DataError` where a feature comes out otherwise: it depends on the other rows
        of its call, which are those with an outcome in training and a batch of all in scoring.
        """
        places = np.linspace(len(rows) - 1, 0, min(len(rows), SAMPLED)).astype(int)
        again = self.of(rows.iloc[places])
        then = features.iloc[places].reset_index(drop=True)
        other = [str(name) for name in again if not _same(then[name], again[name])]
        if other:
            raise DataError(
                "features of a row depend on the other rows that are computed with it",
                usecase=self._config.name,
                partition=self._partition,
                found=", ".join(other),
                expected="features of the row itself and of context",
                hint="count over context['history'] or another dataset instead: rows are scored "
                "in batches, and learned from only where they have an outcome",
            )


def _same(one: pd.Series[Any], other: pd.Series[Any]) -> bool:
    if isinstance(one.dtype, pd.CategoricalDtype):
        one = pd.Series(as_text(one))
    if one.dtype != other.dtype:
        return False
    if one.dtype == NUMBER:
        return bool(np.array_equal(one.to_numpy(), other.to_numpy(), equal_nan=True))
    return bool(one.equals(other))


def _exposure(
    given: pd.DataFrame, config: UseCaseConfig, *, partition: str
) -> dict[str, NDArray[np.float32]]:
    name = config.label.exposure
    if name is None:
        return {}
    found = given[name].to_numpy(dtype="float64", na_value=np.nan)
    wrong = ~(np.isfinite(found) & (found > 0))
    if wrong.any():
        raise DataError(
            f"exposures in {name!r} are not all numbers above zero",
            usecase=config.name,
            partition=partition,
            found=f"{int(wrong.sum())} rows, the first {found[wrong][0]}",
            hint="let the raw suite refuse such rows",
        )
    return {EXPOSURE: found.astype(NUMBER)}


def _plain(
    features: pd.DataFrame,
    given: pd.DataFrame,
    *,
    where: dict[str, Any],
    text: bool,
    beside: Mapping[str, Any],
) -> pd.DataFrame:
    if not isinstance(features, pd.DataFrame) or not features.index.equals(given.index):
        raise DataError(
            "featurize must return a frame with the index and order of its rows",
            **where,
            found=f"{type(features).__name__} of {len(features)}",
            expected=f"{len(given)} rows",
        )
    taken = [name for name in features.columns if name in RESERVED]
    if taken:
        raise DataError("these feature names are Laurel's own", **where, found=", ".join(taken))
    columns = {str(name): _plain_column(each, where, text=text) for name, each in features.items()}
    return pd.DataFrame({**columns, **beside}, copy=False)


def as_text(column: pd.Series[Any]) -> Any:
    """A column of categories as an array of text."""
    # the last is for code -1: what is missing
    levels = [*(str(level) for level in column.cat.categories), None]
    return pd.array(levels, dtype="str").take(column.cat.codes.to_numpy())


def _plain_column(column: pd.Series[Any], where: dict[str, Any], *, text: bool) -> Any:
    """An array: a series costs more than the values of a day."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return column.to_numpy().astype(NUMBER, copy=False)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return as_text(column) if text else column.array
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=NUMBER, na_value=np.nan)
    if isinstance(column.dtype, pd.StringDtype):
        return column.astype("str").array
    raise DataError(
        f"feature {column.name!r} has a type that no model learns from",
        **where,
        found=str(column.dtype),
        expected="a number, a boolean, text or a category",
    )


def check_equal_columns(parts: Sequence[pd.DataFrame], *, usecase: str) -> None:
    """Raise :class:`DataError` where features of some partitions have other names or types."""
    first = column_types(parts[0])
    for part in parts:
        check_equal_types(first, column_types(part), usecase=usecase)


def check_equal_types(first: Mapping[str, str], other: Mapping[str, str], *, usecase: str) -> None:
    """Raise :class:`DataError` where features have other names, order or types than the first."""
    if list(other.items()) != list(first.items()):
        raise DataError(
            "featurize gave other columns for one partition than for another",
            usecase=usecase,
            found=", ".join(f"{n} {t}" for n, t in other.items()),
            expected=", ".join(f"{n} {t}" for n, t in first.items()),
        )


def column_types(features: pd.DataFrame) -> dict[str, str]:
    """The type of each feature by its name, in the order of the columns.

    >>> column_types(pd.DataFrame({"x": [1.0]}))
    {'x': 'float64'}
    """
    return {str(name): str(kind) for name, kind in features.dtypes.items()}
