"""The comparisons of a report: a partition and its trailing window, against training and habit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, TypeVar

from laurel.domain import correlation
from laurel.domain.config import Monitoring
from laurel.domain.drift import WEEK, FeatureDrift, compare, compare_column, compare_scores
from laurel.domain.drift import usual_psi as usual_of
from laurel.domain.entry import shape_of
from laurel.domain.objective import Objective
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts, empty_counts, merge
from laurel.domain.report import Comparison

AGAINST_TRAINING = "this partition against training"
AGAINST_WINDOW = "this partition against the trailing window"
Day = TypeVar("Day")
WINDOW = "the trailing window against training"


@dataclass(frozen=True)
class Counted:
    """What windows are compared by: counts over one profile."""

    profile: Counts
    counts: Counts
    """Of the partition."""
    days: Mapping[str, Counts]
    """Of the champion's earlier partitions."""
    objective: Objective
    threshold: float | None
    """The score from which a row is decided positive."""


def compare_windows(
    counted: Counted, partition: Partition, *, rules: Monitoring
) -> Iterator[Comparison]:
    """The partition against training and the trailing window, and the window against training."""
    profile = with_decisions(counted)
    first = partition.shifted(-rules.reference_days).key
    days = [counted.days[day] for day in sorted(counted.days) if first <= day < partition.key]
    past, recent = whole_weeks(days), whole_weeks([*days, counted.counts])
    window, least = total(profile, past), rules.minimum_rows
    usual = profile.get("usual") or {"day": usual_of(profile, days, minimum_rows=least)}
    habit = usual_of(window, days, minimum_rows=least)
    cases: tuple[tuple[Any, str, Counts, Counts, Any, int], ...] = (
        (
            "partition_profile",
            AGAINST_TRAINING,
            profile,
            counted.counts,
            usual["day"],
            len(days),
        ),
        ("partition_window", AGAINST_WINDOW, window, counted.counts, habit, len(past)),
        (
            "window_profile",
            WINDOW,
            profile,
            total(profile, recent),
            usual.get("week", {}),
            len(recent),
        ),
    )
    for name, title, reference, current, habits, length in cases:
        said: dict[str, Any] = {"monitoring": rules, "profile": profile}
        yield Comparison(
            name=name,
            title=title,
            window_days=length,
            reference_rows=reference["rows"],
            rows=current["rows"],
            features=_weighed(
                compare(reference, current, usual=habits.get("features"), **said), profile
            ),
            scores=compare_scores(reference, current, usual=habits.get("scores"), **said),
            decisions=tuple(_decisions(reference, current, rules=rules)),
            correlations=tuple(_correlations(reference, current)),
        )


def whole_weeks(days: Sequence[Day]) -> list[Day]:
    """The last days that make whole weeks, so that no weekday weighs more than another."""
    return list(days[len(days) % WEEK :])


def total(profile: Mapping[str, Any], days: Sequence[Counts]) -> Counts:
    """The counts of some days together."""
    return reduce(merge, days, empty_counts(profile))


def with_decisions(counted: Counted) -> Counts:
    """The profile with what the champion would have decided of its reference scores.

    Above a threshold, it is read from the fine histogram of the scores, to half a percent.
    """
    profile, threshold = counted.profile, counted.threshold
    if "decided" in profile or threshold is None or counted.objective.classes:
        return profile
    if not counted.objective.terms.threshold:
        return profile
    scores = profile["scores"]["score"]
    shape = shape_of(scores, scores)
    if shape is None or not sum(shape.counts):
        return profile
    rows = sum(shape.counts)
    idle = round(rows * shape.share_below(threshold))
    counts = {level: n for level, n in (("False", idle), ("True", rows - idle)) if n}
    decided = {"kind": "categorical", "counts": counts, "missing": 0}
    return {**profile, "decided": decided}


def _weighed(
    found: tuple[FeatureDrift, ...], profile: Mapping[str, Any]
) -> tuple[FeatureDrift, ...]:
    shares = profile.get("importance", {})
    return tuple(replace(each, importance=shares.get(each.name, math.nan)) for each in found)


def _decisions(reference: Counts, current: Counts, *, rules: Monitoring) -> Iterator[FeatureDrift]:
    if "decided" in reference and "decided" in current:
        yield compare_column("decision", reference["decided"], current["decided"], monitoring=rules)


def _correlations(reference: Counts, current: Counts) -> list[correlation.CorrelationChange]:
    if "together" not in reference or "together" not in current:
        return []
    return correlation.changes(reference["together"], current["together"])
