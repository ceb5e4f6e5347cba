"""What surrounds a model on a night: its age, its data, its environment, those beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class AgePoint:
    """A past champion on the hold-out rows of a later training, with the challenger of that day."""

    model_version: str
    """The champion that was measured."""
    age_days: float
    """Days between its own bound of knowledge and that of the later training."""
    as_of: datetime
    """The bound of knowledge of the later training."""
    rows: int
    """Hold-out rows that both were measured on."""
    metrics: Mapping[str, float]
    """The champion's metrics on them."""
    challenger: Mapping[str, float]
    """The metrics of the fresh challenger on the hold-out rows."""


@dataclass(frozen=True)
class Staleness:
    """How old the champion is, and how champions aged before it."""

    age_days: float
    """Days between the champion's bound of knowledge and the end of this partition."""
    reigned_days: float
    """Days since its promotion was effective."""
    challengers: int
    """Trainings since then that did not replace it."""
    curve: tuple[AgePoint, ...] = ()
    """Champions on later hold-outs, in order of time."""


@dataclass(frozen=True)
class Volume:
    """How many rows a dataset's partition has, against what is usual."""

    dataset: str
    rows: int | None
    """Rows of this partition as known at its end; ``None`` where it is not there."""
    usual: float
    """Median over the partitions of the trailing window; nan without any."""
    ratio: float
    """Rows over what is usual; nan where either is unknown or nothing is usual."""
    partitions: int
    """Partitions of the trailing window that were known."""
    revision: int | None
    """Its revision; ``None`` where it is not there."""


@dataclass(frozen=True)
class Dependencies:
    """What the predictions were made on, against training and the night before."""

    packages: str
    """Digest of the installed versions that scored this partition."""
    trained_on: str
    """Digest of those that trained the champion."""
    before: str | None
    """Digest of those that scored the partition before; ``None`` where none was scored."""
    since_training: tuple[str, ...] = ()
    """What differs from training, a sentence each."""
    since_before: tuple[str, ...] = ()
    """What differs from the night before, a sentence each."""


@dataclass(frozen=True)
class SchemaChange:
    """How the columns of a dataset differ from those of its partition before."""

    dataset: str
    column: str
    change: str
    """In words."""
    since: str
    """The partition that it is compared with."""


@dataclass(frozen=True)
class Feedback:
    """Whether labels depend on what was decided: they may exist only where the model acted.

    Over the rows of the trailing window whose labels are due.
    """

    acted: int
    """Rows decided positive whose labels are due."""
    idle: int
    """The other decided rows whose labels are due."""
    acted_labelled: float
    """Share of the first that has a label; nan of none."""
    idle_labelled: float
    """Share of the second that has a label; nan of none."""
    p_value: float
    """Of the chi-square test that both shares are equal; nan where undefined."""
    suspected: bool
    """Whether labels come so much rarer on one side that performance says little of it."""
    sentence: str


@dataclass(frozen=True)
class Gain:
    """How much better a challenger does in a metric than the champion, on the same rows."""

    value: float
    """Above zero where it is better, for every metric; nan where undefined."""
    low: float
    """Bounds of the paired bootstrap, one-sided at 95 % confidence; nan of too few rows."""
    high: float


@dataclass(frozen=True)
class Alike:
    """How alike two models answer the same rows."""

    rows: int
    distance: float
    """Kolmogorov-Smirnov distance of their scores, of several scores the largest; nan of none."""
    rank_correlation: float
    """Spearman's, of several scores the least; nan where undefined."""
    changed: float
    """Share of the rows that are decided otherwise; nan where nothing is decided."""


@dataclass(frozen=True)
class BesideSlice:
    """A challenger beside the champion on one slice of the partition."""

    slice: str
    """``column=value``."""
    alike: Alike


@dataclass(frozen=True)
class Shadow:
    """A challenger that scored the same rows in shadow."""

    model_version: str
    as_of: datetime
    """The bound of knowledge of its training."""
    rows: int
    """Rows of the trailing window that both scored."""
    labelled: int
    """Of these, rows whose labels have matured."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Its metrics on the labelled rows."""
    champion: Mapping[str, float] = field(default_factory=dict)
    """The champion's on the same rows."""
    differing: float = float("nan")
    """Share of the partition's rows that would be decided otherwise; nan where nothing is."""
    gains: Mapping[str, Gain] = field(default_factory=dict)
    """Metric → how much better it does on the labelled rows."""
    night: Alike | None = None
    """How alike both answer this partition; ``None`` where the challenger did not score it."""
    slices: tuple[BesideSlice, ...] = ()
    """The same on its slices, those of the gate."""
    partitions: int = 0
    """Partitions of the trailing window that it scored in shadow."""
    fault: str | None = None
    """Why it could not score this partition; ``None`` where it did."""
    answered: int = 0
    """Rows of the partition that it answered itself, as a canary."""


@dataclass(frozen=True)
class Cost:
    """What a run of the night happened to cost, against those before."""

    run: str
    """``score``, ``monitor``, ``train``, or ``ingest/<dataset>``."""
    measure: str
    """``seconds``, ``rows_per_second`` or ``peak_memory_bytes``."""
    value: float
    usual: float
    """Median over those before; nan without any."""
    ratio: float
    """Value over what is usual; nan where either is unknown."""
    runs: int
    """Runs before it that were observed."""
