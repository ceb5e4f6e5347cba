"""What a check of a model's features finds: their gain beside what they are, and simpler models."""

from __future__ import annotations

from laurel.domain.examination.columns import ColumnFacts, describe_columns
from laurel.domain.examination.effect import Effect, measure_effect, shuffled
from laurel.domain.examination.finding import Examined, Finding, Group, Rival, judge, stand

__all__ = [
    "ColumnFacts",
    "Effect",
    "Examined",
    "Finding",
    "Group",
    "Rival",
    "describe_columns",
    "judge",
    "measure_effect",
    "shuffled",
    "stand",
]
