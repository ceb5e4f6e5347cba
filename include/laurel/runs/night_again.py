"""A night's report, measured again as corrected: it is compared, never listed as a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from laurel.domain.bundle import Bundle
from laurel.domain.catalog import Revision
from laurel.domain.config import PREDICTIONS, Monitoring
from laurel.domain.report import Quarantined
from laurel.domain.train_serve import TrainServe
from laurel.runs.corrected import corrected_site
from laurel.runs.inputs import Inputs
from laurel.runs.night import Night, Served, gather, sliced_rows
from laurel.runs.settling import measure_night, said_then
from laurel.runs.site import Site
from laurel.usecase import UseCase

Corrected = Mapping[tuple[str, int], Bundle]
"""Partition and revision of predictions as known → the scoring made again."""


def known_report(site: Site, then: Bundle) -> dict[str, Any]:
    """The document of a report as it was written."""
    found: dict[str, Any] = json.loads(site.store.read(f"{then.prefix}/report.json"))
    return found


def report_again(
    site: Site,
    usecase: UseCase,
    *,
    then: Bundle,
    inputs: Inputs,
    served: Served,
    corrected: Corrected,
    known_by: datetime,
) -> dict[str, Any]:
    """The document of a report as corrected, by the bounds of then.

    inputs, served: those of the partition's scoring as corrected. Predictions that no correction
    reaches are those that the report of then read.
    """
    partition = inputs.partition
    seen = corrected_site(site, known_by, bound=partition.end)
    rules = Monitoring.model_validate(then.parameters)
    usecase = replace(usecase, config=usecase.config.model_copy(update={"monitoring": rules}))
    labels = seen.catalog(usecase, usecase.config.labels_name).read()
    first = partition.shifted(-rules.reference_days).key
    *past, own = _predictions(site, usecase, then, corrected)
    night = Night(
        partition=partition,
        predictions=own,
        past=tuple(past),
        labels=tuple(
            labels.revisions[line[0]][0]
            for line in sorted(then.inputs["read"][usecase.config.labels_name])
            if line[0] >= first
        ),
        held=_held(site, then),
        rows=sliced_rows(seen, usecase, partition=partition),
        served=served,
        again=inputs,
        alarms=said_then(then.inputs.get("alarms"), usecase),
    )
    with site.workspace() as folder:
        given = gather(seen, usecase, night=night, folder=folder)
        # no correction reaches what a training learned from: it says what it said then
        given = replace(given, train_serve=_skew(site, then))
        return measure_night(site, usecase, given=given, said=night.alarms).document()


def _skew(site: Site, then: Bundle) -> TrainServe | None:
    said = known_report(site, then).get("train_serve")
    lists = ("features", "restated")
    return said and TrainServe(**{**said, **{name: tuple(said[name]) for name in lists}})


def _predictions(
    site: Site, usecase: UseCase, then: Bundle, corrected: Corrected
) -> list[Revision]:
    state = site.catalog(usecase, PREDICTIONS).read()
    found = []
    for partition, number, _ in sorted(then.inputs["read"][PREDICTIONS]):
        revision = state.revisions[partition][number - 1]
        made = corrected.get((partition, number))
        found.append(_replaced(revision, made) if made else revision)
    return found


def _replaced(revision: Revision, made: Bundle) -> Revision:
    """A revision of predictions with the bytes of those as corrected."""
    output = made.outputs[f"{PREDICTIONS}/{revision.name}"]
    names = ("md5", "content_hash", "size", "rows", "fingerprint", "suite", "outcome")
    return replace(revision, run=made.id, **{name: output[name] for name in names})


def _held(site: Site, then: Bundle) -> tuple[Quarantined, ...]:
    """What waited in quarantine then, as the report says."""
    return tuple(
        Quarantined(item["dataset"], item["id"], tuple(item["reasons"]))
        for item in known_report(site, then)["quarantine"]
    )
