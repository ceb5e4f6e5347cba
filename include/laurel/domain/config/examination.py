"""What a use case may say of the scheduled check of its features."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from laurel.domain.config.base import Cron, Frozen, Name


class Examination(Frozen):
    """The check of a model's features: what each gains and costs, and whether less would do."""

    schedule: Cron = "0 0 * * 1"
    metric: str | None = None
    """By which gains are measured; what early stopping watches, when left out."""
    repeats: int = Field(default=3, ge=1, le=50)
    """How many times the rows of a feature are shuffled."""
    groups: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    """Features that are shuffled and left out together, by names or patterns such as
    ``weather_*``; the parts of the feature code when left out."""
    ablate: Literal["none", "all"] | int = Field(default=3, union_mode="left_to_right")
    """Which features the model is trained without, one at a time: so many of the weakest, and
    every group; ``none`` leaves out groups, too."""
    resamples: int = Field(default=200, ge=100)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    margin: float = Field(default=0.0, ge=0)
    """A simpler model that is worse by no more than this, in the metric's unit, is as good."""
    train_rows: int = Field(default=500_000, ge=100)
    """Rows that other models are trained on, at most: evenly taken ones."""
    holdout_rows: int = Field(default=50_000, ge=100)
    """Rows of the hold-out that gains are measured on, at most: evenly taken ones."""
    constant_share: float = Field(default=0.999, gt=0.5, le=1)
    """A feature is nearly constant when so many rows have one value."""
    suspicious: float = Field(default=0.8, gt=0, le=1)
    """A feature that by itself takes away so much of the constant model's loss may hold the
    label."""
