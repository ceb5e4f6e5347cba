"""One run of monitoring: the predictions and matured labels of a night → a report."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from laurel.adapters.environment import code_identity, environment_identity
from laurel.adapters.openmetrics import exposition
from laurel.adapters.records import find_bundle, observe, write_bundle
from laurel.adapters.spent import spent_since
from laurel.domain.bundle import Bundle, Code, bundle_prefix, run_id
from laurel.domain.canonical import canonical_json, digest
from laurel.domain.nights import line_of_report
from laurel.domain.partition import Partition
from laurel.domain.report import Report, plain
from laurel.domain.report_metrics import gauges
from laurel.pages.costs import render_costs
from laurel.pages.report import render_report
from laurel.runs.costs import find_costs
from laurel.runs.night import Night, choose_night, gather, survey
from laurel.runs.settling import measure_night
from laurel.runs.site import Site
from laurel.runs.tell import write_changes
from laurel.runs.train_serve import train_serve
from laurel.runs.week import write_week
from laurel.usecase import UseCase

Pages = MutableMapping[str, str]

COSTS = "observed/costs.html"
"""Beside the report, outside every promise about bytes: what the runs of the night cost."""
METRICS = "metrics.txt"
"""Beside the report: what it says, as OpenMetrics text."""
SHOWN, VERDICT, OPEN = 6, 240, 60
"""What the asset event tells of alarms at most: how many, and characters of the texts."""


@dataclass(frozen=True)
class Monitored:
    """What a run of monitoring found."""

    usecase: str
    run: str
    partition: str
    verdict: str
    alarms: int
    retrain: bool
    page: str
    open: tuple[str, ...] = ()
    """``drift/hour confirmed critical`` and the like, gravest first."""
    backfilled: bool = False

    def sentence(self) -> str:
        """The report in a sentence."""
        return f"{self.partition}: {self.verdict} (run {self.run})"

    def reference(self) -> dict[str, Any]:
        """References for XCom and the asset event."""
        return {
            "run": self.run,
            "partition": self.partition,
            "verdict": shortened(self.verdict, VERDICT),
            "alarms": self.alarms,
            "open": "; ".join(shortened(text, OPEN) for text in self.open[:SHOWN]),
            "retrain": self.retrain,
            "backfilled": self.backfilled,
            "page": self.page,
        }


def inputs_ready(site: Site, usecase: UseCase, *, partition: Partition) -> None:
    """Raise :class:`laurel.errors.Pending` while the partition has no predictions."""
    choose_night(site, usecase, partition=partition)


def monitor(
    site: Site,
    usecase: UseCase,
    *,
    partition: Partition,
    backfilled: bool,
    pages: Pages | None = None,
) -> Monitored:
    """Report on a partition with what was known at its end; equal inputs make one report.

    Raises :class:`laurel.errors.Pending` when there are no predictions.
    """
    chosen = choose_night(site, usecase, partition=partition)
    with site.workspace() as folder:
        night = survey(site, usecase, night=chosen, folder=folder)
        run = _run_id(site, usecase, night)
        known = find_bundle(site.store, usecase.name, "monitor", run)
        if known is None:
            _write(site, usecase, night=night, run=run, folder=folder)
        else:
            write_bundle(site.store, known)
    prefix = bundle_prefix(usecase.name, "monitor", run)
    document = json.loads(site.store.read(f"{prefix}/report.json"))
    page = f"{prefix}/report.html"
    line = line_of_report(document, run=run, page=page, backfilled=backfilled)
    made = Monitored(
        usecase=usecase.name,
        run=run,
        partition=partition.key,
        verdict=str(document["verdict"]),
        alarms=line.alarms,
        retrain=bool(document["retrain"]),
        page=page,
        open=tuple(f"{a['check']} {a['state']} {a['severity']}" for a in document["alarms"]),
        backfilled=backfilled,
    )
    write_changes(site, usecase, document=document, run=run, backfilled=backfilled)
    # under its partition, where pages look for the newest one
    listed = f"reports/{usecase.name}/{partition.key}/{run}.json"
    site.store.create(listed, canonical_json(line.document()))
    week = write_week(site, usecase, partition)
    if pages is not None:
        pages["Report"] = made.page
        if week is not None:
            pages["Week"] = week.week
    return made


def shortened(text: str, length: int) -> str:
    """A text of at most so many characters.

    >>> shortened("all is well", 7)
    'all is…'
    """
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _run_id(site: Site, usecase: UseCase, night: Night) -> str:
    return run_id(
        kind="monitor",
        usecase=usecase.name,
        at=night.partition.key,
        inputs=night.document(usecase.config.labels_name),
        code={"version": code_identity(site.settings.checkout)["version"]},
        parameters=usecase.config.monitoring.model_dump(mode="json"),
    )


def _write(site: Site, usecase: UseCase, *, night: Night, run: str, folder: Path) -> None:
    """Measure, then write the report and, once it is there, the bundle that names it."""
    started = perf_counter()
    given = gather(site, usecase, night=night, folder=folder)
    if night.learned is not None:
        seed, own = night.partition.key, folder / "learned"
        skew = train_serve(site, usecase, night.learned, seed=seed, folder=own)
        given = replace(given, train_serve=skew)
    report = measure_night(site, usecase, given=given, said=night.alarms)
    bundle = _bundle(site, usecase, night=night, run=run, report=report)
    site.store.create(f"{bundle.prefix}/report.html", render_report(report).encode())
    document = report.document()
    site.store.create(f"{bundle.prefix}/report.json", canonical_json(document))
    site.store.create(f"{bundle.prefix}/{METRICS}", exposition(gauges(document)))
    write_bundle(site.store, bundle)
    spent = spent_since(started, rows=report.rows)
    costs = find_costs(site, usecase, night.partition, monitored=spent)
    observe(site.store, bundle, {**spent, "costs": plain(costs)})
    page = render_costs(usecase.name, night.partition.key, costs, report="../report.html")
    site.store.create(f"{bundle.prefix}/{COSTS}", page.encode())


def _bundle(site: Site, usecase: UseCase, *, night: Night, run: str, report: Report) -> Bundle:
    return Bundle(
        id=run,
        kind="monitor",
        usecase=usecase.name,
        partitions=(night.partition.key,),
        model_version=report.champion.model_version,
        code=Code(**code_identity(site.settings.checkout)),
        environment=environment_identity(),
        parameters=usecase.config.monitoring.model_dump(mode="json"),
        inputs={
            **night.document(usecase.config.labels_name),
            "report": digest(report.document()),
        },
    )
