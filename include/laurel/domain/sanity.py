"""Tests of sanity that every challenger meets, whatever the policy: trivial models, a reload."""

from __future__ import annotations

from collections.abc import Iterator

from laurel.domain.config import Gate
from laurel.domain.evidence import CONFIDENCE, Evidence, confidence_key
from laurel.domain.threshold import Check, gain_text, number, unmeasured

SIMPLE_TOLERANCE = 0.01
"""By how much the simple model may exceed the challenger without a remark. What they are compared
by (an AUC, a share that is explained) is at most one, whatever the unit of the label."""


def sanity(evidence: Evidence, policy: Gate) -> Iterator[Check]:
    """A challenger beats a constant, is not worse than a simple model, and scores as it was saved.

    A better simple model is reported and closes no gate.
    """
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
        underpowered=policy.underpowered.overall,
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
    how = "exactly as when it was trained" if same else "otherwise than when it was trained"
    reason = f"the saved model, loaded again, scores {how}"
    return unmeasured("scores", "reload", "pass" if same else "fail", reason)
