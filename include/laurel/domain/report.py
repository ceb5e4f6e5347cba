"""The nightly report: what is known about the champion on one partition, as a frozen value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from typing import Any, Literal

from laurel.domain.alarms.raised import Alarm
from laurel.domain.canonical import UNDEFINED, digest, instant
from laurel.domain.correlation import CorrelationChange
from laurel.domain.drift import FeatureDrift
from laurel.domain.lateness import LabelCounts
from laurel.domain.performance import (
    CalibrationBin,
    DayPerformance,
    EstimateError,
    Gap,
    NightEstimate,
    Performance,
    SlicePerformance,
    SlicePeriod,
)
from laurel.domain.separation import Separation
from laurel.domain.surroundings import (
    Dependencies,
    Feedback,
    SchemaChange,
    Shadow,
    Staleness,
    Volume,
)
from laurel.domain.train_serve import TrainServe

SCHEMA = 2
SHORT = 4
"""Metrics with so few letters are called by them: AUC, MAE, RMSE."""

Standing = Literal["deserved", "alarmed", "unknown"]


@dataclass(frozen=True)
class ChampionFacts:
    """What the ledger and its bundle say about the champion that scored the partition."""

    model_version: str
    as_of: datetime
    """The bound of knowledge of its training."""
    since: datetime
    """Since when it is champion."""
    holdout: Mapping[str, float]
    """Its metrics on the hold-out rows when it was promoted."""
    profile: Mapping[str, Any]
    """What it saw in training, from :func:`laurel.domain.profile.build_profile`."""


@dataclass(frozen=True)
class Comparison:
    """The drift of one window against one reference."""

    name: Literal["partition_profile", "partition_window", "window_profile"]
    title: str
    window_days: int
    """Days of the champion that the trailing window holds, cut to whole weeks where compared."""
    reference_rows: int
    rows: int
    features: tuple[FeatureDrift, ...]
    scores: tuple[FeatureDrift, ...]
    """One, or one for each class."""
    decisions: tuple[FeatureDrift, ...] = ()
    """What was decided, as one categorical column; empty where nothing is."""
    separation: Separation | None = None
    """Whether a classifier can tell the two windows apart; ``None`` where no rows were kept."""
    correlations: tuple[CorrelationChange, ...] = ()
    """The pairs of numeric features whose correlation differs most, the largest change first."""


@dataclass(frozen=True)
class Realised:
    """Performance over the trailing window."""

    champion: Performance
    """Of the rows that the champion itself scored: the bounds of the use case apply to these."""
    served: Performance
    """Of all rows, whichever version scored them."""
    days: tuple[DayPerformance, ...]
    calibration: tuple[CalibrationBin, ...]
    slices: tuple[SlicePerformance, ...]
    estimate: Mapping[str, float]
    """What to expect of the partition itself, before its labels mature."""
    nights: tuple[NightEstimate, ...] = ()
    """The champion's nights of the window: what was expected of them and what they showed."""
    estimate_errors: Mapping[str, EstimateError] = field(default_factory=dict)
    """Metric → how good the estimates of these nights were."""
    slice_periods: tuple[SlicePeriod, ...] = ()
    """Slices week by week."""
    gaps: tuple[Gap, ...] = ()
    """How far apart the slices of a column are, week by week."""


@dataclass(frozen=True)
class Freshness:
    """How far a dataset's newest partition lies behind the one reported on."""

    dataset: str
    newest: str | None
    days: int | None
    allowed: int


@dataclass(frozen=True)
class DataWarning:
    """An expectation that was not met on this partition, but is not critical."""

    dataset: str
    suite: str
    text: str


@dataclass(frozen=True)
class Quarantined:
    """Rows of this partition that wait in quarantine."""

    dataset: str
    id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Skew:
    """Published scores against the same model's on the features as they are known now."""

    rows: int
    differing: int
    largest: float


@dataclass(frozen=True)
class Report:
    """Everything the nightly page says. Two runs over the same inputs are equal."""

    usecase: str
    title: str
    partition: str
    champion: ChampionFacts
    champion_age_days: float
    rows: int
    mean_scores: Mapping[str, float]
    """The mean of each score of a row."""
    decided: Mapping[str, float]
    """Share of the rows decided positive, or for each class; empty when nothing is decided."""
    comparisons: tuple[Comparison, ...]
    realised: Realised
    freshness: tuple[Freshness, ...]
    warnings: tuple[DataWarning, ...]
    quarantine: tuple[Quarantined, ...]
    skew: Skew | None
    alarms: tuple[Alarm, ...]
    notes: tuple[str, ...]
    """What could not be judged, and why."""
    minimum_rows: int
    window_days: int
    bounds: Mapping[str, tuple[str, float]]
    """Bounds on performance: metric → (``at_least`` or ``at_most``, value)."""
    retrain: bool
    """Whether retraining is asked for."""
    counts: Mapping[str, Any]
    """The partition over the profile's bins: the next days' reports add these up."""
    charted: tuple[str, str] = ("auc", "log_loss")
    """The metrics that are drawn; the first is the one to name."""
    labels: LabelCounts | None = None
    """How the labels of the trailing window came; ``None`` where that was not looked at."""
    staleness: Staleness | None = None
    """How old the champion is and how others aged; ``None`` where that was not looked at."""
    volumes: tuple[Volume, ...] = ()
    dependencies: Dependencies | None = None
    schemas: tuple[SchemaChange, ...] = ()
    feedback: Feedback | None = None
    """``None`` where nothing is decided."""
    shadows: tuple[Shadow, ...] = ()
    sampled: Mapping[str, int] = field(default_factory=dict)
    """Partitions whose performance is measured on a sample of their rows → their rows in all."""
    calibration: str | None = None
    """The digest of the calibration of alarms that this night knew."""
    cleared: tuple[str, ...] = ()
    """Checks whose alarm cleared on this night."""
    train_serve: TrainServe | None = None
    """Sampled rows of the newest training, featurized as scoring does."""

    @property
    def standing(self) -> Standing:
        """``alarmed``, ``deserved``, or ``unknown`` where labels are too few to say."""
        if self.loud:
            return "alarmed"
        enough = self.realised.champion.labelled >= self.minimum_rows
        return "deserved" if enough else "unknown"

    @property
    def loud(self) -> tuple[Alarm, ...]:
        """The alarms that are confirmed, and acknowledged by nobody."""
        return tuple(alarm for alarm in self.alarms if alarm.loud)

    @property
    def verdict(self) -> str:
        """The report in one sentence."""
        if loud := self.loud:
            word = "alarm" if len(loud) == 1 else "alarms"
            first = "; ".join(alarm.reason for alarm in loud[:3])
            more = f"; and {len(loud) - 3} more" if len(loud) > 3 else ""
            return f"{len(loud)} {word}: {first}{more}."
        scored = f"{self.rows:,} rows scored"
        name, known = self.champion.model_version, self.realised.champion
        if self.standing == "unknown":
            return (
                f"Nothing speaks against the champion {name}, but there is too little to judge it "
                f"by: {scored}, {known.labelled:,} labels have matured and "
                f"{self.minimum_rows:,} are needed."
            )
        main = self.charted[0]
        now, then = (each.get(main, math.nan) for each in (known.metrics, self.champion.holdout))
        return (
            f"The champion {name} still deserves the crown: {scored}, {spoken(main)} "
            f"{_number(now)} on {known.labelled:,} matured labels ({_number(then)} at promotion), "
            f"{self._rest}."
        )

    @property
    def _rest(self) -> str:
        """What is open besides loud alarms, in words."""
        learning = sum(alarm.state == "learning" for alarm in self.alarms)
        told = len(self.alarms) - learning
        if told:
            return f"{told} suspected or acknowledged, nothing else"
        if learning:
            return "bounds of drift are not calibrated yet, so nothing is said of it"
        return "drift within the bounds"

    def document(self) -> dict[str, Any]:
        """The report as plain JSON values, equal for equal inputs; undefined numbers are null.

        The profile and the counts are named by their digests.
        """
        said = {
            item.name: plain(getattr(self, item.name))
            for item in fields(self)
            if item.name != "counts"
        }
        said["champion"]["profile"] = digest(self.champion.profile)
        said["counts"] = digest(self.counts)
        return {"schema": SCHEMA, "verdict": self.verdict, "standing": self.standing, **said}


def named(score: str) -> str:
    """The name of a column of scores in a sentence.

    >>> named("score"), named("score_red")
    ('score', 'score of red')
    """
    return score.replace("_", " of ", 1)


def spoken(metric: str) -> str:
    """The name of a metric in a sentence.

    >>> spoken("auc"), spoken("poisson_deviance")
    ('AUC', 'poisson deviance')
    """
    return metric.upper() if len(metric) <= SHORT else metric.replace("_", " ")


def _number(value: float) -> str:
    return UNDEFINED if math.isnan(value) else f"{value:.3f}"


def plain(value: Any) -> Any:
    """A value of the report as plain JSON values; undefined numbers are null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value
