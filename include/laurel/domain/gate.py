"""The gate: judges a challenger by a policy and its evidence, and says why in plain sentences.

What closes it: a failed threshold, on all rows, on one slice or between groups; what is
underpowered and the policy says ``reject`` to; a challenger that does not beat a constant of the
training days, or whose saved model scores otherwise than the trained one; a tie with the champion.
A simple model that does better is reported and closes nothing. No threshold means not promoted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from laurel.domain.canonical import digest
from laurel.domain.config import GapAtMost, Gate, VersusChampion
from laurel.domain.config.gate import Mode
from laurel.domain.evidence import Evidence
from laurel.domain.reign import against_reigning, aside
from laurel.domain.sanity import sanity
from laurel.domain.threshold import Check, Mark, check_absolute, check_gap, check_versus

Outcome = Literal["promote", "reject"]

OFF = "the gate is off: whatever was trained is promoted"
SHADOW = "the gate is in shadow mode: it decides, and promotes nothing"

__all__ = ["Check", "Mark", "Outcome", "Verdict", "judge", "policy_digest", "promotes"]


@dataclass(frozen=True)
class Verdict:
    """What the gate says, and why."""

    outcome: Outcome
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    mode: Mode = "enforce"

    @property
    def promotes(self) -> bool:
        """Whether the challenger is promoted: in shadow mode none is, whatever the outcome."""
        return self.outcome == "promote" and self.mode != "shadow"

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        checks = [asdict(check) for check in self.checks]
        return {
            "mode": self.mode,
            "outcome": self.outcome,
            "reasons": list(self.reasons),
            "checks": checks,
        }


def promotes(verdict: Mapping[str, Any]) -> bool:
    """Whether a verdict, as it is kept, promotes its challenger.

    >>> promotes({"outcome": "promote"}), promotes({"outcome": "promote", "mode": "shadow"})
    (True, False)
    """
    return bool(verdict["outcome"] == "promote" and verdict.get("mode") != "shadow")


def judge(evidence: Evidence, policy: Gate) -> Verdict:
    """Judge a challenger: ``promote`` when thresholds are configured and no check closes the gate.

    Without a champion the absolute thresholds decide; where nothing decides, nothing is promoted.
    In shadow mode the outcome is the same, and nothing follows from it; when the gate is off the
    outcome is always ``promote``. Raises :class:`laurel.errors.Refused` when the evidence lacks
    what the policy asks, and :class:`laurel.errors.ConfigError` for a metric that the objective
    does not have.
    """
    for threshold in policy.thresholds:
        if not isinstance(threshold, GapAtMost):
            evidence.learned.metric(threshold.metric)
    tested = tuple(_tested(evidence, policy))
    reigning = tuple(against_reigning(evidence, policy))
    checks = (*tested, *reigning, *sanity(evidence, policy))
    closing = list(_closing(policy, tested, checks))
    outcome: Outcome = "reject" if closing else "promote"
    reasons = tuple(closing) or tuple(_opening(evidence, checks))
    if policy.mode == "off":
        outcome, reasons = "promote", (OFF, *(f"it would have said: {why}" for why in reasons))
    elif policy.mode == "shadow" and outcome == "promote":
        reasons = (SHADOW, *reasons)
    return Verdict(outcome=outcome, reasons=reasons, checks=checks, mode=policy.mode)


def policy_digest(policy: Gate) -> str:
    """SHA-256 of a policy's canonical JSON."""
    return digest(policy.model_dump(mode="json"))


def _closing(policy: Gate, tested: tuple[Check, ...], checks: tuple[Check, ...]) -> Iterator[str]:
    failed = [check.reason for check in checks if check.closes]
    if not policy.thresholds:
        yield "no threshold is configured, so nothing can be promoted"
    elif all(check.verdict == "not_applicable" for check in tested):
        yield "there is no champion to compare with and no absolute threshold, so nothing decides"
    elif not failed and not any(check.verdict == "pass" and _is_whole(check) for check in tested):
        yield "no threshold passes on all rows, so nothing decides"
    yield from failed


def _opening(evidence: Evidence, checks: tuple[Check, ...]) -> Iterator[str]:
    if evidence.champion is None:
        yield "there is no champion yet: the absolute thresholds decide"
    for check in checks:
        if check.kind == "comparable" or (check.verdict == "pass" and _is_whole(check)):
            yield check.reason
    for check in checks:
        if check.verdict == "fail":
            yield f"reported, not blocking: {check.reason}"
        elif check.verdict == "underpowered" and check.slice is None:
            yield f"reported as underpowered: {check.reason}"
    unsure = sorted({c.slice for c in checks if c.verdict == "underpowered" and c.slice})
    if unsure:
        yield f"{len(unsure)} slice(s) are underpowered: {', '.join(unsure)}"


def _is_whole(check: Check) -> bool:
    """Whether it is about all rows, or about all groups."""
    return check.slice is None or check.kind == "gap_at_most"


def _tested(evidence: Evidence, policy: Gate) -> Iterator[Check]:
    for scope in (evidence.overall, *evidence.slices):
        for threshold in policy.thresholds:
            if isinstance(threshold, VersusChampion):
                whole = scope.slice is None
                why = aside(evidence, policy, threshold, whole=whole)
                yield check_versus(scope, threshold, policy, aside=why)
            elif not isinstance(threshold, GapAtMost):
                yield check_absolute(scope, threshold, policy)
    for gap in policy.gap_thresholds:
        yield check_gap(evidence.gaps, gap, policy)
