"""How a model is learned, decided about, used and watched."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, StrictInt, StrictStr, model_validator

from laurel.domain.config.base import Cron, Frozen, Name
from laurel.domain.config.check import Check
from laurel.domain.config.engine import Dask, Engine, Memory, ScoringEngine
from laurel.domain.config.model import Model, Weights
from laurel.domain.config.shadow import Canary, Shadow
from laurel.domain.config.sink import Sink
from laurel.domain.config.terms import TERMS, CalibrationMethod, ObjectiveName, Terms
from laurel.domain.config.thresholds import AtLeast, AtMost
from laurel.domain.config.tuning import Tuning

Class = StrictInt | StrictStr
DASK_ROWS = 1_048_576
"""Rows of a shard on Dask, where nothing is said: eight row groups."""


class Label(Frozen):
    """What is predicted: a column of the labels dataset, and how it is learned."""

    column: str
    objective: ObjectiveName = "binary"
    classes: tuple[Class, ...] = ()
    """Of ``multiclass``: the values of the column, in the order of their scores."""
    exposure: str | None = None
    """Of ``count``: a column of the rows, above zero, that the expected count is proportional to:
    hours watched, kilometres driven."""
    delay_days: int = Field(default=1, ge=0)
    """Days between a row's event and the arrival of its label."""

    @property
    def terms(self) -> Terms:
        """What its objective lets a use case say."""
        return TERMS[self.objective]

    @model_validator(mode="after")
    def _says_what_its_objective_needs(self) -> Label:
        if self.terms.classes:
            if len(self.classes) < 2:
                raise ValueError(f"{self.objective} needs label.classes: all values of the column")
            if len({str(each) for each in self.classes}) != len(self.classes):
                raise ValueError(f"label.classes are given twice: {list(self.classes)}")
            if len({type(each) for each in self.classes}) > 1:
                raise ValueError(f"label.classes are of several types: {list(self.classes)}")
        elif self.classes:
            raise ValueError(f"label.classes are not for {self.objective}")
        if self.exposure is not None and not self.terms.exposure:
            raise ValueError(f"label.exposure is not for {self.objective}")
        return self


class Features(Frozen):
    """The feature set: the file that computes it, and how far back it looks."""

    file: str = "features.py"
    history_days: int = Field(default=0, ge=0)


class Training(Frozen):
    """When a challenger is trained and on which days."""

    schedule: Cron
    start: date
    """The first as_of that a training run may have."""
    train_days: int = Field(ge=1)
    validation_days: int = Field(ge=1)
    """The last days before the embargo: early stopping reads them, fitting does not."""
    holdout_days: int = Field(ge=1)
    decision_lag_days: int = Field(default=1, ge=0)
    """Days between as_of and the moment from which the decision is effective."""
    suite: str
    model: Model = Model()
    weights: Weights = Weights()
    calibration: CalibrationMethod = "none"
    """How scores are made probabilities: fitted on the validation days, after early stopping."""
    tuning: Tuning | None = None
    """The search for parameters; none when left out."""
    engine: Engine = Memory()
    """Where it is computed: ``memory``, ``external`` or ``dask``."""


class Unseen(Frozen):
    """What becomes of rows whose category the model never saw."""

    refuse_above: float = Field(ge=0, lt=1)
    """The share of rows in such categories of a feature above which nothing is scored."""


class Shards(Frozen):
    """How a large partition is cut into shards, each a task of its own."""

    rows: int = Field(ge=1)
    """Rows of a shard; above 131,072 they are made whole row groups."""


class Scoring(Frozen):
    """Batch inference."""

    schedule: Cron = "0 0 * * *"
    start: date | None = None
    """The first partition that is scored; the day of the first effective decision when left out."""
    horizon_hours: int = Field(default=0, ge=0)
    """Hours before the partition's start at which the champion and the context are fixed."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Of ``binary``: scores at or above this are decided positive."""
    suite: str
    deadline_hours: int = Field(default=24, ge=1)
    """Hours the score task waits for its partition before it turns red."""
    unseen: Literal["missing"] | Unseen = Field(
        default="missing", exclude_if=lambda unseen: unseen == "missing"
    )
    """Categories that training never saw: scored as missing, or refused above a share of rows."""

    checks: tuple[Check, ...] | None = Field(default=None, exclude=True)
    """What is promised of predictions against the recent past; that scores lie alike when left out.
    """
    shards: Shards | None = Field(default=None, exclude=True)
    """The size of the shards in which partitions are scored that have more rows; one pass when left
    out. What is scored does not depend on it."""
    engine: ScoringEngine = Field(default=Memory(), exclude=True)
    """Where shards are scored: ``memory``, as tasks of Airflow, or ``dask``, on its workers."""
    sinks: dict[Name, Sink] = Field(default_factory=dict, exclude=True)
    """Where predictions are delivered to besides, by name; what is scored does not depend on it."""
    shadow: Shadow | None = Field(default=None, exclude=True)
    """Challengers that score the same partitions, unseen; what is published does not depend on it.
    """
    canary: Canary | None = Field(default=None, exclude=True)
    """A share of the keys that a challenger answers; a scoring names it where it applies."""

    @property
    def shard_rows(self) -> int | None:
        """Rows above which a partition is scored in shards of as many; ``None`` for never."""
        if self.shards is not None:
            return self.shards.rows
        return DASK_ROWS if isinstance(self.engine, Dask) else None

    @property
    def mapped(self) -> bool:
        """Whether shards are tasks of Airflow."""
        return self.shards is not None and isinstance(self.engine, Memory)

    @property
    def allowed_unseen(self) -> float | None:
        """The share of rows that may be in unseen categories of a feature; ``None`` for all."""
        return None if isinstance(self.unseen, str) else self.unseen.refuse_above


class Monitoring(Frozen):
    """The nightly report."""

    reference_days: int = Field(default=28, ge=1)
    """Length of the trailing window that the partition is compared with, besides the profile."""
    psi_warning: float = Field(default=0.1, gt=0)
    psi_critical: float = Field(default=0.25, gt=0)
    performance: tuple[AtLeast | AtMost, ...] = ()
    """Bounds on realised performance over the reference window; broken ones alarm."""
    minimum_rows: int = Field(default=500, ge=1)
    retrain: bool = False
    """Whether a critical alarm makes the report ask for retraining; a person starts it."""
