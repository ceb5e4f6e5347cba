"""Monitor: does the champion still deserve the crown? Frames in, a report out, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from laurel.adapters.xgboost.separating import separate
from laurel.domain.alarm import raise_alarms
from laurel.domain.lateness import LabelCounts
from laurel.domain.objective import judged_objective
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts
from laurel.domain.realising import feedback_of, realise, window_of
from laurel.domain.report import (
    ChampionFacts,
    DataWarning,
    Freshness,
    Quarantined,
    Report,
)
from laurel.domain.sampling import MEASURED, night_rows, together
from laurel.domain.separation import Separation
from laurel.domain.surroundings import (
    Dependencies,
    SchemaChange,
    Shadow,
    Staleness,
    Volume,
)
from laurel.domain.train_serve import TrainServe
from laurel.domain.windows import Counted, compare_windows, whole_weeks
from laurel.stages.seen import Seen, expect_columns
from laurel.usecase import UseCase

FRESH_DAYS = 1
SHOWN = 5
"""Nights that a note names."""
TRAILED = ("label", "partition", "model_version")


@dataclass(frozen=True)
class MonitorInput:
    """What a report is made of, all of it known at the end of the partition."""

    partition: Partition
    champion: ChampionFacts
    seen: Seen
    """The partition's own rows, from :func:`laurel.stages.seen.see`."""
    trailing: pd.DataFrame
    """Predictions of the trailing window: scores, ``label`` (missing until it has matured),
    ``partition``, ``model_version``; and the columns of the gate's slices where at hand."""
    trailing_counts: Mapping[str, Counts] = field(default_factory=dict)
    """Partition → its counts over the champion's profile: ``counts`` of earlier reports, or from
    :func:`laurel.domain.profile.bin_counts`."""
    newest: Mapping[str, Partition | None] = field(default_factory=dict)
    """Dataset → its newest partition that was known at the end of this one."""
    warnings: tuple[DataWarning, ...] = ()
    quarantine: tuple[Quarantined, ...] = ()
    labels: LabelCounts | None = None
    """How the labels of the trailing window came."""
    train_serve: TrainServe | None = None
    """Sampled rows of the newest training, featurized as scoring does."""
    sampled: Mapping[str, int] = field(default_factory=dict)
    """Partition of ``trailing`` → its rows in all, where only a sample of them is there."""
    reference: pd.DataFrame | None = None
    """A sample of the feature rows that the champion learned from."""
    samples: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Partition → a sample of its feature rows, of the champion's earlier partitions."""
    staleness: Staleness | None = None
    volumes: tuple[Volume, ...] = ()
    dependencies: Dependencies | None = None
    schemas: tuple[SchemaChange, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    """Challengers that scored the same rows in shadow."""


def monitor(usecase: UseCase, given: MonitorInput) -> Report:
    """Report on one partition.

    Equal inputs make equal reports. Raises :class:`DataError` when columns are missing, and
    :class:`ConfigError` for a bound on a metric that does not exist.
    """
    rules, objective = usecase.config.monitoring, judged_objective(usecase.config)
    bounds = {objective.metric(b.metric).name: (b.kind, b.value) for b in rules.performance}
    counts, columns = given.seen.counts, (*objective.score_columns, *TRAILED)
    expect_columns(given.trailing, columns, usecase=usecase, partition=given.partition)
    window = window_of(given.trailing, given.partition, days=rules.reference_days)
    realised = realise(
        window,
        usecase.config,
        version=given.champion.model_version,
        scores=given.seen.scores,
        counts={**given.trailing_counts, given.partition.key: counts},
        partition=given.partition,
        objective=objective,
    )
    counted = Counted(
        profile=dict(given.champion.profile),
        counts=counts,
        days=given.trailing_counts,
        objective=objective,
        threshold=usecase.config.scoring.threshold,
    )
    found = _separations(given, days=rules.reference_days)
    comparisons = tuple(
        replace(each, separation=found[each.name])
        for each in compare_windows(counted, given.partition, rules=rules)
    )
    freshness = _freshness(usecase, given)
    alarms, notes = raise_alarms(
        monitoring=rules,
        comparisons=comparisons,
        realised=realised,
        freshness=freshness,
        warnings=given.warnings,
        quarantine=given.quarantine,
        skew=given.seen.skew,
        train_serve=given.train_serve,
    )
    curable = ("drift/", "score_drift", "performance/")
    age = given.partition.end - given.champion.as_of
    return Report(
        usecase=usecase.name,
        title=usecase.config.title,
        partition=given.partition.key,
        champion=given.champion,
        champion_age_days=age.total_seconds() / 86_400,
        rows=given.seen.rows,
        mean_scores=given.seen.mean_scores,
        decided=given.seen.decided,
        charted=objective.charted,
        comparisons=comparisons,
        realised=realised,
        freshness=freshness,
        warnings=given.warnings,
        quarantine=given.quarantine,
        skew=given.seen.skew,
        alarms=alarms,
        notes=(*notes, *_sampled(given.sampled)),
        sampled=given.sampled,
        minimum_rows=rules.minimum_rows,
        window_days=rules.reference_days,
        bounds=bounds,
        retrain=rules.retrain
        and any(a.severity == "critical" and a.check.startswith(curable) for a in alarms),
        counts=counts,
        labels=given.labels,
        train_serve=given.train_serve,
        staleness=given.staleness,
        volumes=given.volumes,
        dependencies=given.dependencies,
        schemas=given.schemas,
        feedback=feedback_of(
            window, usecase.config, partition=given.partition, objective=objective
        ),
        shadows=given.shadows,
    )


def _separations(given: MonitorInput, *, days: int) -> dict[str, Separation | None]:
    """Whether a classifier tells the rows of two windows apart; ``None`` where none were kept."""
    first = given.partition.shifted(-days).key
    nights = [
        given.samples[day] for day in sorted(given.samples) if first <= day < given.partition.key
    ]
    own = given.seen.sample
    # the rows with the least hashes come first
    night = own.head(night_rows(len(own.columns)))
    sides = {
        "partition_profile": (given.reference, own),
        "partition_window": (together(whole_weeks(nights)), own),
        "window_profile": (given.reference, together(whole_weeks([*nights, night]))),
    }
    return {
        name: None if then is None or now is None else separate(then, now)
        for name, (then, now) in sides.items()
    }


def _freshness(usecase: UseCase, given: MonitorInput) -> tuple[Freshness, ...]:
    config, found = usecase.config, []
    for dataset, newest in sorted(given.newest.items()):
        delay = config.label.delay_days if dataset == config.labels_name else 0
        days = (given.partition.day - newest.day).days if newest else None
        key = newest.key if newest else None
        found.append(Freshness(dataset, key, days, allowed=FRESH_DAYS + delay))
    return tuple(found)


def _sampled(nights: Mapping[str, int]) -> Iterator[str]:
    if nights:
        named = ", ".join(sorted(nights)[:SHOWN]) + (" …" if len(nights) > SHOWN else "")
        yield (
            f"Performance of {named} is measured on about {MEASURED:,} rows each, those whose keys "
            "have the least hashes."
        )
