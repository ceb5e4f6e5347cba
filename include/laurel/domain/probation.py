"""The end of a probation: what a challenger showed in shadow, judged by what was asked of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from laurel.domain.beside import alike, realised
from laurel.domain.canonical import digest
from laurel.domain.config import Frozen, Gate, ShadowGate
from laurel.domain.evidence import Scope
from laurel.domain.gate import Verdict
from laurel.domain.objective import Objective
from laurel.domain.partition import Partition
from laurel.domain.threshold import Check, check_versus, number, unmeasured
from laurel.errors import Refused


class ShadowEvidence(Frozen):
    """What a challenger showed in shadow, beside who served."""

    version: int = 1
    usecase: str
    challenger: str
    first: str
    last: str
    """The partitions that it was to score."""
    served: tuple[str, ...]
    """The versions that answered the rows it is compared on."""
    faults: dict[str, str]
    """Partition → why it could not score it."""
    ended: str | None
    """What ended the probation before its time, in words."""
    rows: int
    """Rows that both have scored."""
    distance: float | None
    rank_correlation: float | None
    changed: float | None
    """``None`` where undefined."""
    realised: Scope | None
    """Both models' metrics on the labels that were due; ``None`` where none was asked for."""

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return digest(self.document())


def shadow_policy_digest(policy: ShadowGate) -> str:
    """SHA-256 of the canonical JSON of what is asked."""
    return digest(policy.model_dump(mode="json"))


def measure_shadow(
    table: pd.DataFrame,
    policy: ShadowGate,
    *,
    objective: Objective,
    threshold: float | None,
    facts: dict[str, Any],
) -> ShadowEvidence:
    """Measure what is asked for; table: as :func:`laurel.domain.beside.paired` gives it, with
    ``label`` as a number, nan where it had not come. facts: fields that are not measured."""
    found = alike(table, objective, threshold=threshold)
    scope = None
    if policy.realised:
        scope = realised(
            table,
            objective,
            minimum_rows=policy.minimum_rows,
            resamples=policy.resamples,
            asked=policy.realised,
        )
    return ShadowEvidence(
        **facts,
        served=tuple(sorted(set(table["model_version"].astype("str")))),
        rows=found.rows,
        distance=_known(found.distance),
        rank_correlation=_known(found.rank_correlation),
        changed=_known(found.changed),
        realised=scope,
    )


def judge_shadow(evidence: ShadowEvidence, policy: ShadowGate) -> Verdict:
    """Judge a challenger by what it showed: ``promote`` where nothing that is asked fails.

    What cannot be measured on these rows, or on too few, does not let it through. Raises
    :class:`Refused` where labels are asked for that were not looked at.
    """
    checks = tuple(_checks(evidence, policy))
    failed = [check.reason for check in checks if check.closes]
    reasons = failed or [check.reason for check in checks if check.verdict == "pass"]
    return Verdict("reject" if failed else "promote", tuple(reasons), checks)


def _checks(evidence: ShadowEvidence, policy: ShadowGate) -> Iterator[Check]:
    if evidence.ended is not None:
        said = f"its probation ended before its time: {evidence.ended}"
        yield unmeasured("shadow", "ended", "fail", said)
        return
    yield _faultless(evidence)
    enough = evidence.rows >= policy.minimum_rows
    remark = "" if enough else f"; {policy.minimum_rows} are needed"
    said = f"{evidence.rows} rows were scored by both, {evidence.first} to {evidence.last}{remark}"
    yield unmeasured("shadow", "rows", "pass" if enough else "underpowered", said)
    bounds = (
        ("share of changed decisions", evidence.changed, policy.changed_at_most, 1),
        ("distance of the scores", evidence.distance, policy.distance_at_most, 1),
        ("rank correlation", evidence.rank_correlation, policy.rank_correlation_at_least, -1),
    )
    for name, found, required, sign in bounds:
        if required is not None:
            yield _bound(name, found, required, sign=sign)
    if policy.realised and evidence.realised is None:
        raise Refused(
            "the evidence of the probation holds no labels, which the policy asks for",
            usecase=evidence.usecase,
            found=evidence.challenger,
            hint="say gate.shadow.realised before a challenger is trained",
        )
    if evidence.realised is not None:
        asked = Gate(thresholds=policy.realised, minimum_rows=policy.minimum_rows)
        for threshold in policy.realised:
            yield check_versus(evidence.realised, threshold, asked)


def _faultless(evidence: ShadowEvidence) -> Check:
    if not evidence.faults:
        days = (Partition.of(evidence.last).day - Partition.of(evidence.first).day).days + 1
        return unmeasured("shadow", "faultless", "pass", f"it scored {days} partition(s) in shadow")
    day, why = min(evidence.faults.items())
    count = len(evidence.faults)
    return unmeasured(
        "shadow",
        "faultless",
        "fail",
        f"it could not score {count} partition(s) in shadow, {day}: {why}",
    )


def _bound(name: str, found: float | None, required: float, *, sign: int) -> Check:
    reached = found is not None and sign * found <= sign * required
    words = "at most" if sign > 0 else "at least"
    return Check(
        metric=name,
        kind=words.replace(" ", "_"),
        slice=None,
        found=found,
        required=required,
        interval=None,
        verdict="pass" if reached else "fail",
        reason=f"the {name} is {number(found)}, required is {words} {number(required)}",
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
