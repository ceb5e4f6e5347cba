"""Performance of a night's trailing window: what was realised, expected, and of whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from laurel.domain import performance as measured
from laurel.domain.config import UseCaseConfig
from laurel.domain.estimates import estimate_errors, night_estimates
from laurel.domain.feedback import find_feedback
from laurel.domain.losses import metrics_of
from laurel.domain.objective import Numbers, Objective
from laurel.domain.objective.base import DECISION
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts
from laurel.domain.report import Realised
from laurel.domain.slice_gaps import by_week, gaps
from laurel.domain.surroundings import Feedback


def window_of(trailing: pd.DataFrame, partition: Partition, *, days: int) -> pd.DataFrame:
    """The rows of a trailing window that ends with the partition."""
    names = trailing["partition"].astype(str)
    return trailing[(names >= partition.shifted(1 - days).key) & (names <= partition.key)]


def realise(
    window: pd.DataFrame,
    config: UseCaseConfig,
    *,
    partition: Partition,
    version: str,
    objective: Objective,
    scores: Numbers,
    counts: Mapping[str, Counts],
) -> Realised:
    """What is known of the window's performance, and what to expect of the partition.

    window: scored rows with ``label``, ``partition``, ``model_version``; version: the champion's;
    scores: of the partition's rows; counts: partition → its counts, the partition's own too.
    """
    own = window[window["model_version"].astype(str) == version]
    slices, rules = sliced_columns(config), config.monitoring
    labels, said = measured.matured(own, objective=objective)
    days = measured.by_day(window, objective=objective)
    expected = {key: metrics_of(each["losses"]) for key, each in counts.items() if "losses" in each}
    nights = night_estimates(own, days, objective=objective, expected=expected)
    periods = by_week(own, slices, last=partition, objective=objective)
    return Realised(
        champion=measured.measure(own, objective=objective),
        served=measured.measure(window, objective=objective),
        days=days,
        calibration=measured.calibration(labels, said, objective=objective),
        slices=measured.by_slice(own, slices, objective=objective, minimum_rows=rules.minimum_rows),
        estimate=expected.get(partition.key) or measured.estimate(scores, objective=objective),
        nights=nights,
        estimate_errors=estimate_errors(nights),
        slice_periods=periods,
        gaps=gaps(periods, protected=frozenset(config.gate.protected)),
    )


def sliced_columns(config: UseCaseConfig) -> tuple[str, ...]:
    """The columns of the rows by whose values performance is told apart, each once."""
    return tuple(dict.fromkeys((*config.gate.slices, *config.gate.protected)))


def feedback_of(
    window: pd.DataFrame, config: UseCaseConfig, *, partition: Partition, objective: Objective
) -> Feedback | None:
    """Whether labels that are due depend on what was decided; ``None`` where nothing is."""
    if not objective.terms.threshold or DECISION not in window.columns:
        return None
    decided: pd.Series[Any] = window[DECISION]
    if not decided.notna().any():
        return None
    due = window["partition"].astype(str) <= partition.shifted(-config.label.delay_days).key
    rows = window[due & decided.notna()]
    labelled = ~np.isnan(objective.encode(rows["label"]))
    return find_feedback(rows[DECISION].astype("boolean"), labelled)
