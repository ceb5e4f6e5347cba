"""Which nights exceed a bound: the effect has to be large, and chance excluded.

With many checks, one of them exceeds any bound by chance alone. Two corrections: p-values by
Bonferroni's inequality over the checks, and effects by the distribution of their maximum over the
checks on quiet nights (Westfall and Young, Resampling-Based Multiple Testing, Wiley 1993), which
holds however the features depend on one another. Both bound the chance that a quiet night is
flagged at all, which is what wakes a person; Benjamini and Hochberg's procedure (Journal of the
Royal Statistical Society B 57(1), 1995) bounds the share of false flags among the flags instead,
and says nothing of nights on which nothing is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from laurel.domain.alarms.counted import Counted, Floats, chance
from laurel.domain.config import Monitoring
from laurel.domain.drift import ALPHA, bound_above

Bools = NDArray[np.bool_]
Level = Literal["none", "warning", "critical"]


@dataclass(frozen=True)
class Bound:
    """The index from which on a check is flagged, and from which on that is critical."""

    warning: float
    critical: float


def learned_bound(counted: Counted, factor: float, *, rules: Monitoring) -> Bound:
    """A learned multiple of what is usual, but never less than the use case calls an effect."""
    warning = max(rules.psi_warning, factor * counted.scale)
    return Bound(warning, max(rules.psi_critical, warning * rules.psi_critical / rules.psi_warning))


def stated_bound(counted: Counted, *, rules: Monitoring) -> Bound:
    """The bound where nothing is learned: what is usual in training, and the use case's on top."""
    return Bound(
        bound_above(counted.scale, rules.psi_warning),
        bound_above(counted.scale, rules.psi_critical),
    )


def flagged(
    reference: Floats, nights: Floats, found: Floats, *, bound: float, tests: int, rows: int
) -> Bools:
    """Which nights are flagged: enough rows, an index at the bound, and no chance.

    nights: counts of shape (…, bins); found: their index, of shape (…).
    """
    enough = (nights.sum(axis=-1) >= rows) & (reference.sum() >= rows)
    exceeding: Bools = enough & (np.nan_to_num(found) >= bound)
    if not exceeding.any():
        return exceeding
    with np.errstate(invalid="ignore"):
        told = np.zeros(exceeding.shape, dtype=bool)
        # the test is costly, and most nights are below the bound
        told[exceeding] = chance(reference, nights[exceeding]) * tests < ALPHA
    return told


def judgeable(counted: Counted, *, rows: int) -> Bools:
    """Which nights have rows enough to be judged at all."""
    enough: Bools = (counted.rows >= rows) & bool(counted.reference.sum() >= rows)
    return enough


def level(index: float, *, flag: bool, bound: Bound) -> Level:
    """How grave a night is.

    >>> level(0.3, flag=True, bound=Bound(0.1, 0.25))
    'critical'
    """
    if not flag:
        return "none"
    return "critical" if index >= bound.critical else "warning"


def plain(value: Any) -> float | None:
    """A number for a document; ``None`` where it is undefined."""
    return None if value is None or not np.isfinite(value) else float(value)
