"""Findings → alarms: which of them a person should look at, gravest first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from laurel.domain.alarms.raised import Alarm
from laurel.domain.config import AtLeast, AtMost, Monitoring
from laurel.domain.drift import SEVERITIES, WEEK, FeatureDrift, bound_above
from laurel.domain.report import (
    Comparison,
    DataWarning,
    Freshness,
    Quarantined,
    Realised,
    Skew,
    named,
)
from laurel.domain.train_serve import TrainServe


def raise_alarms(
    *,
    monitoring: Monitoring,
    comparisons: Sequence[Comparison],
    realised: Realised,
    freshness: Sequence[Freshness],
    warnings: Sequence[DataWarning],
    quarantine: Sequence[Quarantined],
    skew: Skew | None,
    train_serve: TrainServe | None = None,
) -> tuple[tuple[Alarm, ...], tuple[str, ...]]:
    """The alarms, critical ones first, and notes on what could not be judged."""
    enough = realised.champion.labelled >= monitoring.minimum_rows
    alarms = [
        *(_performance(realised, monitoring.performance) if enough else ()),
        *_scores(comparisons, monitoring),
        *_features(comparisons, monitoring),
        *(_quarantined(entry) for entry in quarantine),
        *(_stale(item) for item in freshness if item.days is None or item.days > item.allowed),
        *_skewed(skew),
        *_served_otherwise(train_serve),
        *_warned(warnings),
    ]
    alarms.sort(key=lambda alarm: SEVERITIES.index(alarm.severity))
    return tuple(alarms), tuple(_notes(monitoring, comparisons, realised))


def _performance(realised: Realised, bounds: Sequence[AtLeast | AtMost]) -> Iterator[Alarm]:
    known = realised.champion
    for bound in bounds:
        found = known.metrics[bound.metric]
        low = bound.kind == "at_least"
        if not (found < bound.value if low else found > bound.value):
            continue
        word = "below" if low else "above"
        yield Alarm(
            check=f"performance/{bound.metric}",
            severity="critical",
            found=f"{found:.4f}",
            bound=f"{'at least' if low else 'at most'} {bound.value:g}",
            reason=f"{bound.metric} is {found:.3f} on {known.labelled:,} matured labels, {word} "
            f"the bound of {bound.value:g}",
        )


def _features(comparisons: Sequence[Comparison], monitoring: Monitoring) -> Iterator[Alarm]:
    """One alarm per feature, by the comparison that shows it most gravely."""
    found: dict[str, tuple[FeatureDrift, Comparison]] = {}
    for comparison in comparisons:
        for drift in comparison.features:
            if drift.name not in found or _grave(drift) < _grave(found[drift.name][0]):
                found[drift.name] = (drift, comparison)
    for drift, comparison in sorted(found.values(), key=lambda pair: _grave(pair[0])):
        yield from _drifted(drift, comparison, monitoring=monitoring)


def _scores(comparisons: Sequence[Comparison], monitoring: Monitoring) -> Iterator[Alarm]:
    """One alarm for all scores of a row, by the one that shows it most gravely."""
    pairs = [(drift, comparison) for comparison in comparisons for drift in comparison.scores]
    if pairs:
        drift, comparison = min(pairs, key=lambda pair: _grave(pair[0]))
        yield from _drifted(drift, comparison, monitoring=monitoring)


def _drifted(
    drift: FeatureDrift, comparison: Comparison, *, monitoring: Monitoring
) -> Iterator[Alarm]:
    if drift.severity not in ("warning", "critical"):
        return
    critical = drift.severity == "critical"
    bound = monitoring.psi_critical if critical else monitoring.psi_warning
    scored = drift.kind == "score"
    name = f"the {named(drift.name)}" if scored else drift.name
    chance = "p < 1e-12" if drift.p_value < 1e-12 else f"p {drift.p_value:.1g}"
    yield Alarm(
        check="score_drift" if scored else f"drift/{drift.name}",
        severity="critical" if critical else "warning",
        found=f"PSI {drift.psi:.2f}, {chance}",
        bound=f"PSI below {bound_above(drift.usual, bound):.2f}",
        reason=f"{name} has drifted, {comparison.title}: {drift.reason}",
    )


def _grave(drift: FeatureDrift) -> tuple[int, float]:
    return SEVERITIES.index(drift.severity), 0.0 if math.isnan(drift.psi) else -drift.psi


def _quarantined(entry: Quarantined) -> Alarm:
    first = entry.reasons[0] if entry.reasons else "no reason given"
    return Alarm(
        check=f"quarantine/{entry.dataset}",
        severity="critical",
        found=_counted(len(entry.reasons), "reason"),
        bound="nothing in quarantine",
        reason=f"{entry.dataset} is in quarantine: {first}",
    )


def _stale(item: Freshness) -> Alarm:
    found = "no partition" if item.days is None else f"{_counted(item.days, 'day')} behind"
    return Alarm(
        check=f"freshness/{item.dataset}",
        severity="critical" if item.days is None else "warning",
        found=found,
        bound=f"at most {_counted(item.allowed, 'day')} behind",
        reason=f"{item.dataset} is not fresh: {found}",
    )


def _skewed(skew: Skew | None) -> Iterator[Alarm]:
    if skew and skew.differing:
        yield Alarm(
            check="skew",
            severity="warning",
            found=f"{skew.differing:,} of {skew.rows:,} scores differ, by up to {skew.largest:.3g}",
            bound="equal scores",
            reason=f"{skew.differing:,} published scores differ from the same model's scores on "
            "the features as they are known now",
        )


def _served_otherwise(found: TrainServe | None) -> Iterator[Alarm]:
    if found and found.differing:
        yield Alarm(
            check="train_serve",
            severity="warning" if found.restated else "critical",
            found=f"{found.differing:,} of {found.rows:,} rows differ; {found.example}",
            bound="equal features",
            reason=found.reason(),
        )


def _warned(warnings: Sequence[DataWarning]) -> Iterator[Alarm]:
    for dataset in sorted({warning.dataset for warning in warnings}):
        mine = [warning for warning in warnings if warning.dataset == dataset]
        unmet = _counted(len(mine), "expectation")
        yield Alarm(
            check=f"data/{dataset}",
            severity="warning",
            found=f"{unmet} not met",
            bound="every expectation met",
            reason=f"{dataset} did not meet {unmet} of those that warn",
        )


def _notes(
    monitoring: Monitoring, comparisons: Sequence[Comparison], realised: Realised
) -> Iterator[str]:
    need = monitoring.minimum_rows
    if realised.champion.labelled < need:
        yield (
            f"Performance is not judged: {realised.champion.labelled:,} labels of the champion's "
            f"rows have matured, {need:,} are needed."
        )
    else:
        for bound in monitoring.performance:
            if math.isnan(realised.champion.metrics[bound.metric]):
                yield f"{bound.metric} is undefined on the matured labels, so it is not judged."
    for comparison in comparisons:
        if comparison.name != "partition_profile" and comparison.window_days < WEEK:
            yield (
                f"Drift of {comparison.title} is not judged: the champion has fewer than "
                f"{WEEK} days in the window."
            )
        elif min(comparison.rows, comparison.reference_rows) < need:
            yield (
                f"Drift of {comparison.title} is not judged: {comparison.rows:,} against "
                f"{comparison.reference_rows:,} rows, {need:,} are needed on either side."
            )
        elif comparison.name == "partition_profile" and any(
            math.isnan(drift.usual) for drift in comparison.scores
        ):
            yield (
                "What single days usually show is not known, so a feature of the calendar, such "
                "as the weekday, may alarm."
            )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
