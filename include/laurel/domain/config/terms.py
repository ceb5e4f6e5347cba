"""What a use case may say of each objective: its metrics, its calibrations, the words it knows.

The mathematics stand in :mod:`laurel.domain.objective`; this file loads without numpy, so that a
wrong word in ``usecase.yaml`` is refused where DAGs are drawn.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ObjectiveName = Literal["binary", "multiclass", "regression", "count"]
CalibrationMethod = Literal["none", "sigmoid", "isotonic", "temperature"]
ColumnKinds = tuple[str, ...]
MEAN_SCORE = "mean_score"
POSITIVE_RATES = ("positive_rate", "true_positive_rate", "false_positive_rate")
CLASS_RATE = "rate_"
"""How the rate begins of rows that are decided as a class."""


@dataclass(frozen=True)
class Terms:
    """What may be said in ``usecase.yaml`` under one objective."""

    title: str
    metrics: tuple[str, ...]
    label_types: ColumnKinds
    """Types that the label's column may have."""
    calibrations: tuple[CalibrationMethod, ...] = ()
    """Besides ``none``."""
    classes: bool = False
    """Whether ``label.classes`` must be declared."""
    exposure: bool = False
    """Whether ``label.exposure`` may name a column."""
    threshold: bool = False
    """Whether ``scoring.threshold`` decides."""
    balanced: bool = False
    """Whether ``training.model.balance`` may weigh classes."""
    positive_weight: bool = False
    """Whether ``training.model.balance`` may be a number, the weight of a positive row."""
    cost: str = "units"
    """The kind that ``gate.cost`` may be of."""


_NUMBERS = ("int64", "float64")

TERMS: Mapping[ObjectiveName, Terms] = MappingProxyType(
    {
        "binary": Terms(
            title="binary classification",
            metrics=("auc", "average_precision", "log_loss", "brier", "calibration_error"),
            label_types=(*_NUMBERS, "bool"),
            calibrations=("sigmoid", "isotonic"),
            threshold=True,
            balanced=True,
            positive_weight=True,
            cost="outcomes",
        ),
        "multiclass": Terms(
            title="multiclass classification",
            metrics=(
                "log_loss",
                "macro_auc",
                "accuracy",
                "balanced_accuracy",
                "macro_f1",
                "brier",
                "calibration_error",
            ),
            label_types=("string", *_NUMBERS),
            calibrations=("temperature",),
            classes=True,
            balanced=True,
            cost="matrix",
        ),
        "regression": Terms(
            title="regression",
            metrics=("rmse", "mae", "median_absolute_error", "r2", "mape", "smape"),
            label_types=_NUMBERS,
        ),
        "count": Terms(
            title="counts",
            metrics=("poisson_deviance", "deviance_explained", "mae", "rmse", "bias"),
            label_types=_NUMBERS,
            exposure=True,
        ),
    }
)
"""All objectives by name."""


def unknown(name: str, known: Iterable[str]) -> str:
    """A sentence that names what is known, and the near match.

    >>> unknown("logloss", ("auc", "log_loss"))
    "'logloss'; there are auc, log_loss; did you mean 'log_loss'?"
    """
    known = tuple(known)
    near = difflib.get_close_matches(name, known, n=1)
    asked = f"; did you mean {near[0]!r}?" if near else ""
    return f"{name!r}; there are {', '.join(known)}{asked}"
