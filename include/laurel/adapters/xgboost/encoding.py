"""What XGBoost reads: float32 columns, categories as numbers of the levels a model knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray

from laurel.domain.featureset import EXPOSURE
from laurel.errors import DataError

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Feature:
    """One column a model reads: a number, or a category with the levels it knows."""

    name: str
    levels: tuple[str, ...] | None = None

    def encode(self, column: pd.Series[Any]) -> Scores:
        """The column as XGBoost reads it: float32, nan where missing or not known.

        Raises :class:`DataError` for a column of another kind than the model learned from.
        """
        if self.levels is None:
            return _numbers(column)
        codes, levels = _categories(column)
        encoded: Scores = self._places(levels)[codes]
        return encoded

    def unseen(self, column: pd.Series[Any]) -> dict[str, int]:
        """How many rows are of each category that the model does not know; most often none.

        >>> Feature("shop", ("a", "b")).unseen(pd.Series(["b", "c", None, "c"]))
        {'c': 2}
        """
        if self.levels is None:
            return {}
        codes, levels = _categories(column)
        unknown = np.isnan(self._places(levels)[:-1])
        if not unknown.any():
            return {}
        counts = np.bincount(codes[codes >= 0], minlength=len(levels))
        return {
            level: int(count)
            for level, count, new in zip(levels, counts, unknown, strict=True)
            if new and count
        }

    def _places(self, levels: list[str]) -> Scores:
        """The number of each level as the model has it; the last is of what is missing."""
        known = {level: place for place, level in enumerate(self.levels or ())}
        return np.array([*(known.get(level, np.nan) for level in levels), np.nan], np.float32)

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        if self.levels is None:
            return {"name": self.name, "kind": "number"}
        return {"name": self.name, "kind": "category", "levels": list(self.levels)}


def describe(train: pd.DataFrame) -> tuple[Feature, ...]:
    """The columns of a training part, with the levels that categories have in it."""
    return tuple(
        Feature(str(name))
        if pd.api.types.is_numeric_dtype(train[name].dtype)
        else Feature(str(name), tuple(sorted(train[name].dropna().astype("str").unique())))
        for name in train.columns
        if name != EXPOSURE
    )


def describe_parts(parts: Iterable[pd.DataFrame]) -> tuple[Feature, ...]:
    """What :func:`describe` says of the whole of a training part that comes in parts."""
    found: tuple[Feature, ...] = ()
    for part in parts:
        here = describe(part)
        found = tuple(map(_both, found, here)) if found else here
    return found


def _both(one: Feature, other: Feature) -> Feature:
    if one.levels is None or other.levels is None:
        return one
    return Feature(one.name, tuple(sorted({*one.levels, *other.levels})))


def read_feature(document: Mapping[str, Any]) -> Feature:
    """Read what :meth:`Feature.document` wrote."""
    levels = tuple(document["levels"]) if document["kind"] == "category" else None
    return Feature(document["name"], levels)


def to_matrix(
    frame: pd.DataFrame,
    features: Sequence[Feature],
    *,
    labels: NDArray[Any] | None = None,
    weights: NDArray[np.float64] | None = None,
    intercept: float | None = None,
) -> xgboost.DMatrix:
    """The matrix of these columns; raises as :func:`matrix_input`."""
    given = matrix_input(frame, features, labels=labels, weights=weights, intercept=intercept)
    return xgboost.DMatrix(**given, enable_categorical=True)


def matrix_input(
    frame: pd.DataFrame,
    features: Sequence[Feature],
    *,
    labels: NDArray[Any] | None = None,
    weights: NDArray[np.float64] | None = None,
    intercept: float | None = None,
) -> dict[str, Any]:
    """What a matrix of these columns is made of; raises :class:`DataError` for missing columns.

    intercept: of a model with an exposure, where trees begin for an exposure of one.
    """
    expect_columns(frame, features, intercept=intercept)
    return {
        "data": encode_block(frame, features),
        "label": labels,
        "weight": weights,
        "base_margin": None if intercept is None else base_margins(frame, intercept),
        "feature_names": [feature.name for feature in features],
        "feature_types": ["q" if feature.levels is None else "c" for feature in features],
    }


def expect_columns(
    frame: pd.DataFrame, features: Sequence[Feature], *, intercept: float | None = None
) -> None:
    """Raise :class:`DataError` where columns that the model reads are missing."""
    missing = [feature.name for feature in features if feature.name not in frame.columns]
    missing += [EXPOSURE] if intercept is not None and EXPOSURE not in frame.columns else []
    if missing:
        raise DataError(
            "features of the model are missing",
            found=", ".join(map(str, frame.columns)) or "no column",
            expected=", ".join(missing),
            hint="compute the features with the code of the model's own version",
        )


def encode_block(frame: pd.DataFrame, features: Sequence[Feature]) -> Scores:
    """The features as XGBoost reads them: shape (rows, features), float32, rows together."""
    block = np.empty((len(frame), len(features)), np.float32)
    for place, feature in enumerate(features):
        block[:, place] = feature.encode(frame[feature.name])
    return block


def base_margins(frame: pd.DataFrame, intercept: float) -> Scores:
    """Where trees begin for each row: the intercept and the logarithm of its exposure."""
    exposures = frame[EXPOSURE].to_numpy(dtype=np.float64)
    return np.asarray(np.log(exposures) + intercept, np.float32)


def _categories(column: pd.Series[Any]) -> tuple[NDArray[Any], list[str]]:
    """The number of each row's category, -1 where missing, and what the categories are called."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        raise DataError(
            f"feature {str(column.name)!r} is a number; in training it was a category",
            found=str(column.dtype),
            expected="text or a category",
        )
    category = column.astype("category").cat
    return category.codes.to_numpy(), [str(level) for level in category.categories]


def _numbers(column: pd.Series[Any]) -> Scores:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise DataError(
            f"feature {str(column.name)!r} is not a number, as it was in training",
            found=str(column.dtype),
            expected="a number",
        )
    return np.asarray(column.to_numpy(dtype=np.float32, na_value=np.nan))
