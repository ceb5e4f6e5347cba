"""Evidence: the record that the gate reads, and how it is measured."""

from __future__ import annotations

from laurel.domain.evidence.gauge import CONFIDENCE, DIGITS
from laurel.domain.evidence.measuring import UNCALIBRATED, Groups, measure, measure_groups
from laurel.domain.evidence.record import (
    Bounds,
    Comparison,
    Evidence,
    Gap,
    Group,
    Measure,
    Reliability,
    Scope,
    Trivial,
    confidence_key,
)

__all__ = [
    "CONFIDENCE",
    "DIGITS",
    "UNCALIBRATED",
    "Bounds",
    "Comparison",
    "Evidence",
    "Gap",
    "Group",
    "Groups",
    "Measure",
    "Reliability",
    "Scope",
    "Trivial",
    "confidence_key",
    "measure",
    "measure_groups",
]
