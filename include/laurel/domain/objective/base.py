"""What an objective is: the words of the booster, the labels it takes, the scores it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from laurel.domain.config import Column, Terms
from laurel.domain.config.terms import unknown
from laurel.domain.metric import Metric
from laurel.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

Numbers = NDArray[Any]
"""Labels of shape (rows,), or scores of shape (rows,) or, with classes, (rows, classes)."""
Classes = tuple[int | str, ...]
SCORE, DECISION = "score", "decision"


@dataclass(frozen=True)
class Labels:
    """What labels may be, and what is said of many of them."""

    expected: str
    """What they must be, in words."""
    are_right: Callable[[Numbers], bool]
    """Of numbers, none of them nan; a class is its place."""
    lacking: Callable[[Numbers, Classes, str], str | None]
    """Labels and name of a part → what it lacks to be learned from or judged by, in words."""
    summary: Callable[[Numbers, Classes], dict[str, float]]
    """What is said of the labels of a part: counts, or a mean."""
    dtype: str = "int64"
    """What they are in the frame."""


@dataclass(frozen=True)
class Objective:
    """One way of learning; :func:`laurel.domain.objective.find_objective` gives it its classes."""

    name: str
    terms: Terms
    learner: str
    """XGBoost's own name of it."""
    labels: Labels
    metrics: Mapping[str, Metric]
    stopping: Metric
    """What early stopping watches. Computed here and not by XGBoost, whose sum over rows depends
    on the number of threads in its last digits."""
    against_constant: Metric
    """By which a challenger must beat the constant model."""
    against_simple: Metric
    """By which it is compared with the simple model."""
    simple: str
    """The simple model, by its name in :mod:`laurel.adapters.simple`."""
    simple_title: str
    constant_title: str
    """The constant model in words: that of the training days."""
    link: Callable[[Numbers], Numbers]
    """Margins of the trees → scores, both float64."""
    constant: Callable[[Numbers, Numbers, Classes], Numbers]
    """Labels and exposures (ones without) of the train days → what the constant model says of a
    row of exposure one."""
    reliability: Callable[[Numbers, Numbers], tuple[Numbers, Numbers]]
    """Labels and scores → what was observed and what was predicted, for a reliability curve."""
    probabilities: bool
    """Whether scores are probabilities."""
    charted: tuple[str, str]
    """Metrics that pages draw."""
    classes: Classes = ()
    exposure: str | None = None
    """The column of the rows that expected counts are proportional to."""

    @property
    def width(self) -> int:
        """Scores of a row."""
        return max(1, len(self.classes))

    @property
    def score_columns(self) -> tuple[str, ...]:
        """Names of the scores of a row: ``score``, or ``score_<class>`` for each class."""
        return tuple(f"{SCORE}_{each}" for each in self.classes) or (SCORE,)

    @property
    def decision(self) -> Column | None:
        """The column ``decision`` of the predictions; ``None`` where nothing is decided."""
        if self.terms.threshold:
            return Column(type="bool", nullable=True)
        if self.classes:
            return Column(type="int64" if isinstance(self.classes[0], int) else "string")
        return None

    def names(self, model: str) -> tuple[str, ...]:
        """Columns of a table of evidence that hold a model's scores.

        A model's name, or ``<model>_<class>`` for each class.
        """
        return tuple(f"{model}_{each}" for each in self.classes) or (model,)

    def columns(self, scores: Numbers, names: tuple[str, ...]) -> dict[str, Numbers]:
        """Scores as columns of a table."""
        if not self.classes:
            return {names[0]: scores}
        return {name: scores[:, place] for place, name in enumerate(names)}

    def scores(self, table: pd.DataFrame, names: tuple[str, ...]) -> NDArray[np.float64]:
        """Columns of a table as scores; nan where missing."""
        parts = [table[name].to_numpy(dtype="float64", na_value=np.nan) for name in names]
        return np.column_stack(parts) if self.classes else parts[0]

    def encode(self, values: pd.Series[Any]) -> NDArray[np.float64]:
        """The label's column as numbers, a class as its place; nan where missing or no class."""
        if not self.classes:
            return values.to_numpy(dtype="float64", na_value=np.nan)
        import pandas as pd

        index = pd.Index(self.classes, dtype="str" if isinstance(self.classes[0], str) else None)
        given = values.astype("str") if isinstance(self.classes[0], str) else values
        places = index.get_indexer(pd.Index(given)).astype(np.float64)
        places[places < 0] = np.nan
        return places

    def decide(self, scores: Numbers, threshold: float | None) -> pd.Series[Any] | None:
        """What follows from scores: above the threshold, or the most probable class.

        ``None`` where the objective decides nothing.
        """
        import pandas as pd

        if self.classes:
            kind = "str" if isinstance(self.classes[0], str) else "int64"
            places = scores.argmax(axis=1) if len(scores) else np.empty(0, int)
            return pd.Series(np.array(self.classes, dtype=object)[places], dtype=kind)
        if not self.terms.threshold:
            return None
        if threshold is None:
            return pd.Series(pd.NA, index=range(len(scores)), dtype="boolean")
        return pd.Series(scores >= np.float32(threshold), dtype="boolean")

    def metric(self, name: str) -> Metric:
        """The metric of that name; raises :class:`ConfigError` naming the near match."""
        if name not in self.metrics:
            raise ConfigError(
                f"{self.terms.title} has no such metric", found=unknown(name, self.metrics)
            )
        return self.metrics[name]

    def document(self) -> dict[str, Any]:
        """What a model says of it, as plain JSON values."""
        return {
            "objective": self.name,
            "learner": self.learner,
            "classes": list(self.classes),
            "exposure": self.exposure,
        }
