"""One threshold on one scope: a check with its verdict and a sentence that says why.

What each kind of threshold asks of all hold-out rows:

- ``at_least``, ``at_most``: the metric itself reaches the value.
- ``not_worse``: with the stated confidence the challenger is worse by no more than the margin.
- ``better``: with the stated confidence it is better by at least the margin, and by more than
  nothing: a tie never promotes.

A slice has fewer rows and there are many slices, so on a slice every threshold asks for less: the
same value, or no regression beyond the margin (for ``better``: none at all). It fails where the
bound shows the breach with confidence, and is ``underpowered`` where the value alone does. A gap
between groups (``gap_at_most``) is judged in the same way. The policy says whether what is
underpowered closes the gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from laurel.domain.config import AtLeast, AtMost, GapAtMost, Gate, VersusChampion
from laurel.domain.config.gate import WhenUnderpowered
from laurel.domain.evidence import CONFIDENCE, Bounds, Comparison, Gap, Scope, confidence_key
from laurel.errors import Refused

Mark = Literal["pass", "fail", "underpowered", "not_applicable"]
Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Check:
    """One threshold, or one test of sanity, on all rows or on a slice."""

    metric: str
    kind: str
    slice: str | None
    """``column=value`` (of a crossing several), ``groups of <column>`` of a gap, or ``None`` for
    all hold-out rows."""
    found: float | None
    """The metric, or the gain over the reference; ``None`` where undefined or not looked for."""
    required: float | None
    interval: Interval
    """One-sided bounds of ``found``, at the threshold's confidence."""
    verdict: Mark
    reason: str
    blocking: bool = True
    """Whether a failure closes the gate."""
    underpowered: WhenUnderpowered = "reject"
    """What follows where it is underpowered."""

    @property
    def closes(self) -> bool:
        """Whether this check alone keeps the challenger out."""
        unsure = self.verdict == "underpowered" and self.underpowered == "reject"
        return self.blocking and (self.verdict == "fail" or unsure)


def unmeasured(metric: str, kind: str, verdict: Mark, reason: str) -> Check:
    """A check of what is no number.

    >>> unmeasured("champion", "age", "pass", "the champion is 3 days old").found is None
    True
    """
    return Check(
        metric=metric,
        kind=kind,
        slice=None,
        found=None,
        required=None,
        interval=None,
        verdict=verdict,
        reason=reason,
    )


@dataclass(frozen=True)
class _Reading:
    """What decides: slacks below zero are breaches."""

    rows: int
    slack: float | None
    best: float | None
    """The slack at the bound that favours the challenger."""
    strict: bool = False


def check_absolute(scope: Scope, threshold: AtLeast | AtMost, policy: Gate) -> Check:
    """Test a bound on the metric itself; raises :class:`Refused` where it was not measured."""
    measured = scope.metrics.get(threshold.metric)
    if measured is None:
        raise _lacking(threshold.metric)
    floor = isinstance(threshold, AtLeast)
    sign = 1 if floor else -1
    interval = _interval(measured.bounds, CONFIDENCE, enough=scope.rows >= policy.minimum_rows)
    reading = _Reading(
        rows=scope.rows,
        slack=None if measured.value is None else sign * (measured.value - threshold.value),
        best=None if interval is None else sign * (interval[floor] - threshold.value),
    )
    verdict, remark = _weigh(reading, scope, policy)
    return Check(
        metric=threshold.metric,
        kind=threshold.kind,
        slice=scope.slice,
        found=measured.value,
        required=threshold.value,
        interval=interval,
        verdict=verdict,
        reason=f"{threshold.metric}{_on(scope)} is {number(measured.value)}, required is "
        f"{'at least' if floor else 'at most'} {number(threshold.value)}{remark}",
        underpowered=_when(scope, policy),
    )


def check_versus(
    scope: Scope, threshold: VersusChampion, policy: Gate, *, aside: str | None = None
) -> Check:
    """Test the gain over the champion; raises :class:`Refused` where it was not measured.

    aside: why there is nothing to compare with, in words.
    """
    if aside is not None:
        return _set_aside(scope, threshold, aside)
    compared = scope.champion.get(threshold.metric)
    if compared is None:
        raise _lacking(threshold.metric)
    enough = scope.compared_rows >= policy.minimum_rows
    interval = _interval(compared.bounds, threshold.confidence, enough=enough)
    reading = _read_gain(scope, threshold, compared=compared, interval=interval)
    verdict, remark = _weigh(reading, scope, policy)
    return Check(
        metric=threshold.metric,
        kind=threshold.kind,
        slice=scope.slice,
        found=compared.gain,
        required=_floor(scope, threshold),
        interval=interval,
        verdict=verdict,
        reason=f"{threshold.metric}{_on(scope)} is {number(compared.challenger)}, the champion's "
        f"{number(compared.reference)}: {gain_text(compared.gain, interval)}, required is "
        f"{_demand(scope, threshold)} at {threshold.confidence:.0%} confidence{remark}",
        underpowered=_when(scope, policy),
    )


def check_gap(gaps: Sequence[Gap], threshold: GapAtMost, policy: Gate) -> Check:
    """Test the gap between the groups of a column; raises :class:`Refused` where not measured."""
    wanted = (threshold.column, threshold.metric)
    gap = next((gap for gap in gaps if (gap.column, gap.metric) == wanted), None)
    if gap is None:
        raise _lacking(f"the gap of {threshold.metric} between the groups of {threshold.column}")
    interval = _interval(gap.bounds, threshold.confidence, enough=gap.gap is not None)
    verdict, remark = _weigh_gap(gap, interval, threshold)
    return Check(
        metric=threshold.metric,
        kind=threshold.kind,
        slice=f"groups of {threshold.column}",
        found=gap.gap,
        required=threshold.value,
        interval=interval,
        verdict=verdict,
        reason=f"{threshold.metric} lies {number(gap.gap)} apart between groups of "
        f"{threshold.column}{_ends(gap)}, required is at most {number(threshold.value)}{remark}",
        underpowered=policy.underpowered.gaps,
    )


def number(value: float | None) -> str:
    """A value for a sentence.

    >>> number(0.69512), number(None)
    ('0.6951', 'undefined')
    """
    return "undefined" if value is None else f"{value:.4g}"


def gain_text(gain: float | None, interval: Interval) -> str:
    """A gain and its bounds for a sentence.

    >>> gain_text(0.012, (-0.001, 0.02))
    'a gain of +0.012 (-0.001 to +0.02)'
    """
    if gain is None:
        return "an undefined gain"
    bounds = f" ({interval[0]:+.4g} to {interval[1]:+.4g})" if interval else ""
    return f"a gain of {gain:+.4g}{bounds}"


def _weigh(reading: _Reading, scope: Scope, policy: Gate) -> tuple[Mark, str]:
    whole = scope.slice is None
    if reading.rows < policy.minimum_rows:
        return (
            "underpowered",
            f"; {reading.rows} rows are too few, {policy.minimum_rows} are needed",
        )
    if reading.slack is None:
        return ("fail" if whole else "underpowered"), "; it cannot be computed on these rows"
    if reading.slack > 0 or (reading.slack == 0 and not reading.strict):
        return "pass", ""
    if whole or (reading.best is not None and reading.best < 0):
        return "fail", ""
    return "underpowered", f"; {reading.rows} rows do not settle it"


def _weigh_gap(gap: Gap, interval: Interval, threshold: GapAtMost) -> tuple[Mark, str]:
    if gap.gap is None:
        return "underpowered", "; fewer than two groups have enough rows"
    if gap.gap <= threshold.value:
        return "pass", ""
    if interval is not None and interval[0] > threshold.value:
        return "fail", f" at {threshold.confidence:.0%} confidence"
    return "underpowered", "; the rows do not settle it"


def _ends(gap: Gap) -> str:
    """The two groups that lie furthest apart, in words."""
    found = {group.value: group.found for group in gap.groups}
    if gap.low is None or gap.high is None:
        return ""
    ends = [f"{name} {number(found[name])}" for name in (gap.high, gap.low)]
    return f" ({', '.join(ends)})"


def _when(scope: Scope, policy: Gate) -> WhenUnderpowered:
    rule = policy.underpowered
    return rule.overall if scope.slice is None else rule.slices


def _read_gain(
    scope: Scope, threshold: VersusChampion, *, compared: Comparison, interval: Interval
) -> _Reading:
    floor = _floor(scope, threshold)
    whole = scope.slice is None
    decisive = (interval[0] if interval else None) if whole else compared.gain
    return _Reading(
        rows=scope.compared_rows,
        slack=None if decisive is None else decisive - floor,
        best=interval[1] - floor if interval else None,
        strict=whole and threshold.kind == "better" and floor == 0,
    )


def _floor(scope: Scope, threshold: VersusChampion) -> float:
    if threshold.kind == "better":
        return threshold.margin if scope.slice is None else 0.0
    return 0.0 - threshold.margin


def _demand(scope: Scope, threshold: VersusChampion) -> str:
    floor = _floor(scope, threshold)
    if threshold.kind == "better" and scope.slice is None:
        return f"to be better by {f'at least {number(floor)}' if floor else 'more than nothing'}"
    return f"to be worse by no more than {number(abs(floor))}"


def _set_aside(scope: Scope, threshold: VersusChampion, why: str) -> Check:
    return Check(
        metric=threshold.metric,
        kind=threshold.kind,
        slice=scope.slice,
        found=None,
        required=_floor(scope, threshold),
        interval=None,
        verdict="not_applicable",
        reason=f"{threshold.metric}{_on(scope)} is not compared: {why}",
    )


def _interval(bounds: Bounds, confidence: float, *, enough: bool) -> Interval:
    key = confidence_key(confidence)
    if key in bounds:
        return bounds[key]
    if enough:
        raise _lacking(f"bounds at confidence {key}")
    return None


def _on(scope: Scope) -> str:
    return f" on {scope.slice}" if scope.slice else ""


def _lacking(what: str) -> Refused:
    return Refused(
        "the evidence lacks what the policy asks for",
        expected=what,
        hint="measure the evidence again, under this policy, from the scores kept with the run",
    )
