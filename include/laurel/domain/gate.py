"""The gate: judges a challenger by a policy and its evidence, and says why in plain sentences.

What closes it: a failed threshold, on all rows or on one slice; too few hold-out rows; a challenger
that does not beat a constant of the training days, or whose saved model scores otherwise than the
trained one. An underpowered slice is reported and closes nothing, as is a simple model that does
better. No threshold means not promoted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from laurel.domain.canonical import digest
from laurel.domain.config import Gate, VersusChampion
from laurel.domain.evidence import CONFIDENCE, Evidence, confidence_key
from laurel.domain.threshold import (
    Check,
    Mark,
    check_absolute,
    check_versus,
    gain_text,
    number,
)

Outcome = Literal["promote", "reject"]

SIMPLE_TOLERANCE = 0.01
"""By how much the simple model may exceed the challenger without a remark. What they are compared
by (an AUC, a share that is explained) is at most one, whatever the unit of the label."""

__all__ = ["Check", "Mark", "Outcome", "Verdict", "judge", "policy_digest"]


@dataclass(frozen=True)
class Verdict:
    """What the gate says, and why."""

    outcome: Outcome
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        checks = [asdict(check) for check in self.checks]
        return {"outcome": self.outcome, "reasons": list(self.reasons), "checks": checks}


def judge(evidence: Evidence, policy: Gate) -> Verdict:
    """Judge a challenger: ``promote`` when thresholds are configured and no check closes the gate.

    Without a champion the absolute thresholds decide; where nothing decides, nothing is promoted.
    Raises :class:`laurel.errors.Refused` when the evidence lacks what the policy asks, and
    :class:`laurel.errors.ConfigError` for a metric that the objective does not have.
    """
    for threshold in policy.thresholds:
        evidence.learned.metric(threshold.metric)
    tested = tuple(_tested(evidence, policy))
    checks = (*tested, *_sanity(evidence, policy))
    closing = [check.reason for check in checks if check.closes]
    if not policy.thresholds:
        closing.insert(0, "no threshold is configured, so nothing can be promoted")
    elif all(check.verdict == "not_applicable" for check in tested):
        closing.insert(0, "there is no champion and no absolute threshold, so nothing decides")
    if closing:
        return Verdict(outcome="reject", reasons=tuple(closing), checks=checks)
    return Verdict(outcome="promote", reasons=tuple(_opening(evidence, checks)), checks=checks)


def policy_digest(policy: Gate) -> str:
    """SHA-256 of a policy's canonical JSON."""
    return digest(policy.model_dump(mode="json"))


def _opening(evidence: Evidence, checks: tuple[Check, ...]) -> Iterator[str]:
    if evidence.champion is None:
        yield "there is no champion yet: the absolute thresholds decide"
    for check in checks:
        if check.verdict == "pass" and check.slice is None:
            yield check.reason
    for check in checks:
        if check.verdict == "fail":
            yield f"reported, not blocking: {check.reason}"
    unsure = sorted({c.slice for c in checks if c.verdict == "underpowered" and c.slice})
    if unsure:
        yield f"{len(unsure)} slice(s) are underpowered: {', '.join(unsure)}"


def _tested(evidence: Evidence, policy: Gate) -> Iterator[Check]:
    for scope in (evidence.overall, *evidence.slices):
        for threshold in policy.thresholds:
            if isinstance(threshold, VersusChampion):
                yield check_versus(scope, threshold, policy, champion=evidence.champion)
            else:
                yield check_absolute(scope, threshold, policy)


def _sanity(evidence: Evidence, policy: Gate) -> Iterator[Check]:
    yield _against_constant(evidence, policy)
    yield _against_simple(evidence)
    yield _reloaded(evidence)


def _against_constant(evidence: Evidence, policy: Gate) -> Check:
    compared, learned = evidence.trivial.constant, evidence.learned
    metric = learned.against_constant.name
    interval = compared.bounds.get(confidence_key(CONFIDENCE))
    few = evidence.overall.rows < policy.minimum_rows
    beaten = interval is not None and interval[0] > 0
    return Check(
        metric=metric,
        kind="beats_constant",
        slice=None,
        found=compared.gain,
        required=0.0,
        interval=interval,
        verdict="underpowered" if few else "pass" if beaten else "fail",
        reason=f"{metric} is {number(compared.challenger)}, that of the training days' "
        f"{learned.constant_title} {number(compared.reference)}: "
        f"{gain_text(compared.gain, interval)}, required is to be better at {CONFIDENCE:.0%} "
        "confidence" + (f"; {evidence.overall.rows} rows are too few" if few else ""),
    )


def _against_simple(evidence: Evidence) -> Check:
    compared, learned = evidence.trivial.simple, evidence.learned
    metric = learned.against_simple.name
    interval = compared.bounds.get(confidence_key(CONFIDENCE))
    fine = compared.gain is not None and compared.gain >= -SIMPLE_TOLERANCE
    return Check(
        metric=metric,
        kind="not_worse_than_simple",
        slice=None,
        found=compared.gain,
        required=-SIMPLE_TOLERANCE,
        interval=interval,
        verdict="pass" if fine else "fail",
        reason=f"{metric} is {number(compared.challenger)}, {learned.simple_title}'s "
        f"{number(compared.reference)}: {gain_text(compared.gain, interval)}, expected is to be "
        f"worse by no more than {number(SIMPLE_TOLERANCE)}",
        blocking=False,
    )


def _reloaded(evidence: Evidence) -> Check:
    same = evidence.reload_identical
    return Check(
        metric="scores",
        kind="reload",
        slice=None,
        found=None,
        required=None,
        interval=None,
        verdict="pass" if same else "fail",
        reason="the saved model, loaded again, scores "
        + ("exactly as when it was trained" if same else "otherwise than when it was trained"),
    )
