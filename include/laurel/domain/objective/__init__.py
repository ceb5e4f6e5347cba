"""Objectives: all that differs between learning a class, a number and a count, in one entry each.

Nothing else in the package asks which objective it has before it: it asks the entry.
"""

from __future__ import annotations

from laurel.domain.objective.base import Numbers, Objective
from laurel.domain.objective.champion import as_learned, check_same_objective
from laurel.domain.objective.registry import OBJECTIVES, find_objective, judged_objective

__all__ = [
    "OBJECTIVES",
    "Numbers",
    "Objective",
    "as_learned",
    "check_same_objective",
    "find_objective",
    "judged_objective",
]
