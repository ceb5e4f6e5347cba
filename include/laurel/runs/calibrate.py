"""Learn bounds of alarms from nights known to be quiet: from their counts, not from rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from laurel.adapters.records.alarms import AlarmJournal
from laurel.adapters.xgboost import PROFILE
from laurel.domain.alarms.counted import Counted, count_nights
from laurel.domain.alarms.learned import Calibration, Learned, learn
from laurel.domain.alarms.performance import learn_performance
from laurel.domain.alarms.record import AlarmEntry, AlarmLog
from laurel.domain.config import PREDICTIONS
from laurel.domain.objective import find_objective
from laurel.domain.partition import Partition, partitions
from laurel.errors import NotFound, Refused
from laurel.runs.inputs import COUNTS
from laurel.runs.kept import scoring_of
from laurel.runs.reports import newest_documents
from laurel.runs.site import Site
from laurel.runs.train import named_training, trained_files
from laurel.usecase import UseCase

Counts = Mapping[str, Any]


@dataclass(frozen=True)
class Calibrated:
    """What a calibration learned, and the entry that names it."""

    calibration: Calibration
    entry: AlarmEntry
    repeated: bool
    """Whether it had been written before."""

    def sentence(self) -> str:
        """What was learned, in a sentence."""
        found = self.calibration
        again = ", as before" if self.repeated else ""
        return (
            f"learned {len(found.checks)} bounds from {found.nights} quiet nights "
            f"{found.first} to {found.last}: any bound was {found.family.sentence()}; "
            f"alarms were confirmed on {found.confirmed} of them. It holds from "
            f"{self.entry.first} on ({self.entry.calibration}){again}"
        )


def calibrate(
    site: Site,
    usecase: UseCase,
    *,
    first: Partition,
    last: Partition,
    by: str,
    reason: str,
    without: Sequence[Partition] = (),
    holds_from: Partition | None = None,
) -> Calibrated:
    """Learn from the quiet nights ``first`` to ``last``, both included, but those ``without``.

    It holds from ``holds_from`` on, by default from the night after the last one: so a night says
    the same whenever it is run. Raises :class:`NotFound` where nothing was scored,
    :class:`DataError` where there are too few nights, :class:`Refused` without a person and a
    reason.
    """
    expect_person(usecase, by=by, reason=reason)
    config = usecase.config
    days = [day for day in partitions(first.start, last.end) if day not in without]
    counted, models, there = _counted(site, usecase, days)
    checks, family, confirmed = learn(counted, rules=config.monitoring, alarms=config.alarms)
    checks = {**checks, **_performance(site, usecase, days)}
    found = Calibration(
        usecase=usecase.name,
        first=first.key,
        last=last.key,
        left_out=tuple(day.key for day in sorted(without)),
        nights=there,
        models=models,
        target=config.alarms.false_alarms,
        rules=config.alarms.rules(),
        family=family,
        confirmed=confirmed,
        checks=checks,
    )
    journal = AlarmJournal(site.store, usecase.name)
    entry = AlarmEntry(
        event="calibrated",
        at=datetime.now(UTC),
        calibration=journal.keep(found),
        first=(holds_from or last.shifted(1)).key,
        by=by,
        reason=reason,
    )
    written = journal.append(lambda log: None if _same(log, entry) else entry)
    return Calibrated(found, written or entry, repeated=written is None)


def expect_person(usecase: UseCase, *, by: str, reason: str) -> None:
    """Raise :class:`Refused` unless a person and a reason are named."""
    if not by.strip() or not reason.strip():
        raise Refused(
            "who says so, and why, belongs into the journal",
            usecase=usecase.name,
            found=f"by {by!r}, reason {reason!r}",
            hint="name both: --by and --reason",
        )


def _same(log: AlarmLog, entry: AlarmEntry) -> bool:
    known = log.calibration(entry.first or "")
    return (
        known is not None and known.calibration == entry.calibration and known.first == entry.first
    )


def _counted(
    site: Site, usecase: UseCase, days: Sequence[Partition]
) -> tuple[dict[str, list[Counted]], tuple[str, ...], int]:
    """Check → the nights of each model, all over the same nights; the models; nights scored."""
    scored = _scored(site, usecase, days)
    if not scored:
        raise NotFound(
            "no night of the range was scored",
            usecase=usecase.name,
            found=f"{days[0].key} to {days[-1].key}" if days else "no night",
            hint=f"backfill {usecase.name}_score first",
        )
    models = sorted({model for model, _ in scored.values()})
    found: dict[str, list[Counted]] = {}
    calendar = list(partitions(days[0].start, days[-1].end))
    for model in models:
        profile = _profile(site, usecase, model)
        own = {key: counts for key, (who, counts) in scored.items() if who == model}
        for each in count_nights(profile, [own.get(day.key) for day in calendar]):
            found.setdefault(each.check, []).append(each)
    return found, tuple(models), len(scored)


def _scored(
    site: Site, usecase: UseCase, days: Sequence[Partition]
) -> dict[str, tuple[str, Counts]]:
    """Partition → who scored it, and its counts over that model's profile."""
    state = site.catalog(usecase, PREDICTIONS).read()
    found = {}
    for day in days:
        revision = state.revision(day.key, day.end)
        bundle = scoring_of(site, usecase, revision.run) if revision else None
        if bundle is not None and bundle.model_version:
            counts = json.loads(site.store.read(f"{bundle.prefix}/{COUNTS}"))
            found[day.key] = (bundle.model_version, counts)
    return found


def _profile(site: Site, usecase: UseCase, model: str) -> Counts:
    entry = site.ledger(usecase).read().version(model)
    if entry is None or entry.run is None:
        raise NotFound("the ledger does not know a model", usecase=usecase.name, found=model)
    training = named_training(site, usecase, run=entry.run, bundle=entry.bundle or "")
    with site.workspace() as folder:
        site.plane.get(trained_files(site, training)[PROFILE], folder / PROFILE)
        found: Counts = json.loads((folder / PROFILE).read_bytes())
    return found


def _performance(site: Site, usecase: UseCase, days: Sequence[Partition]) -> dict[str, Learned]:
    """Bounds of the metrics that the use case bounds, and of the one that is charted first."""
    config = usecase.config
    objective = find_objective(config.label)
    rules = config.monitoring
    documents = newest_documents(site.store, usecase.name, [day.key for day in days])
    names = {objective.charted[0], *(bound.metric for bound in rules.performance)}
    found = {}
    for name in sorted(names):
        values = [_value(documents.get(day.key), name, rules.minimum_rows) for day in days]
        learned = learn_performance(
            name,
            values,
            upward=objective.metric(name).bigger_is_better,
            window=rules.reference_days,
            alarms=config.alarms,
        )
        if learned is not None:
            found[learned.check] = learned
    return found


def _value(document: Mapping[str, Any] | None, metric: str, rows: int) -> float:
    if document is None:
        return float("nan")
    champion = document["realised"]["champion"]
    value = champion["metrics"].get(metric)
    return float(value) if value is not None and champion["labelled"] >= rows else float("nan")
