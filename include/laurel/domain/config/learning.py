"""How a model is learned, decided about, used and watched."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from laurel.domain.config.base import Cron, Frozen


class Label(Frozen):
    """What is predicted: a column of the labels dataset, and how it is learned."""

    column: str
    objective: Literal["binary"] = "binary"
    delay_days: int = Field(default=1, ge=0)
    """Days between a row's event and the arrival of its label."""


class Features(Frozen):
    """The feature set: the file that computes it, and how far back it looks."""

    file: str = "features.py"
    history_days: int = Field(default=0, ge=0)


class Model(Frozen):
    """How XGBoost learns: its own parameters, the bound on rounds, early stopping, the seed."""

    params: dict[str, str | int | float | bool] = Field(default_factory=dict)
    rounds: int = Field(default=300, ge=1)
    early_stopping_rounds: int = Field(default=25, ge=1)
    seed: int = 7


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


class AtLeast(Frozen):
    """The metric must reach a value."""

    kind: Literal["at_least"] = "at_least"
    metric: str
    value: float


class AtMost(Frozen):
    """The metric must not exceed a value."""

    kind: Literal["at_most"] = "at_most"
    metric: str
    value: float


class VersusChampion(Frozen):
    """Against the champion on the same rows, with a paired bootstrap interval.

    ``not_worse`` passes when the challenger is, with ``confidence``, worse by no more than
    ``margin``; ``better`` when it is, with ``confidence``, better by at least ``margin``.
    """

    kind: Literal["not_worse", "better"]
    metric: str
    margin: float = Field(default=0.0, ge=0)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


Threshold = Annotated[AtLeast | AtMost | VersusChampion, Field(discriminator="kind")]


class Gate(Frozen):
    """The policy that decides about a challenger; no threshold means not promoted."""

    thresholds: tuple[Threshold, ...] = ()
    slices: tuple[str, ...] = ()
    """Columns of the raw rows by whose values every threshold is tested too."""
    minimum_rows: int = Field(default=500, ge=1)
    """Fewer rows than this in the hold-out, or in a slice, are underpowered."""
    resamples: int = Field(default=1000, ge=100)


class Scoring(Frozen):
    """Batch inference."""

    schedule: Cron = "0 0 * * *"
    start: date | None = None
    """The first partition that is scored; the day of the first effective decision when left out."""
    horizon_hours: int = Field(default=0, ge=0)
    """Hours before the partition's start at which the champion and the context are fixed."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Scores at or above this are decided positive."""
    suite: str
    deadline_hours: int = Field(default=24, ge=1)
    """Hours the score task waits for its partition before it turns red."""


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
