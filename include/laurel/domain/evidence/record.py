"""Evidence as it is kept: what the hold-out says of a challenger and of what it must beat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from laurel.domain.canonical import digest
from laurel.domain.config import Cost, Frozen
from laurel.domain.metric import with_cost
from laurel.domain.objective import OBJECTIVES, Objective
from laurel.domain.reliability import CalibrationBin

Bounds = dict[str, tuple[float, float] | None]
"""confidence as text → one-sided lower and upper bound; None where undefined."""


class Measure(Frozen):
    """A metric of the challenger."""

    value: float | None
    """``None`` where undefined."""
    bounds: Bounds


class Comparison(Frozen):
    """A metric of the challenger and of a reference on the same rows.

    ``gain`` and its bounds are above zero where the challenger is better, for every metric.
    """

    challenger: float | None
    reference: float | None
    gain: float | None
    bounds: Bounds


class Scope(Frozen):
    """All hold-out rows, or a slice of them."""

    slice: str | None
    """``column=value``, of a crossing ``column=value & column=value``; ``None`` for all rows."""
    rows: int
    labels: dict[str, float]
    """What is said of the labels: how many positive, of each class, their mean, their sum."""
    metrics: dict[str, Measure]
    compared_rows: int
    """Rows on which challenger and champion are compared: none of them learned from them."""
    champion: dict[str, Comparison]
    """Empty without a champion."""


class Group(Frozen):
    """A group of a protected column, and what was found of it."""

    value: str
    rows: int
    found: float | None


class Gap(Frozen):
    """How far a metric, or a rate of what is predicted, lies apart between the groups of a column.

    Groups with too few rows, or where it is undefined, do not count.
    """

    column: str
    metric: str
    groups: tuple[Group, ...]
    """All groups, also those that do not count."""
    low: str | None
    """The group with the lowest value; ``None`` with fewer than two groups that count."""
    high: str | None
    gap: float | None
    """Between the two."""
    bounds: Bounds


class Trivial(Frozen):
    """Models that any challenger should beat: a constant of the training days, a simple model."""

    metrics: dict[str, dict[str, float | None]]
    constant: Comparison
    """By the objective's ``against_constant``."""
    simple: Comparison
    """By the objective's ``against_simple``."""


class Reliability(Frozen):
    """How true the challenger's scores come on the hold-out, in bins of equally many rows."""

    method: str
    """How the scores were calibrated, or ``none``."""
    curve: tuple[CalibrationBin, ...]
    before: tuple[CalibrationBin, ...]
    """Before calibration; empty without one."""
    error_before: float | None
    """The calibration error before calibration; ``None`` without one."""


class Evidence(Frozen):
    """Everything the gate reads.

    What has a default was added by a later version of the document; a document that was written
    without it is read, judged and written again as it was.
    """

    version: int = 1
    """Of the document: 2 knows costs, crossings, gaps, and the champion's age and faults."""
    usecase: str
    objective: str
    classes: tuple[int | str, ...]
    as_of: str
    holdout: tuple[str, str]
    champion: str | None
    """The champion's model version; ``None`` when there is none."""
    champion_as_of: str | None = None
    champion_fault: str | None = None
    """Why the champion cannot score these rows; ``None`` where it can."""
    same_model: bool = False
    """Whether challenger and champion are one model: the same trees, features and calibration."""
    trimmed: int
    """Hold-out rows left out of the comparison: the champion may have learned from them."""
    reload_identical: bool
    """Whether the saved model, loaded again, gave the scores that it gave when it was trained."""
    resamples: int
    resample: str = "rows"
    """What a resample draws: ``rows``, or whole ``days``."""
    seed: int
    threshold: float | None = None
    """From which score on a row is decided positive; ``None`` where nothing is decided so."""
    cost: Cost | None = None
    """What decisions cost, its threshold a number."""
    overall: Scope
    slices: tuple[Scope, ...]
    trivial: Trivial
    reliability: Reliability
    gaps: tuple[Gap, ...] = ()

    @property
    def learned(self) -> Objective:
        """The objective of the models that were compared."""
        entry = OBJECTIVES[self.objective]
        metrics = with_cost(entry.metrics, self.cost, classes=self.classes)
        return replace(entry, classes=self.classes, metrics=metrics)

    def document(self) -> dict[str, Any]:
        """Plain JSON values: of what was read, no more than was there."""
        return self.model_dump(mode="json", exclude_unset=True)

    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return digest(self.document())


def confidence_key(confidence: float) -> str:
    """A confidence as a key of :data:`Bounds`.

    >>> confidence_key(0.95), confidence_key(0.9)
    ('0.95', '0.9')
    """
    return f"{confidence:g}"
