"""Restate: recompute what rests on a superseded revision, and publish what differs.

Nothing that was known is touched: trainings made again have bundles of the kind ``restate``,
predictions as corrected are the dataset ``predictions_corrected``, and the ledger, the predictions
and the reports stay as they are. To publish other predictions is another act: ``laurel score`` does
so where what was known *by the cutoff* has changed, as by a source that dates its corrections.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.adapters.environment import code_identity
from laurel.adapters.records import find_bundle, read_bundle, write_bundle
from laurel.adapters.tables import read_table
from laurel.domain.bundle import Bundle, bundle_prefix
from laurel.domain.canonical import instant
from laurel.domain.config import PREDICTIONS
from laurel.domain.objective import find_objective
from laurel.domain.restatement import (
    SCHEMA,
    Changed,
    compare_predictions,
    compare_reports,
    compare_verdicts,
    reigns_if,
    sentence,
    sum_changes,
)
from laurel.runs.corrected import inputs_again, score_again, served_by, train_again
from laurel.runs.night_again import known_report, report_again
from laurel.runs.restate_plan import CORRECTED, Plan, expect_order, plan_restatement
from laurel.runs.restate_record import (
    Again,
    list_restatement,
    publish_corrected,
    write_restatement,
)
from laurel.runs.site import Site
from laurel.usecase import UseCase

Pages = MutableMapping[str, str]


@dataclass(frozen=True)
class Restated:
    """What a restatement found."""

    usecase: str
    run: str
    known_by: datetime
    said: str
    flipped: int
    trainings: int
    predictions: int
    reports: int
    repeated: bool

    @property
    def page(self) -> str:
        """The key of its page."""
        return f"{bundle_prefix(self.usecase, 'restate', self.run)}/restatement.html"

    def sentence(self) -> str:
        """What was found, in a sentence."""
        return f"{self.said} (run {self.run}{', made before' if self.repeated else ''})"

    def reference(self) -> dict[str, Any]:
        """References for XCom."""
        return {
            "run": self.run,
            "known_by": instant(self.known_by),
            "flipped": self.flipped,
            "trainings": self.trainings,
            "predictions": self.predictions,
            "reports": self.reports,
            "page": self.page,
        }


def restate(site: Site, usecase: UseCase, *, plan: Plan, pages: Pages | None = None) -> Restated:
    """Recompute what a plan names and publish it beside what was known; a repeat adds nothing.

    Called again after a fault it goes on where it stopped. Raises :class:`laurel.errors.Refused`
    where predictions as corrected by a later moment are published, and what the stages raise.
    """
    run = plan.run(code_identity(site.settings.checkout)["version"])
    known = find_bundle(site.store, usecase.name, "restate", run)
    if known is None:
        expect_order(site, usecase, plan)
        document = _recompute(site, usecase, plan=plan, run=run)
    else:
        write_bundle(site.store, known)
        document = json.loads(site.store.read(f"{known.prefix}/restatement.json"))
    list_restatement(site, usecase, run=run, document=document)
    made = Restated(
        usecase=usecase.name,
        run=run,
        known_by=plan.known_by,
        said=document["sentence"],
        flipped=sum(each["flipped"] for each in document["trainings"]),
        trainings=len(document["trainings"]),
        predictions=document["predictions"]["partitions"],
        reports=len(document["reports"]),
        repeated=known is not None,
    )
    if pages is not None:
        pages["Restatement"] = made.page
    return made


def _recompute(site: Site, usecase: UseCase, *, plan: Plan, run: str) -> dict[str, Any]:
    twins: dict[str, Bundle] = {}
    trainings = []
    for item in plan.trainings:
        then = read_bundle(site.store, usecase.name, "train", run=item.run)
        made = train_again(site, usecase, then=then, known_by=plan.known_by, twins=twins)
        twins[then.model_version or ""] = made
        trainings.append(_training(then, made))
    again = [
        _score(site, usecase, plan=plan, run=item.run, twins=twins) for item in plan.predictions
    ]
    reports = _reports(site, usecase, plan=plan, again=again)
    flips = {each["run"]: each["corrected"] for each in trainings if each["flipped"]}
    document = {
        "schema": SCHEMA,
        "run": run,
        **plan.document(),
        "trainings": trainings,
        "reigns": reigns_if(site.ledger(usecase).read(), flips),
        "predictions": sum_changes([_compare(site, usecase, each) for each in again]),
        "reports": reports,
    }
    document = {**document, "sentence": sentence(document)}
    publish_corrected(site, usecase, plan=plan, run=run, again=again)
    write_restatement(site, usecase, plan=plan, run=run, again=again, document=document)
    return document


def _training(then: Bundle, made: Bundle) -> dict[str, Any]:
    return {
        "as_of": instant(then.as_of) if then.as_of else None,
        "run": then.id,
        "model_version": then.model_version,
        "corrected_run": made.id,
        "corrected_version": made.model_version,
        "page": f"{made.prefix}/decision.html",
        "known_page": f"{then.prefix}/decision.html",
        **compare_verdicts(then.verdict or {}, made.verdict or {}),
    }


def _score(
    site: Site, usecase: UseCase, *, plan: Plan, run: str, twins: Mapping[str, Bundle]
) -> Again:
    then = read_bundle(site.store, usecase.name, "score", run=run)
    known = site.catalog(usecase, PREDICTIONS).read().corrected(then.partitions[0])
    assert known is not None  # noqa: S101 - the plan holds published predictions only
    served = served_by(site, usecase, then.model_version or "", twins=twins)
    inputs = inputs_again(site, usecase, then=then, served=served, known_by=plan.known_by)
    made = score_again(site, usecase, then=then, inputs=inputs, served=served)
    return Again(then=then, known=known, made=made, inputs=inputs, served=served)


def _compare(site: Site, usecase: UseCase, again: Again) -> Changed:
    partition = again.known.partition
    output = again.made.outputs[f"{PREDICTIONS}/{partition}.parquet"]
    with site.workspace() as folder:
        known, corrected = folder / "known.parquet", folder / "corrected.parquet"
        site.plane.place({known: again.known.md5, corrected: output["md5"]})
        return compare_predictions(
            read_table(known),
            read_table(corrected),
            key=usecase.config.rows.key,
            partition=partition,
            scores=find_objective(usecase.config.label).score_columns,
        )


def _reports(
    site: Site, usecase: UseCase, *, plan: Plan, again: Sequence[Again]
) -> list[dict[str, Any]]:
    corrected = {(each.known.partition, each.known.revision): each.made for each in again}
    scored = {each.known.partition: each for each in again}
    found = []
    for item in plan.reports:
        then = read_bundle(site.store, usecase.name, "monitor", run=item.run)
        own = scored.get(item.at) or _as_scored(site, usecase, plan=plan, then=then)
        made = report_again(
            site,
            usecase,
            then=then,
            inputs=own.inputs,
            served=own.served,
            corrected=corrected,
            known_by=plan.known_by,
        )
        compared = compare_reports(known_report(site, then), made)
        page = f"{then.prefix}/report.html"
        found.append({"partition": item.at, "run": item.run, "page": page, **compared})
    return found


def _as_scored(site: Site, usecase: UseCase, *, plan: Plan, then: Bundle) -> Again:
    """The scoring of a partition whose own predictions no correction reaches."""
    partition = then.partitions[0]
    known = site.catalog(usecase, PREDICTIONS).read().corrected(partition)
    assert known is not None  # noqa: S101 - a report rests on published predictions
    scoring = read_bundle(site.store, usecase.name, "score", run=known.run)
    served = served_by(site, usecase, scoring.model_version or "", twins={})
    inputs = inputs_again(site, usecase, then=scoring, served=served, known_by=plan.known_by)
    return Again(then=scoring, known=known, made=scoring, inputs=inputs, served=served)


__all__ = ["CORRECTED", "Restated", "plan_restatement", "restate"]
