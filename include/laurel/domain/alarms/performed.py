"""Performance of the last nights, each as it was known then, against bounds given and learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from laurel.domain.alarms.judged import Level
from laurel.domain.alarms.learned import Learned
from laurel.domain.config import Monitoring
from laurel.domain.history import KNOWN_AT
from laurel.domain.objective import Objective
from laurel.domain.partition import Partition
from laurel.domain.performance import Performance, measure

PREFIX = "performance/"


@dataclass(frozen=True)
class Measured:
    """What a night's window said of one metric."""

    metric: str
    found: float
    labelled: int
    level: Level
    bound: str
    """The bound that was broken, or the one that was given, in words."""


def measure_nights(
    trailing: pd.DataFrame,
    nights: Sequence[Partition],
    *,
    model_version: str,
    objective: Objective,
    rules: Monitoring,
    learned: Mapping[str, Learned],
) -> dict[str, tuple[Measured, ...]]:
    """The champion's performance over the trailing window up to each night, as known then.

    trailing: predictions with labels, ``partition``, ``model_version`` and, where more than the
    last night is asked for, ``known_at`` of the label. The window of an earlier night is cut at
    the first day of the last one's, so that no night depends on what the last one does not read.
    Nights with too few labels, and metrics that are undefined, are left out.
    """
    own = trailing[trailing["model_version"].astype(str) == model_version]
    first = nights[-1].shifted(1 - rules.reference_days).key
    days = own["partition"].astype(str)
    found = {}
    for night in nights:
        seen = own[(days >= first) & (days <= night.key)]
        if night != nights[-1]:
            if KNOWN_AT not in seen.columns:
                continue
            known = seen[KNOWN_AT] <= pd.Timestamp(night.end)
            seen = seen.assign(label=seen["label"].where(known))
        performance = measure(seen, objective=objective)
        if performance.labelled >= rules.minimum_rows:
            found[night.key] = tuple(
                judged
                for metric in performance.metrics
                if (judged := _judge(metric, performance, objective, rules, learned)) is not None
            )
    return found


def _judge(
    metric: str,
    performance: Performance,
    objective: Objective,
    rules: Monitoring,
    learned: Mapping[str, Learned],
) -> Measured | None:
    value = performance.metrics[metric]
    given = [bound for bound in rules.performance if bound.metric == metric]
    known = learned.get(f"{PREFIX}{metric}")
    if math.isnan(value) or not (given or known):
        return None
    for bound in given:
        low = bound.kind == "at_least"
        if value < bound.value if low else value > bound.value:
            said = f"{'at least' if low else 'at most'} {bound.value:g}"
            return Measured(metric, value, performance.labelled, "critical", said)
    if known is None or math.isnan(known.factor):
        return Measured(metric, value, performance.labelled, "none", "")
    upward = objective.metrics[metric].bigger_is_better
    said = f"{'at least' if upward else 'at most'} {known.factor:.4g}, learned"
    broken = value < known.factor if upward else value > known.factor
    return Measured(metric, value, performance.labelled, "warning" if broken else "none", said)
