"""The plan of a scoring in shards, and what its shards leave in the staging place of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from laurel.adapters.dvc.staging import Staging
from laurel.adapters.records import find_bundle
from laurel.domain.canonical import canonical_json
from laurel.domain.config import PREDICTIONS
from laurel.domain.ledger import LedgerEntry
from laurel.domain.partition import Partition
from laurel.domain.shard import Shard, read_shard
from laurel.errors import IntegrityError, Refused
from laurel.runs.inputs import Inputs, read_inputs
from laurel.runs.scored import score_run
from laurel.runs.shadow import challengers_of
from laurel.runs.site import Site
from laurel.usecase import UseCase

PLAN, DONE = "plan.json", "done.json"
"""Staged for a run, and for each of its shards when all its files are there."""


@dataclass(frozen=True)
class Planned:
    """The shards in which a run is to be scored."""

    run: str
    shards: tuple[str, ...]
    """Their names, in the order of the rows; none where one pass does."""

    def sentence(self) -> str:
        """What is to be done, in a sentence."""
        if not self.shards:
            return "no shards: the partition is scored already, or fits into one"
        return f"{len(self.shards)} shards of run {self.run}"


@dataclass(frozen=True)
class Plan:
    """What the shards of a run are scored from."""

    run: str
    inputs: Inputs
    challengers: tuple[LedgerEntry, ...]
    """Those that score in shadow."""
    staging: Staging

    def shard(self, name: str) -> Shard:
        """The shard of a name; raises :class:`DataError` for what is none."""
        return read_shard(name, total=self.inputs.rows.rows)


def write_plan(site: Site, usecase: UseCase, *, inputs: Inputs, run: str) -> None:
    """Stage what the shards of a run are scored from, and who scores beside."""
    plan = {
        "usecase": usecase.name,
        "partition": inputs.partition.key,
        "inputs": inputs.document(),
        "challengers": [each.model_version for each in challengers_of(site, usecase, inputs)],
    }
    _staging(site, usecase, run).write(PLAN, canonical_json(plan))


def read_plan(site: Site, usecase: UseCase, *, partition: Partition, run: str) -> Plan:
    """The plan of a run, with inputs and model as it fixed them.

    Raises :class:`Refused` where it is gone, or the code or the rules have changed since.
    """
    staging = _staging(site, usecase, run)
    data = staging.read(PLAN)
    # without a plan, a task is repeated after all was done
    known = find_bundle(site.store, usecase.name, "score", run) if data is None else None
    plan = {} if data is None else dict(json.loads(data))
    document = plan.get("inputs") or (known and known.inputs)
    inputs = _inputs(site, usecase, document, partition=partition) if document else None
    if inputs is None or score_run(usecase, inputs) != run:
        raise Refused(
            "the plan of a scoring is gone, or the use case is another one by now",
            usecase=usecase.name,
            partition=partition.key,
            found="nothing" if inputs is None else f"run {score_run(usecase, inputs)}",
            expected=f"run {run}",
            hint="clear the task plan with those after it; are all workers of the same version?",
        )
    versions = [_entry(site, usecase, version) for version in plan.get("challengers", ())]
    return Plan(run, inputs, tuple(versions), staging)


def read_done(plan: Plan, shard: str) -> dict[str, Any] | None:
    """What is known of a shard that was scored; ``None`` of any other."""
    data = plan.staging.read(f"{shard}/{DONE}")
    return None if data is None else dict(json.loads(data))


def keep_shard(
    plan: Plan, shard: str, files: Mapping[str, Path], *, seconds: float, peak: int
) -> None:
    """Stage the files of a scored shard, then say that they are all there."""
    md5s = {name: plan.staging.put(f"{shard}/{name}", file) for name, file in files.items()}
    cost = {"seconds": round(seconds, 3), "peak_memory_bytes": peak}
    plan.staging.write(f"{shard}/{DONE}", canonical_json({"files": md5s, **cost}))


def fetch_part(
    plan: Plan, usecase: UseCase, folder: Path, shard: str, done: dict[str, Any], name: str
) -> Path:
    """A file of a scored shard.

    A shard that is damaged counts as not scored from now on: raises :class:`Refused`.
    """
    target = folder / shard / name
    if not plan.staging.get(f"{shard}/{name}", target, md5=done["files"][name]):
        plan.staging.drop(shard)
        raise _missing(plan, usecase, shard, f"{name} is damaged, or was dropped")
    return target


def expect_done(plan: Plan, usecase: UseCase, shard: str) -> dict[str, Any]:
    """What is known of a scored shard; raises :class:`Refused` where it is not there."""
    done = read_done(plan, shard)
    if done is None:
        raise _missing(plan, usecase, shard, "it is not in the staging place")
    return done


def _missing(plan: Plan, usecase: UseCase, shard: str, found: str) -> Refused:
    return Refused(
        "a shard of the scoring is missing, so nothing is published",
        usecase=usecase.name,
        partition=plan.inputs.partition.key,
        found=f"shard {shard}: {found}",
        hint="clear the task of this shard with those after it; others are not scored again",
    )


def _inputs(
    site: Site, usecase: UseCase, document: dict[str, Any], *, partition: Partition
) -> Inputs:
    champion = _entry(site, usecase, document["champion"])
    return read_inputs(site, usecase, document, partition=partition, champion=champion)


def _entry(site: Site, usecase: UseCase, version: str) -> LedgerEntry:
    entry = site.ledger(usecase).read().version(version)
    if entry is None:
        raise IntegrityError(
            "the ledger does not know a model of the plan", usecase=usecase.name, found=version
        )
    return entry


def is_published(site: Site, usecase: UseCase, partition: Partition, run: str) -> bool:
    """Whether the newest predictions of a partition are those of the run."""
    newest = site.catalog(usecase, PREDICTIONS).read().corrected(partition.key)
    return newest is not None and newest.run == run


def _staging(site: Site, usecase: UseCase, run: str) -> Staging:
    return Staging(site.settings, f"score/{usecase.name}/{run}")
