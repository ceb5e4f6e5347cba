"""What a restatement would recompute: chosen from the records before anything is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.domain.bundle import run_id
from laurel.domain.canonical import instant
from laurel.domain.catalog import CatalogState, Revision
from laurel.domain.impact import Impact, Touched
from laurel.domain.partition import Partition
from laurel.errors import ConfigError, Refused
from laurel.runs.impact import trace_impact
from laurel.runs.site import Site
from laurel.usecase import UseCase

CORRECTED = "predictions_corrected"
"""The dataset of predictions as corrected."""


@dataclass(frozen=True)
class Plan:
    """What is recomputed, with which revisions, and by which bound of knowledge."""

    usecase: str
    dataset: str
    corrected: Mapping[str, Revision]
    """Partition → the revision that counts as corrected."""
    known_by: datetime
    trainings: tuple[Touched, ...]
    predictions: tuple[Touched, ...]
    reports: tuple[Touched, ...]
    left_out: int
    """Predictions and reports that a limit leaves out."""
    replaced: int
    """Predictions that newer ones replaced, reports on such, and trainings that were never decided:
    they are not made again."""

    def inputs(self) -> dict[str, Any]:
        """What the restatement depends on, for its id and bundle."""
        return {
            "dataset": self.dataset,
            "revisions": [
                [key, revision.revision, revision.content_hash]
                for key, revision in sorted(self.corrected.items())
            ],
            "known_by": instant(self.known_by),
            "trainings": [item.run for item in self.trainings],
            "predictions": [item.run for item in self.predictions],
            "reports": [item.run for item in self.reports],
        }

    def document(self) -> dict[str, Any]:
        """What the report says of it."""
        return {
            "usecase": self.usecase,
            "dataset": self.dataset,
            "partitions": [
                {
                    "partition": key,
                    "revision": revision.revision,
                    "known_at": instant(revision.known_at),
                    "rows": revision.rows,
                }
                for key, revision in sorted(self.corrected.items())
            ],
            "known_by": instant(self.known_by),
            "left_out": self.left_out,
            "replaced": self.replaced,
        }

    def run(self, version: str) -> str:
        """The id of the restatement."""
        return run_id(
            kind="restate",
            usecase=self.usecase,
            at=instant(self.known_by),
            inputs=self.inputs(),
            code={"version": version},
            parameters={},
        )

    def sentence(self) -> str:
        """What would be done, in a sentence."""
        rest = f"; {self.left_out} are left out by the limit" if self.left_out else ""
        rest += f"; {self.replaced} do not stand and are not made again" * bool(self.replaced)
        return (
            f"{self.dataset} as corrected by {instant(self.known_by)}: {len(self.trainings)} "
            f"training(s) to make again, {len(self.predictions)} partition(s) to score again, "
            f"{len(self.reports)} report(s) to measure again{rest}"
        )


def plan_restatement(
    site: Site,
    usecase: UseCase,
    *,
    dataset: str,
    partitions: Sequence[Partition],
    known_by: datetime | None = None,
    limit: int | None = None,
) -> Plan:
    """Choose what a correction of these partitions makes worth recomputing.

    ``known_by`` is when the newest of their revisions became known, unless given; ``limit`` bounds
    the predictions, and the reports, to the newest. Raises :class:`Refused` where nothing was
    corrected by then.
    """
    state = _state(site, usecase, dataset)
    bound = known_by or _newest(state, partitions)
    corrected = {
        partition.key: revision
        for partition in partitions
        if bound and (revision := state.revision(partition.key, bound)) and revision.revision > 1
    }
    if bound is None or not corrected:
        raise Refused(
            "nothing was corrected: there is nothing to restate",
            usecase=usecase.name,
            dataset=dataset,
            partition=partitions[0].key,
            found=f"no second revision known by {instant(bound)}" if bound else "no partition",
            hint=f"ingest the corrected source first; see: laurel catalog {usecase.name} {dataset}",
        )
    asked = {key: tuple(range(1, revision.revision)) for key, revision in corrected.items()}
    found = trace_impact(site, usecase, dataset=dataset, asked=asked, state=state)
    return _plan(found, corrected=corrected, known_by=bound, limit=limit)


def _plan(
    found: Impact,
    *,
    corrected: Mapping[str, Revision],
    known_by: datetime,
    limit: int | None,
) -> Plan:
    predictions = tuple(item for item in found.of("predictions") if item.stands)
    reports = tuple(item for item in found.of("report") if item.stands)
    replaced = sum(not item.stands for item in found.items)
    kept = [items if limit is None else items[-limit:] for items in (predictions, reports)]
    return Plan(
        usecase=found.usecase,
        dataset=found.dataset,
        corrected=corrected,
        known_by=known_by,
        trainings=tuple(item for item in found.of("training") if item.stands),
        predictions=kept[0],
        reports=kept[1],
        replaced=replaced,
        left_out=len(predictions) + len(reports) - len(kept[0]) - len(kept[1]),
    )


def expect_order(site: Site, usecase: UseCase, plan: Plan) -> None:
    """Refuse to publish predictions as corrected by an earlier moment than those published."""
    state = site.catalog(usecase, CORRECTED).read()
    for item in plan.predictions:
        newest = state.corrected(item.at)
        if newest is not None and newest.known_at > plan.known_by:
            raise Refused(
                "predictions as corrected by a later moment are published",
                usecase=usecase.name,
                dataset=CORRECTED,
                partition=item.at,
                found=f"known by {instant(plan.known_by)}",
                expected=f"{instant(newest.known_at)} or later",
                hint="restatements are made in the order of what was known",
            )


def _newest(state: CatalogState, partitions: Sequence[Partition]) -> datetime | None:
    known = (state.corrected(partition.key) for partition in partitions)
    return max((revision.known_at for revision in known if revision), default=None)


def _state(site: Site, usecase: UseCase, dataset: str) -> CatalogState:
    if dataset not in usecase.config.datasets:
        raise ConfigError(
            "only a dataset that is ingested can be corrected at its source",
            usecase=usecase.name,
            found=dataset,
            expected=", ".join(sorted(usecase.config.datasets)),
        )
    return site.catalog(usecase, dataset).read()
