"""End a probation: what a challenger showed in shadow is measured, judged, and written down.

Whoever first needs to know who reigns does it: a scoring or a training of a later moment, or a
person. It follows from the records alone, so all of them write the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from laurel.domain.canonical import digest, instant
from laurel.domain.ledger import (
    CROWNING,
    Concluded,
    Event,
    LedgerEntry,
    LedgerState,
    Probation,
    Ruling,
)

if TYPE_CHECKING:
    from pathlib import Path

    from laurel.domain.bundle import Bundle
    from laurel.domain.gate import Verdict
    from laurel.domain.probation import ShadowEvidence
    from laurel.runs.site import Site
    from laurel.usecase import UseCase

EVIDENCE = "evidence.json"
"""In the bundle of a probation's end: what the challenger showed."""


def conclude_due(site: Site, usecase: UseCase, *, t: datetime) -> tuple[Ruling, ...]:
    """End every probation that is over by ``t``, in their order; none is ended twice.

    Raises :class:`Pending` while a partition that it takes is not scored.
    """
    ended = []
    for entry in site.ledger(usecase).read().on_probation:
        if entry.effective_from <= t:
            ended.append(_conclude(site, usecase, entry))
    return tuple(ended)


def ended_before_its_time(state: LedgerState, entry: LedgerEntry) -> str | None:
    """What ended a probation early, in words: a rollback, or a later challenger that was crowned.

    ``state`` is the ledger as it stands before the probation is concluded.
    """
    until = entry.effective_from
    for each in state.history:
        if each.number <= entry.number or each.effective_from > until:
            continue
        if each.event == "rolled_back":
            return f"{each.decided_by} rolled back to {each.model_version}"
        if each.event in CROWNING and each.as_of > entry.as_of:
            return f"{each.model_version} was {each.event}, which knows more"
    return None


def _conclude(site: Site, usecase: UseCase, entry: LedgerEntry) -> Ruling:
    from laurel.adapters.records import find_bundle, write_bundle
    from laurel.runs.decide import decision_heads
    from laurel.runs.heads import noted_heads
    from laurel.runs.shadow import shadow_dataset
    from laurel.runs.signed import signed

    ended = ended_before_its_time(site.ledger(usecase).read(), entry)
    with site.workspace() as folder:
        made = _bundle(site, usecase, _shown(site, usecase, entry, ended, folder=folder))
    known = find_bundle(site.store, usecase.name, "probation", made.id)
    write_bundle(site.store, known or made)
    with signed(site, usecase.name):
        proposal = _proposal(usecase, entry, known or made)
        shadow = site.catalog(usecase, shadow_dataset(entry.model_version or ""))
        heads = {**decision_heads(site, usecase), **noted_heads(shadow)}
        return site.ledger(usecase).conclude(proposal.model_copy(update={"heads": heads}))


def _proposal(usecase: UseCase, entry: LedgerEntry, bundle: Bundle) -> LedgerEntry:
    from laurel.runs.decide import question_of

    verdict, now = bundle.verdict or {}, datetime.now(UTC)
    event: Event = "rejected"
    if verdict["outcome"] == "promote":
        event = "registered" if usecase.config.gate.approval else "promoted"
    return LedgerEntry.model_validate(
        {
            **entry.model_dump(exclude={"number", "heads", "question", "probation"}),
            "event": event,
            "decided_at": now,
            "decided_by": "gate",
            "reasons": tuple(verdict["reasons"]),
            "evidence": verdict["evidence"],
            "policy": verdict["policy"],
            "verdict": verdict["outcome"],
            "inputs": digest(bundle.inputs),
            "question": question_of(usecase, now) if event == "registered" else None,
            "concluded": Concluded(run=bundle.id, bundle=bundle.digest),
        }
    )


@dataclass(frozen=True)
class _Shown:
    """What a challenger showed, and what that was read from."""

    entry: LedgerEntry
    probation: Probation
    evidence: ShadowEvidence
    verdict: Verdict
    inputs: dict[str, Any]
    threshold: float | None


def _shown(
    site: Site, usecase: UseCase, entry: LedgerEntry, ended: str | None, *, folder: Path
) -> _Shown:
    from laurel.domain.objective import judged_objective
    from laurel.domain.probation import judge_shadow, measure_shadow
    from laurel.runs.shown import ReadShadows, no_rows

    probation = entry.probation
    assert probation is not None  # noqa: S101 - it is on probation
    config = usecase.config
    read = ReadShadows(site, usecase, entry, probation) if ended is None else None
    table = read.table(folder) if read else no_rows(usecase)
    evidence = measure_shadow(
        table,
        probation.policy,
        objective=judged_objective(config),
        threshold=config.scoring.threshold,
        facts={
            "usecase": config.name,
            "challenger": entry.model_version,
            "first": probation.first,
            "last": probation.last,
            "faults": read.faults if read else {},
            "ended": ended,
        },
    )
    return _Shown(
        entry=entry,
        probation=probation,
        evidence=evidence,
        verdict=judge_shadow(evidence, probation.policy),
        inputs={
            "challenger": entry.model_version,
            "bundle": entry.bundle,
            "ended": ended,
            "faults": read.failed if read else {},
            "read": read.document() if read else {},
        },
        threshold=config.scoring.threshold,
    )


def _bundle(site: Site, usecase: UseCase, shown: _Shown) -> Bundle:
    from laurel.adapters.environment import (
        code_identity,
        environment_identity,
        package_version,
    )
    from laurel.domain.bundle import Bundle, Code, run_id
    from laurel.domain.canonical import canonical_json
    from laurel.domain.probation import shadow_policy_digest

    policy = shown.probation.policy
    parameters = {"shadow": policy.model_dump(mode="json"), "threshold": shown.threshold}
    run = run_id(
        kind="probation",
        usecase=usecase.name,
        at=instant(shown.probation.until),
        inputs=shown.inputs,
        code={"version": package_version()},
        parameters=parameters,
    )
    return Bundle(
        id=run,
        kind="probation",
        usecase=usecase.name,
        as_of=shown.probation.until,
        model_version=shown.entry.model_version,
        code=Code(**code_identity(site.settings.checkout)),
        environment=environment_identity(),
        parameters=parameters,
        inputs=shown.inputs,
        files={EVIDENCE: canonical_json(shown.evidence.document()).decode()},
        verdict={
            **json.loads(canonical_json(shown.verdict.document())),
            "evidence": shown.evidence.digest(),
            "policy": shadow_policy_digest(policy),
        },
    )
