"""The challengers of a night beside the champion, by what was known at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from laurel.domain.beside import LABEL, alike, by_slice, gains_of, realised
from laurel.domain.catalog import Revision
from laurel.domain.challengers import shadows_at
from laurel.domain.evidence import Comparison
from laurel.domain.history import PARTITION
from laurel.domain.ledger import LedgerEntry
from laurel.domain.objective import judged_objective
from laurel.domain.partition import Partition
from laurel.domain.surroundings import BesideSlice, Shadow
from laurel.runs.answering import read_answering
from laurel.runs.inputs import Inputs
from laurel.runs.kept import scoring_of
from laurel.runs.shadow import failed, fault_of, find_shadow, shadow_dataset
from laurel.runs.shown import beside_table
from laurel.runs.site import Site
from laurel.runs.trailing import Trailing, load_of_keys
from laurel.usecase import UseCase

RESAMPLES = 500
"""Of the paired bootstrap of a night."""


@dataclass(frozen=True)
class NightShadow:
    """What a challenger said in shadow, as a night's report reads it."""

    entry: LedgerEntry
    revisions: tuple[Revision, ...]
    """Of the trailing window, this partition among them."""
    fault: str | None

    @property
    def version(self) -> str:
        return self.entry.model_version or ""


def find_night_shadows(
    site: Site, usecase: UseCase, *, inputs: Inputs, served: Revision, partition: Partition
) -> tuple[NightShadow, ...]:
    """The challengers of a partition: in shadow at its cutoff, and the canary that answered it.

    inputs: what the partition was scored from; served: its predictions.
    """
    config = usecase.config
    state = site.ledger(usecase).read()
    lag, asked = config.decision_lag, config.scoring.shadow
    entries = {e.as_of: e for e in shadows_at(state, inputs.cutoff, lag=lag, asked=asked)}
    scoring = scoring_of(site, usecase, served.run)
    answering = read_answering(scoring.inputs.get("canary") if scoring else None, state)
    if answering is not None:
        entries[answering.entry.as_of] = answering.entry
    return tuple(
        _found(site, usecase, inputs, entry, partition) for _, entry in sorted(entries.items())
    )


def _found(
    site: Site, usecase: UseCase, inputs: Inputs, entry: LedgerEntry, partition: Partition
) -> NightShadow:
    state = site.catalog(usecase, shadow_dataset(entry.model_version or "")).read()
    first = partition.shifted(-usecase.config.monitoring.reference_days).key
    known = (
        state.revision(key, partition.end)
        for key in sorted(state.revisions)
        if first <= key <= partition.key
    )
    bundle = find_shadow(site, usecase, inputs, entry)
    fault = fault_of(bundle) if bundle is not None and failed(bundle) else None
    return NightShadow(entry, tuple(each for each in known if each is not None), fault)


def shadows_beside(
    site: Site,
    usecase: UseCase,
    shadows: Sequence[NightShadow],
    *,
    partition: Partition,
    trailing: Trailing,
    folder: Path,
) -> tuple[Shadow, ...]:
    """Each challenger beside who served the trailing window."""
    return tuple(
        _beside(
            site,
            usecase,
            each,
            partition=partition,
            trailing=trailing,
            folder=folder / each.version,
        )
        for each in shadows
    )


def _beside(
    site: Site,
    usecase: UseCase,
    shadow: NightShadow,
    *,
    partition: Partition,
    trailing: Trailing,
    folder: Path,
) -> Shadow:
    config, version = usecase.config, shadow.version
    served = trailing.rows
    own = served[PARTITION].astype("str") == partition.key
    by_canary = served["model_version"].astype("str") == version
    answered = int((own & by_canary).sum())
    if not shadow.revisions:
        return Shadow(
            version, shadow.entry.as_of, rows=0, labelled=0, fault=shadow.fault, answered=answered
        )
    objective = judged_objective(config)
    keys = served[list(config.rows.key)]
    said = load_of_keys(site, shadow.revisions, keys=keys, folder=folder)
    table = beside_table(usecase, said, served, version=version)
    labelled = int(table[LABEL].notna().sum())
    scope: Mapping[str, Comparison] = {}
    if labelled:
        least = config.monitoring.minimum_rows
        scope = realised(table, objective, minimum_rows=least, resamples=RESAMPLES).champion
    threshold = config.scoring.threshold
    night = table[table[PARTITION].astype("str") == partition.key]
    whole = alike(night, objective, threshold=threshold)
    slices = [name for name in config.gate.slices if name in table]
    return Shadow(
        model_version=version,
        as_of=shadow.entry.as_of,
        rows=len(table),
        labelled=labelled,
        metrics=_values(scope, "challenger"),
        champion=_values(scope, "reference"),
        differing=whole.changed,
        gains=gains_of(scope),
        night=whole if len(night) else None,
        slices=tuple(
            BesideSlice(name, alike(part, objective, threshold=threshold))
            for name, part in by_slice(night, slices)
        ),
        partitions=len(shadow.revisions),
        fault=shadow.fault,
        answered=answered,
    )


def _values(found: Mapping[str, Comparison], model: str) -> dict[str, float]:
    """A metric's values of one of the two models, nan where undefined."""
    values = {name: getattr(each, model) for name, each in found.items()}
    return {name: math.nan if value is None else value for name, value in values.items()}
