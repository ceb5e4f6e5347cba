"""Drift: how far the features and scores of a window have moved from a reference's.

Three things must come together before a feature alarms: enough rows; a population stability
index that exceeds what single days of the reference usually show (one Monday always differs
from a quarter) by the bound of the use case; and a chi-square test that excludes chance, with
Bonferroni's correction over the features (Dunn, Multiple comparisons among means, Journal of the
American Statistical Association 56, 1961).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from laurel.domain import distance
from laurel.domain.bins import align
from laurel.domain.config import Monitoring
from laurel.domain.contrast import contrast
from laurel.domain.sketch import UNKNOWN, Description

Severity = Literal["critical", "warning", "underpowered", "none"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "underpowered", "none")
"""From the gravest to the calmest."""

ALPHA = 0.01
"""Chance of one false alarm over all features of a comparison, by the test alone."""
WITHIN = "within the bounds"
USUAL_SHARE = 0.9
WEEK = 7
"""Fewer days than a week do not say what is usual."""


@dataclass(frozen=True)
class FeatureDrift:
    """How one feature, or the score, differs from the reference; nan where undefined."""

    name: str
    kind: Literal["numeric", "categorical", "score"]
    severity: Severity
    reason: str
    psi: float
    """Population stability index over the bins, a missing value being one of them."""
    usual: float
    """The index that 9 of 10 single days of the reference stay below; nan when unknown."""
    js: float
    """Jensen-Shannon distance with base 2."""
    ks: float
    """Kolmogorov-Smirnov distance; undefined of categories."""
    p_value: float
    """Of the chi-square test, before Bonferroni's correction."""
    missing: float
    """Share of missing values now, minus the reference's."""
    new: tuple[str, ...]
    vanished: tuple[str, ...]
    bins: tuple[str, ...]
    reference: tuple[int, ...]
    current: tuple[int, ...]
    ks_p_value: float = math.nan
    """Of the two-sample Kolmogorov-Smirnov test; undefined of categories."""
    wasserstein: float = math.nan
    """First Wasserstein distance, in the unit of the values; undefined of categories."""
    wasserstein_std: float = math.nan
    """The same in standard deviations of the reference."""
    then: Description = UNKNOWN
    """What the reference's values are like."""
    now: Description = UNKNOWN
    """What this window's values are like."""
    importance: float = math.nan
    """The feature's share of what the model's trees gained; nan where the profile has none."""

    @property
    def matters(self) -> float:
        """How much the drift may matter to the model: the index times the importance."""
        return self.psi * self.importance


def compare(
    reference: Mapping[str, Any],
    current: Mapping[str, Any],
    *,
    monitoring: Monitoring,
    usual: Mapping[str, float | None] | None = None,
    profile: Mapping[str, Any] | None = None,
) -> tuple[FeatureDrift, ...]:
    """Compare the features of two counts of one profile (or the profile itself), gravest first.

    usual: feature → the index that a single day usually shows, from :func:`usual_psi`. profile:
    that both were counted over, where the reference is not the profile itself.

    >>> import pandas as pd
    >>> from laurel.domain.profile import bin_counts, build_profile
    >>> then, now = pd.DataFrame({"c": ["a", "b"] * 500}), pd.DataFrame({"c": ["a"] * 900})
    >>> profile = build_profile(then, np.full(1000, 0.5))
    >>> drift = compare(profile, bin_counts(profile, now, np.full(900, 0.5)),
    ...                 monitoring=Monitoring())
    >>> drift[0].severity, drift[0].vanished
    ('critical', ('b',))
    """
    names = sorted(reference["features"])
    found = (
        _drift(
            name,
            reference["features"][name],
            current["features"][name],
            monitoring=monitoring,
            usual=_known((usual or {}).get(name)),
            tests=len(names),
            sketched=(profile or reference)["features"][name],
        )
        for name in names
    )
    return tuple(sorted(found, key=_gravest_first))


def compare_scores(
    reference: Mapping[str, Any],
    current: Mapping[str, Any],
    *,
    monitoring: Monitoring,
    usual: Mapping[str, float | None] | None = None,
    profile: Mapping[str, Any] | None = None,
) -> tuple[FeatureDrift, ...]:
    """Compare each score of a row of two counts: probabilities over tenths of the reference's."""
    return tuple(
        _drift(
            name,
            entry,
            current["scores"][name],
            monitoring=monitoring,
            usual=_known((usual or {}).get(name)),
            tests=len(reference["scores"]),
            sketched=(profile or reference)["scores"][name],
        )
        for name, entry in reference["scores"].items()
    )


def compare_column(
    name: str,
    reference: Mapping[str, Any],
    current: Mapping[str, Any],
    *,
    monitoring: Monitoring,
) -> FeatureDrift:
    """Compare two entries of one column that stands by itself, such as what was decided."""
    return _drift(
        name,
        reference,
        current,
        monitoring=monitoring,
        usual=math.nan,
        tests=1,
        sketched=reference,
    )


def usual_psi(
    reference: Mapping[str, Any], days: Iterable[Mapping[str, Any]], *, minimum_rows: int
) -> dict[str, Any]:
    """What single days usually show against the reference: ``{"features": {…}, "scores": {…}}``.

    Days with fewer than ``minimum_rows`` rows are left out; ``None`` with fewer than seven days.
    """
    big = [day for day in days if day["rows"] >= minimum_rows]
    return {
        "features": {
            name: _usual([_index(entry, day["features"][name]) for day in big])
            for name, entry in reference["features"].items()
        },
        "scores": {
            name: _usual([_index(entry, day["scores"][name]) for day in big])
            for name, entry in reference["scores"].items()
        },
    }


def worst(severities: Iterable[Severity]) -> Severity:
    """The gravest of some severities; ``none`` of no severity.

    >>> worst(["none", "warning"])
    'warning'
    """
    return min(severities, key=SEVERITIES.index, default="none")


def _drift(
    name: str,
    reference: Mapping[str, Any],
    current: Mapping[str, Any],
    *,
    monitoring: Monitoring,
    usual: float,
    tests: int,
    sketched: Mapping[str, Any],
) -> FeatureDrift:
    both = align(reference, current)
    index = distance.psi(both.reference, both.current)
    p_value = distance.chi_square(both.reference, both.current)
    rows = (sum(both.reference), sum(both.current))
    severity, reason = _judge(
        index, p_value=p_value, usual=usual, rows=rows, tests=tests, monitoring=monitoring
    )
    named = reference["kind"] == "categorical"
    levels = (reference["counts"], current["counts"]) if named else ({}, {})
    fine = contrast(reference, current, sketched)
    coarse = math.nan if named else distance.ks(reference["counts"], current["counts"])
    return FeatureDrift(
        name=name,
        kind=reference["kind"],
        severity=severity,
        reason=reason,
        psi=index,
        usual=usual,
        js=distance.js(both.reference, both.current),
        ks=coarse if math.isnan(fine.ks) else fine.ks,
        p_value=p_value,
        missing=distance.missing_difference(
            reference=reference["missing"],
            reference_rows=rows[0],
            current=current["missing"],
            current_rows=rows[1],
        ),
        new=distance.new_levels(*levels),
        vanished=distance.vanished_levels(*levels),
        bins=both.bins,
        reference=both.reference,
        current=both.current,
        ks_p_value=fine.ks_p_value,
        wasserstein=fine.wasserstein,
        wasserstein_std=fine.wasserstein_std,
        then=fine.then,
        now=fine.now,
    )


def bound_above(usual: float, bound: float) -> float:
    """The index that alarms: ``bound`` above what is usual, or that share of it where it is large.

    A feature that is nearly constant within a day, such as the weather, differs from a quarter by
    an index of 8 every day, and what is usual is then itself known no better than by a share.

    >>> bound_above(0.05, 0.1), bound_above(8.0, 0.1), bound_above(math.nan, 0.1)
    (0.15000000000000002, 8.8, 0.1)
    """
    return bound if math.isnan(usual) else usual + bound * max(1.0, usual)


def _judge(
    index: float,
    *,
    p_value: float,
    usual: float,
    rows: tuple[int, int],
    tests: int,
    monitoring: Monitoring,
) -> tuple[Severity, str]:
    if min(rows) < monitoring.minimum_rows:
        who = "the reference" if rows[0] < monitoring.minimum_rows else "this window"
        return "underpowered", f"{who} has {min(rows):,} rows of {monitoring.minimum_rows:,} needed"
    habit = 0.0 if math.isnan(usual) else usual
    if index < bound_above(usual, monitoring.psi_warning):
        usually = index >= monitoring.psi_warning
        return "none", "no more than is usual" if usually else WITHIN
    if math.isnan(p_value) or p_value * tests >= ALPHA:
        return "none", f"could be chance: p {p_value:.2g} over {tests} tests"
    critical = index >= bound_above(usual, monitoring.psi_critical)
    above = "" if math.isnan(usual) else f", {index - habit:.2f} above what is usual"
    return "critical" if critical else "warning", f"PSI {index:.2f}{above}"


def _index(reference: Mapping[str, Any], current: Mapping[str, Any]) -> float:
    both = align(reference, current)
    return distance.psi(both.reference, both.current)


def _usual(indices: Sequence[float]) -> float | None:
    known = [index for index in indices if not math.isnan(index)]
    if len(known) < WEEK:
        return None
    # the higher neighbour: in a single week, the rarest weekday is usual too
    return float(np.quantile(known, USUAL_SHARE, method="higher"))


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _gravest_first(drift: FeatureDrift) -> tuple[int, float, str]:
    index = -1.0 if math.isnan(drift.psi) else drift.psi
    return SEVERITIES.index(drift.severity), -index, drift.name
