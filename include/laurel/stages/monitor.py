"""Monitor: does the champion still deserve the crown? Frames in, a report out, nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from laurel.adapters.xgboost.separating import separate
from laurel.domain.alarm import raise_alarms
from laurel.domain.lateness import LabelCounts
from laurel.domain.losses import sum_losses
from laurel.domain.objective import Objective, judged_objective
from laurel.domain.objective.base import DECISION
from laurel.domain.partition import Partition
from laurel.domain.profile import Counts, bin_counts
from laurel.domain.realising import feedback_of, realise, window_of
from laurel.domain.report import (
    ChampionFacts,
    DataWarning,
    Freshness,
    Quarantined,
    Report,
    Skew,
)
from laurel.domain.sampling import REFERENCE_ROWS, night_rows, sample_rows, together
from laurel.domain.separation import Separation
from laurel.domain.surroundings import (
    Cost,
    Dependencies,
    SchemaChange,
    Shadow,
    Staleness,
    Volume,
)
from laurel.domain.train_serve import TrainServe
from laurel.domain.windows import Counted, compare_windows, whole_weeks
from laurel.errors import DataError
from laurel.usecase import UseCase

SAME_SCORE = 1e-6
FRESH_DAYS = 1
TRAILED = ("label", "partition", "model_version")


@dataclass(frozen=True)
class MonitorInput:
    """What a report is made of, all of it known at the end of the partition."""

    partition: Partition
    champion: ChampionFacts
    features: pd.DataFrame
    """The partition's features by the champion's own code, one row per prediction, same order."""
    predictions: pd.DataFrame
    """The partition's predictions: its scores, and ``decision`` where the objective decides."""
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
    rescored: NDArray[np.floating[Any]] | None = None
    """The champion's scores on ``features``, computed anew, to compare with the published ones."""
    labels: LabelCounts | None = None
    """How the labels of the trailing window came."""
    train_serve: TrainServe | None = None
    """Sampled rows of the newest training, featurized as scoring does."""
    losses: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """The losses to be expected of each of the partition's rows, where the model can say."""
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
    observed: Mapping[str, float] = field(default_factory=dict)
    """What the runs cost: ``seconds``, ``rows_per_second``, ``peak_memory_bytes``, …"""
    costs: tuple[Cost, ...] = ()


def monitor(usecase: UseCase, given: MonitorInput) -> Report:
    """Report on one partition.

    Equal inputs make equal reports. Raises :class:`DataError` when columns or features are
    missing, or when features and predictions are not the same rows, and :class:`ConfigError` for
    a bound on a metric that does not exist.
    """
    rules, objective = usecase.config.monitoring, judged_objective(usecase.config)
    bounds = {objective.metric(b.metric).name: (b.kind, b.value) for b in rules.performance}
    columns = objective.score_columns
    predicted = (*columns, *((DECISION,) if objective.decision else ()))
    _require(given.predictions, predicted, usecase=usecase, given=given)
    _require(given.trailing, (*columns, *TRAILED), usecase=usecase, given=given)
    scores = objective.scores(given.predictions, columns)
    said = given.predictions[DECISION] if objective.decision else None
    decided = None if said is None or not said.notna().any() else said
    counts = bin_counts(given.champion.profile, given.features, scores, decided=decided)
    if given.losses:
        counts = {**counts, "losses": sum_losses(given.losses)}
    window = window_of(given.trailing, given.partition, days=rules.reference_days)
    realised = realise(
        window,
        usecase.config,
        version=given.champion.model_version,
        scores=scores,
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
    skew = _skew(scores, given.rescored)
    alarms, notes = raise_alarms(
        monitoring=rules,
        comparisons=comparisons,
        realised=realised,
        freshness=freshness,
        warnings=given.warnings,
        quarantine=given.quarantine,
        skew=skew,
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
        rows=len(given.predictions),
        mean_scores={
            name: _mean(column) for name, column in objective.columns(scores, columns).items()
        },
        decided=_decided(given.predictions, objective),
        charted=objective.charted,
        comparisons=comparisons,
        realised=realised,
        freshness=freshness,
        warnings=given.warnings,
        quarantine=given.quarantine,
        skew=skew,
        alarms=alarms,
        notes=notes,
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
        observed=given.observed,
        costs=given.costs,
    )


def _separations(given: MonitorInput, *, days: int) -> dict[str, Separation | None]:
    """Whether a classifier tells the rows of two windows apart; ``None`` where none were kept."""
    first = given.partition.shifted(-days).key
    nights = [
        given.samples[day] for day in sorted(given.samples) if first <= day < given.partition.key
    ]
    own = sample_rows(given.features, most=REFERENCE_ROWS)
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


def _skew(scores: NDArray[Any], rescored: NDArray[Any] | None) -> Skew | None:
    if rescored is None or not len(scores):
        return None
    now = np.asarray(rescored, dtype=float)
    gaps = np.abs(scores - now)
    # of probabilities a millionth, of other scores a millionth of their size
    same = gaps <= SAME_SCORE * np.maximum(1.0, np.abs(scores))
    differing = ~same & ~(np.isnan(scores) & np.isnan(now))
    largest = float(np.nanmax(gaps)) if np.isfinite(gaps).any() else math.nan
    rows = differing.reshape(len(scores), -1).any(axis=1)
    return Skew(rows=len(scores), differing=int(rows.sum()), largest=largest)


def _decided(predictions: pd.DataFrame, objective: Objective) -> dict[str, float]:
    """Shares of what was decided: of positives, or of each class; empty where nothing is."""
    if objective.decision is None or not predictions[DECISION].notna().any():
        return {}
    said = predictions[DECISION]
    if not objective.classes:
        return {"positive": _mean(said.to_numpy("float64", na_value=np.nan))}
    known = said.dropna().astype(str)
    return {str(each): float((known == str(each)).mean()) for each in objective.classes}


def _mean(values: NDArray[Any]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _require(
    frame: pd.DataFrame, columns: tuple[str, ...], *, usecase: UseCase, given: MonitorInput
) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise DataError(
            "columns are missing for the report",
            usecase=usecase.name,
            dataset="predictions",
            partition=given.partition.key,
            found=", ".join(map(str, frame.columns)) or "no column",
            expected=", ".join(columns),
        )
