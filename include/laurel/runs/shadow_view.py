"""What a person asks about challengers: who scores beside the champion, and how they compare."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.domain.beside import LABEL, alike, gains_of, realised
from laurel.domain.canonical import instant
from laurel.domain.challengers import canary_at, shadows_at
from laurel.domain.config import PREDICTIONS
from laurel.domain.evidence import Comparison
from laurel.domain.ledger import LedgerEntry
from laurel.domain.objective import judged_objective
from laurel.domain.report import plain
from laurel.domain.surroundings import Alike, Gain
from laurel.errors import NotFound
from laurel.runs.matured import load_stamped, matured
from laurel.runs.shadow import shadow_dataset
from laurel.runs.shown import beside_table
from laurel.runs.site import Site
from laurel.usecase import UseCase


@dataclass(frozen=True)
class Seen:
    """A challenger at a score cutoff."""

    entry: LedgerEntry
    canary: bool
    partitions: int
    """That it has scored in shadow, of whatever time."""

    def sentence(self) -> str:
        """What it does, in a sentence."""
        answers = " and answers a share of the keys" if self.canary else ""
        so_far = f"{self.partitions} partition(s) so far"
        said = f"{self.entry.model_version} scores in shadow{answers}; {so_far}"
        probation = self.entry.probation
        if probation is None:
            return said
        days = f"{probation.first} to {probation.last}"
        return f"{said}; on probation, {days}, to be judged at {instant(probation.until)}"


def challengers_at(site: Site, usecase: UseCase, t: datetime) -> tuple[Seen, ...]:
    """Who scores a partition with cutoff ``t`` beside the champion, in order of as_of."""
    config, state = usecase.config, site.ledger(usecase).read()
    lag = config.decision_lag
    found = {e.as_of: e for e in shadows_at(state, t, lag=lag, asked=config.scoring.shadow)}
    canary = canary_at(state, t, lag=lag, asked=config.scoring.canary)
    if canary is not None:
        found[canary.as_of] = canary
    return tuple(
        Seen(entry, entry == canary, len(_published(site, usecase, entry.model_version or "")))
        for _, entry in sorted(found.items())
    )


@dataclass(frozen=True)
class ShadowComparison:
    """A challenger beside who served, over all partitions that it scored in shadow."""

    model_version: str
    first: str
    last: str
    partitions: int
    alike: Alike
    labelled: int
    metrics: Mapping[str, tuple[float, float]]
    """Metric → the challenger's and the champion's, on the same labels."""
    gains: Mapping[str, Gain]

    def document(self) -> dict[str, Any]:
        """Plain JSON values; undefined numbers are null."""
        found: dict[str, Any] = plain(self)
        return found


def compare_shadow(
    site: Site, usecase: UseCase, version: str, *, known_by: datetime
) -> ShadowComparison:
    """Compare a challenger with who served, by labels that were known at a moment.

    Raises :class:`NotFound` where it scored nothing in shadow by then.
    """
    said = _published(site, usecase, version)
    shadow = {key: each[-1] for key, each in said.items() if each[-1].known_at <= known_by}
    served = site.catalog(usecase, PREDICTIONS).read()
    known = {key: revision for key in shadow if (revision := served.revision(key, known_by))}
    days = sorted(known)
    if not days:
        raise NotFound(
            "this model has scored no partition in shadow",
            usecase=usecase.name,
            found=version,
            hint=f"laurel shadow list {usecase.name}",
        )
    labels = site.catalog(usecase, usecase.config.labels_name).read()
    due = [labels.revision(key, known_by) for key in sorted(labels.revisions) if key >= days[0]]
    with site.workspace() as folder:
        frames = [
            load_stamped(site, lines, folder=folder / name)
            for name, lines in (
                ("shadow", [shadow[day] for day in days]),
                ("served", [known[day] for day in days]),
                ("labels", [each for each in due if each is not None]),
            )
        ]
    labelled = matured(usecase, predictions=frames[1], labels=frames[2])
    table = beside_table(usecase, frames[0], labelled, version=version)
    config, objective = usecase.config, judged_objective(usecase.config)
    count = int(table[LABEL].notna().sum())
    found: Mapping[str, Comparison] = {}
    if count:
        least = config.gate.minimum_rows
        scope = realised(table, objective, minimum_rows=least, resamples=config.gate.resamples)
        found = scope.champion
    return ShadowComparison(
        model_version=version,
        first=days[0],
        last=days[-1],
        partitions=len(days),
        alike=alike(table, objective, threshold=config.scoring.threshold),
        labelled=count,
        metrics={
            name: (_number(each.challenger), _number(each.reference))
            for name, each in found.items()
        },
        gains=gains_of(found),
    )


def _published(site: Site, usecase: UseCase, version: str) -> Mapping[str, Any]:
    return site.catalog(usecase, shadow_dataset(version)).read().revisions


def _number(value: float | None) -> float:
    return math.nan if value is None else value
