"""Decide: write the verdict of a training run into the ledger, in the order of as_of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from laurel.adapters.records import find_bundle
from laurel.adapters.records.alarms import AlarmJournal
from laurel.domain.bundle import Bundle, bundle_prefix
from laurel.domain.canonical import digest, instant
from laurel.domain.challengers import probation_of
from laurel.domain.gate import promotes
from laurel.domain.ledger import Event, LedgerEntry, Probation, Question
from laurel.errors import NotFound
from laurel.runs.heads import noted_heads
from laurel.runs.signed import signed
from laurel.runs.site import Site
from laurel.runs.train import expect_gate
from laurel.usecase import UseCase

GATE = "gate"


@dataclass(frozen=True)
class Decided:
    """What the ledger says of a training run now."""

    usecase: str
    entry: LedgerEntry
    repeated: bool
    note: str | None

    @property
    def page(self) -> str:
        """The key of the decision's page."""
        return f"{bundle_prefix(self.usecase, 'train', self.entry.run or '')}/decision.html"

    def sentence(self) -> str:
        """What was decided, in a sentence."""
        if self.note:
            return self.note
        if self.entry.probation is not None:
            return _in_shadow(self.entry, self.entry.probation)
        if self.waits:
            return self._asked()
        how = "was already" if self.repeated else "is"
        about = self.entry.model_version or f"as_of {instant(self.entry.as_of)}"
        said = f"{about} {how} {self.entry.event} by {self.entry.decided_by}"
        return f"{said}: {self.entry.reasons[0]}" if self.entry.reasons else said

    @property
    def waits(self) -> bool:
        """Whether a person has to answer before the model may reign."""
        return self.entry.event == "registered" and self.entry.probation is None

    def _asked(self) -> str:
        said = f"the gate lets {self.entry.model_version} through; it waits for a person's approval"
        question = self.entry.question
        if question is None:
            return said
        return (
            f"{said}: {' or '.join(question.by)}, by {instant(question.until)}, "
            f"or else {question.otherwise}"
        )

    def reference(self) -> dict[str, Any]:
        """References for XCom and the asset event."""
        return {
            "event": self.entry.event,
            "model_version": self.entry.model_version,
            "run": self.entry.run,
            "bundle": self.entry.bundle,
            "effective_from": instant(self.entry.effective_from),
            "repeated": self.repeated,
        }


def _in_shadow(entry: LedgerEntry, probation: Probation) -> str:
    return (
        f"the gate lets {entry.model_version} through; first it scores "
        f"{probation.policy.partitions} partition(s) in shadow, {probation.first} to "
        f"{probation.last}, and what it shows is judged at {instant(probation.until)}"
    )


def decide(site: Site, usecase: UseCase, *, run: str, supersede: bool = False) -> Decided:
    """Append the gate's verdict of a training run; a repeated call returns the decision made.

    Raises :class:`NotFound` for a run without a bundle, :class:`Refused` when a decision with a
    later as_of exists, or in production for a gate that is off.
    """
    expect_gate(site.settings, usecase)
    bundle = find_bundle(site.store, usecase.name, "train", run)
    if bundle is None or bundle.as_of is None or bundle.verdict is None:
        raise NotFound(
            "this training run has no bundle, so there is nothing to decide",
            usecase=usecase.name,
            found=run,
            hint=f"run {usecase.name}_train first: the bundle comes before the decision",
        )
    with signed(site, usecase.name):
        proposal = _proposal(site, usecase, bundle)
        ruling = site.ledger(usecase).decide(proposal, supersede=supersede)
    note = None
    if ruling.outcome == "bundle alone":
        note = (
            f"{bundle.model_version} is kept as a bundle alone: for this as_of "
            f"{ruling.entry.model_version or 'the training'} was {ruling.entry.event} "
            f"{ruling.differs(proposal)}"
        )
    return Decided(usecase=usecase.name, entry=ruling.entry, repeated=not ruling, note=note)


def decline(site: Site, usecase: UseCase, *, as_of: datetime, by: str, reason: str) -> Decided:
    """Settle an as_of whose training cannot succeed, by a person; see the ledger's rules."""
    with signed(site, usecase.name):
        ruling = site.ledger(usecase).decline(as_of, by=by, reason=reason)
    return Decided(usecase=usecase.name, entry=ruling.entry, repeated=not ruling, note=None)


def _proposal(site: Site, usecase: UseCase, bundle: Bundle) -> LedgerEntry:
    verdict = bundle.verdict or {}
    as_of, now = bundle.as_of, datetime.now(UTC)
    assert as_of is not None  # noqa: S101 - decide() has looked
    probation = _probation(usecase, bundle, as_of)
    event = _event(usecase, verdict, probation)
    return LedgerEntry(
        event=event,
        model_version=bundle.model_version,
        bundle=bundle.digest,
        run=bundle.id,
        as_of=as_of,
        effective_from=probation.until if probation else as_of + usecase.config.decision_lag,
        decided_at=now,
        decided_by=GATE,
        reasons=tuple(verdict["reasons"]),
        evidence=verdict["evidence"],
        policy=verdict["policy"],
        verdict=verdict["outcome"],
        question=question_of(usecase, now) if event == "registered" and not probation else None,
        probation=probation,
        heads=decision_heads(site, usecase),
        inputs=digest({name: bundle.inputs[name] for name in ("window", "champion")}),
    )


def _event(usecase: UseCase, verdict: Mapping[str, Any], probation: Probation | None) -> Event:
    if not promotes(verdict):
        return "rejected"
    return "registered" if probation or usecase.config.gate.approval else "promoted"


def _probation(usecase: UseCase, bundle: Bundle, as_of: datetime) -> Probation | None:
    """The time in shadow that a challenger has to stand; ``None`` where there is nobody to be
    compared with, or nothing is asked."""
    asked, verdict = usecase.config.gate.shadow, bundle.verdict or {}
    alone = bundle.inputs["champion"] is None or any(
        check["kind"] == "comparable" for check in verdict["checks"]
    )
    if asked is None or alone or not promotes(verdict) or verdict.get("mode") == "off":
        return None
    return probation_of(usecase.config, as_of, asked)


def question_of(usecase: UseCase, now: datetime) -> Question | None:
    """Whom the use case has asked, until when."""
    asked = usecase.config.gate.approval
    if asked is None:
        return None
    return Question(by=asked.by, until=now + asked.timeout, otherwise=asked.on_timeout)


def decision_heads(site: Site, usecase: UseCase) -> dict[str, tuple[int, str]]:
    """Where other journals stand: a chain cannot prove its own tail, so the ledger notes it."""
    catalogs = [site.catalog(usecase, name) for name in sorted(usecase.config.datasets)]
    alarms = AlarmJournal(site.store, usecase.name)
    return noted_heads(*catalogs, site.run_records(usecase), alarms)
