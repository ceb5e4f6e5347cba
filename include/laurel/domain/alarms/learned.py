"""Bounds learned from nights known to be quiet, and how often they would have been exceeded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from laurel.domain.alarms.counted import Counted, Floats
from laurel.domain.alarms.injected import Delay, delays, parse_delays
from laurel.domain.alarms.judged import Bools, judgeable, learned_bound
from laurel.domain.canonical import digest
from laurel.domain.config import Alarms, Monitoring
from laurel.domain.drift import ALPHA
from laurel.errors import DataError

LEAST_NIGHTS = 28
"""Four weeks: fewer do not say what a quiet night is."""
BLOCK = 7
"""Nights that are left out together when rates are measured, so that no weekday is judged by
itself."""
LEAST_HABIT = 0.25
"""A check that on quiet nights stays far below what training showed is no finer than this."""
HABIT = 0.9
CONFIDENCE = 0.95
SCHEMA = 1


@dataclass(frozen=True)
class Quiet:
    """One check over quiet nights, each value of shape (nights,); nan where it is not judged."""

    check: str
    index: Floats
    scale: Floats
    chance: Floats

    @property
    def ratio(self) -> Floats:
        """The index as a multiple of what training usually shows."""
        return self.index / self.scale


@dataclass(frozen=True)
class Learned:
    """What is known of one check: its bound, how often it errs, how soon it finds a shift."""

    check: str
    factor: float
    """The bound as a multiple of what training usually shows, of performance the bound itself;
    nan where nothing could be judged."""
    nights: int
    """Quiet nights on which it was judged, each by a bound learned without its week."""
    flagged: int
    """Those of them that exceeded it."""
    delays: tuple[Delay, ...] = ()
    what: str = "a shift of {size:.0%} of the rows"
    """What was injected, in words."""

    @property
    def rate(self) -> float:
        """Share of quiet nights that exceed the bound; nan of none."""
        return self.flagged / self.nights if self.nights else math.nan

    @property
    def at_most(self) -> float:
        """The upper end of the rate's one-sided interval (Clopper and Pearson, 1934)."""
        if not self.nights:
            return math.nan
        if self.flagged == self.nights:
            return 1.0
        found = stats.beta.ppf(CONFIDENCE, self.flagged + 1, self.nights - self.flagged)
        return float(found)

    def sentence(self) -> str:
        """How far an alarm of this check can be believed."""
        if not self.nights:
            return "no quiet night could be judged, so the rate of false alarms is undefined"
        told = (
            f"exceeded on {self.flagged} of {self.nights} quiet nights "
            f"(at most {self.at_most:.1%} with {CONFIDENCE:.0%} confidence)"
        )
        return "; ".join([told, *(delay.sentence(self.what) for delay in self.delays)])


@dataclass(frozen=True)
class Calibration:
    """What was learned from quiet nights of a use case."""

    usecase: str
    first: str
    last: str
    left_out: tuple[str, ...]
    nights: int
    models: tuple[str, ...]
    """Who scored these nights."""
    target: float
    """The chance aimed at that any check exceeds its bound on a quiet night."""
    rules: Mapping[str, Any]
    """How alarms were confirmed when rates and delays were measured."""
    family: Learned
    """All checks together: nights on which any of them exceeded its bound."""
    confirmed: int
    """Quiet nights on which an alarm became confirmed."""
    checks: Mapping[str, Learned] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Plain JSON values; undefined numbers are null."""
        return {
            "schema": SCHEMA,
            "usecase": self.usecase,
            "first": self.first,
            "last": self.last,
            "left_out": list(self.left_out),
            "nights": self.nights,
            "models": list(self.models),
            "target": self.target,
            "rules": dict(self.rules),
            "family": _plain(self.family),
            "confirmed": self.confirmed,
            "checks": {name: _plain(self.checks[name]) for name in sorted(self.checks)},
        }

    @property
    def digest(self) -> str:
        """The digest that a report names."""
        return digest(self.document())


def parse_calibration(document: Mapping[str, Any]) -> Calibration:
    """Read what :meth:`Calibration.document` made; raises :class:`DataError` for another schema."""
    if document.get("schema") != SCHEMA:
        raise DataError(
            "a calibration was written by another version of Laurel",
            found=f"schema {document.get('schema')}",
            expected=f"schema {SCHEMA}",
            hint="learn anew: laurel alarms calibrate",
        )
    return Calibration(
        usecase=document["usecase"],
        first=document["first"],
        last=document["last"],
        left_out=tuple(document["left_out"]),
        nights=document["nights"],
        models=tuple(document["models"]),
        target=document["target"],
        rules=document["rules"],
        family=_parse(document["family"]),
        confirmed=document["confirmed"],
        checks={name: _parse(value) for name, value in document["checks"].items()},
    )


def quiet_check(check: str, parts: Sequence[Counted], *, rows: int) -> Quiet:
    """One check over nights that several models scored: each night is judged by its own profile."""
    size = len(parts[0].nights)
    found = {name: np.full(size, np.nan) for name in ("index", "scale", "chance")}
    for part in parts:
        own = judgeable(part, rows=rows)
        found["index"][own] = part.index[own]
        found["scale"][own] = part.scale
        found["chance"][own] = part.chance[own]
    return Quiet(check, **found)


def learn_factors(quiet: Sequence[Quiet], within: Bools, *, target: float) -> Floats:
    """A factor for each check, so that the greatest excess over all checks is rare on such nights.

    Each check is measured in its own habit, the ratio that 9 of 10 nights stay below; the factor
    common to all is the value that the night's maximum exceeds with a chance of ``target``, taken
    as the order statistic that keeps this chance for a night still to come (Vovk, Gammerman and
    Shafer, Algorithmic Learning in a Random World, Springer 2005).
    """
    ratios = np.array([each.ratio[within] for each in quiet])
    judged = ~np.isnan(ratios)
    habits = np.array(
        [
            max(LEAST_HABIT, float(np.quantile(row[known], HABIT, method="higher")))
            if known.any()
            else np.nan
            for row, known in zip(ratios, judged, strict=True)
        ]
    )
    with np.errstate(invalid="ignore"):
        excess = np.where(judged, ratios / habits[:, None], -np.inf)
    greatest = np.sort(excess.max(axis=0)[judged.any(axis=0)])
    if not len(greatest):
        return np.full(len(quiet), np.nan)
    place = min(len(greatest), math.ceil((len(greatest) + 1) * (1 - target)))
    factors: Floats = habits * greatest[place - 1]
    return factors


def exceeded(quiet: Sequence[Quiet], factors: Floats, *, rules: Monitoring) -> Bools:
    """Which nights exceed which bound, of shape (checks, nights)."""
    found = np.array([each.index for each in quiet])
    scales = np.array([each.scale for each in quiet])
    chances = np.array([each.chance for each in quiet])
    bounds = np.maximum(rules.psi_warning, factors[:, None] * scales)
    with np.errstate(invalid="ignore"):
        flags: Bools = (found >= bounds) & (chances * len(quiet) < ALPHA)
    return flags


def held_out(quiet: Sequence[Quiet], *, target: float, rules: Monitoring) -> Bools:
    """As :func:`exceeded`, each week judged by factors learned without it and its neighbours."""
    nights = len(quiet[0].index)
    found = np.zeros((len(quiet), nights), dtype=bool)
    for start in range(0, nights, BLOCK):
        away = np.ones(nights, dtype=bool)
        # a week's sum reaches six nights back, so it must not see the nights it is judged by
        away[max(0, start - BLOCK + 1) : start + 2 * BLOCK - 1] = False
        factors = learn_factors(quiet, away, target=target)
        block = slice(start, start + BLOCK)
        found[:, block] = exceeded(quiet, np.nan_to_num(factors), rules=rules)[:, block]
    return found


def learn(
    counted: Mapping[str, Sequence[Counted]], *, rules: Monitoring, alarms: Alarms
) -> tuple[dict[str, Learned], Learned, int]:
    """Learn every check: check → what is known of it, all together, nights newly confirmed.

    counted: check → the nights of each model that scored some, all over the same nights.
    Raises :class:`DataError` where fewer than four weeks can be judged.
    """
    quiet = [
        quiet_check(name, parts, rows=rules.minimum_rows) for name, parts in sorted(counted.items())
    ]
    judged = np.array([~np.isnan(each.index) for each in quiet]).reshape(len(quiet), -1)
    there = int(judged.any(axis=0).sum())
    if there < LEAST_NIGHTS:
        raise DataError(
            "too few quiet nights to learn from",
            found=f"{there} nights with {rules.minimum_rows:,} rows or more",
            expected=f"at least {LEAST_NIGHTS}",
            hint="name a longer range of nights that were scored",
        )
    everywhere = np.ones(judged.shape[1], dtype=bool)
    factors = learn_factors(quiet, everywhere, target=alarms.false_alarms)
    flags = held_out(quiet, target=alarms.false_alarms, rules=rules)
    found = {}
    for number, each in enumerate(quiet):
        longest = max(counted[each.check], key=lambda part: int((part.rows > 0).sum()))
        factor = float(factors[number])
        found[each.check] = Learned(
            check=each.check,
            factor=factor,
            nights=int(judged[number].sum()),
            flagged=int(flags[number].sum()),
            delays=delays(
                longest,
                bound=learned_bound(longest, factor, rules=rules).warning,
                tests=len(quiet),
                rows=rules.minimum_rows,
                alarms=alarms,
            )
            if math.isfinite(factor)
            else (),
        )
    family = Learned("any", math.nan, there, int(flags.any(axis=0).sum()))
    return found, family, newly_confirmed(flags, alarms=alarms)


def newly_confirmed(flags: Bools, *, alarms: Alarms) -> int:
    """Nights on which some check became confirmed, of flags of shape (checks, nights)."""
    sums = flags.astype(int).cumsum(axis=1)
    before = np.zeros_like(sums)
    before[:, alarms.nights :] = sums[:, : -alarms.nights]
    sure = (sums - before) >= alarms.confirm
    fresh = sure.copy()
    fresh[:, 1:] &= ~sure[:, :-1]
    return int(fresh.any(axis=0).sum())


def _plain(learned: Learned) -> dict[str, Any]:
    return {
        "check": learned.check,
        "factor": learned.factor if math.isfinite(learned.factor) else None,
        "nights": learned.nights,
        "flagged": learned.flagged,
        "delays": [delay.document() for delay in learned.delays],
        "what": learned.what,
    }


def _parse(value: Mapping[str, Any]) -> Learned:
    factor = value["factor"]
    return Learned(
        check=value["check"],
        factor=math.nan if factor is None else factor,
        nights=value["nights"],
        flagged=value["flagged"],
        delays=parse_delays(value["delays"]),
        what=value["what"],
    )
