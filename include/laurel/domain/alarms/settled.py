"""A night's report with its alarms settled: suspected or confirmed, silenced, believable."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from laurel.domain.alarms.counted import Counted, count_nights
from laurel.domain.alarms.judged import (
    Bound,
    flagged,
    judgeable,
    learned_bound,
    level,
    stated_bound,
)
from laurel.domain.alarms.learned import Calibration, Learned
from laurel.domain.alarms.performed import PREFIX, Measured, measure_nights
from laurel.domain.alarms.raised import SUSPECTED, Alarm
from laurel.domain.alarms.state import Acknowledgement, Night, State, fold_nights
from laurel.domain.config import Alarms, Monitoring
from laurel.domain.drift import SEVERITIES, usual_psi
from laurel.domain.objective import Objective
from laurel.domain.partition import Partition
from laurel.domain.report import Report

WEEKLY = "_week"
CURABLE = ("drift", "score_drift", PREFIX)
"""How checks begin whose alarm a new model may cure."""
UNCALIBRATED = (
    "not calibrated, so how often quiet nights exceed the bound is not known: "
    "laurel alarms calibrate learns it"
)


Standing = Literal["suspected", "confirmed"]


@dataclass(frozen=True)
class Known:
    """What is known on a night besides what its report measures."""

    counts: Mapping[str, Mapping[str, Any]]
    """Earlier partition → its counts over the champion's profile."""
    trailing: pd.DataFrame
    """Predictions of the trailing window with their labels."""
    calibration: Calibration | None = None
    acknowledgements: Sequence[Acknowledgement] = ()


@dataclass(frozen=True)
class _Drift:
    """What the nights say of the checks of drift."""

    counted: Mapping[str, Counted]
    bounds: Mapping[str, Bound]
    nights: Sequence[Mapping[str, Literal["none", "warning", "critical"]]]
    """Levels of what could be judged, by night."""


@dataclass(frozen=True)
class _Settling:
    report: Report
    drift: _Drift
    measured: Mapping[str, tuple[Measured, ...]]
    states: Mapping[str, State]
    learned: Mapping[str, Learned] = field(default_factory=dict)
    learning: frozenset[str] = frozenset()
    """Checks whose bounds are to be calibrated yet."""


def settle(
    report: Report,
    known: Known,
    *,
    monitoring: Monitoring,
    alarms: Alarms,
    objective: Objective,
) -> Report:
    """The report with alarms of drift and performance judged over nights, by learned bounds.

    The other alarms are facts of this night (a late dataset, rows in quarantine, skew): they are
    confirmed at once.
    """
    partition = Partition.of(report.partition)
    window = [partition.shifted(n) for n in range(-monitoring.reference_days, 1)]
    learned = known.calibration.checks if known.calibration else {}
    drift = judge_drift(report, known.counts, window, monitoring=monitoring, learned=learned)
    measured = measure_nights(
        known.trailing,
        window[-alarms.nights :],
        model_version=report.champion.model_version,
        objective=objective,
        rules=monitoring,
        learned=learned,
    )
    nights = [
        Night(day.key, {**drift.nights[place], **_performance(measured.get(day.key, ()))})
        for place, day in enumerate(window)
    ]
    learning = frozenset(
        name for name in drift.bounds if alarms.uncalibrated == "learning" and name not in learned
    )
    states = fold_nights(
        nights, rules=alarms, acknowledgements=known.acknowledgements, learning=learning
    )
    found = _Settling(report, drift, measured, states, learned, learning)
    settled = [*_statistical(found), *_facts(found, known.acknowledgements)]
    settled.sort(key=_gravest_first)
    return replace(
        report,
        alarms=tuple(settled),
        calibration=known.calibration.digest if known.calibration else None,
        cleared=tuple(name for name, state in states.items() if state.change == "cleared"),
        retrain=monitoring.retrain and any(map(_asks_for_retraining, settled)),
    )


def judge_drift(
    report: Report,
    counts: Mapping[str, Mapping[str, Any]],
    window: Sequence[Partition],
    *,
    monitoring: Monitoring,
    learned: Mapping[str, Learned],
) -> _Drift:
    """Judge each night of the window by its counts, all with the bounds of the last one."""
    nights = [counts.get(day.key) for day in window[:-1]]
    profile = dict(report.champion.profile)
    if "usual" not in profile:
        there = [night for night in nights if night is not None]
        profile["usual"] = {"day": usual_psi(profile, there, minimum_rows=monitoring.minimum_rows)}
    every = {each.check: each for each in count_nights(profile, [*nights, report.counts])}
    bounds = {name: _bound(each, learned.get(name), monitoring) for name, each in every.items()}
    levels: list[dict[str, Any]] = [{} for _ in window]
    for name, each in every.items():
        able = judgeable(each, rows=monitoring.minimum_rows)
        found = each.index
        flags = flagged(
            each.reference,
            each.nights,
            found,
            bound=bounds[name].warning,
            tests=len(every),
            rows=monitoring.minimum_rows,
        )
        for place in able.nonzero()[0]:
            flag = bool(flags[place])
            levels[place][name] = level(float(found[place]), flag=flag, bound=bounds[name])
    return _Drift(every, bounds, levels)


def _bound(counted: Counted, learned: Learned | None, rules: Monitoring) -> Bound:
    if learned is None or math.isnan(learned.factor):
        return stated_bound(counted, rules=rules)
    return learned_bound(counted, learned.factor, rules=rules)


def _performance(measured: Sequence[Measured]) -> dict[str, Any]:
    return {f"{PREFIX}{each.metric}": each.level for each in measured}


def _statistical(found: _Settling) -> Iterator[Alarm]:
    now = {each.metric: each for each in found.measured.get(found.report.partition, ())}
    for name, state in sorted(found.states.items(), key=_exceeded_first):
        if not state.open:
            continue
        if name.startswith(PREFIX):
            metric = name.removeprefix(PREFIX)
            yield _of_state(state, found, **_of_performance(metric, now.get(metric)))
        elif not told_by_day(name, found.states):
            yield _of_state(state, found, **_of_drift(name, found.drift))


def _exceeded_first(named: tuple[str, State]) -> tuple[bool, str]:
    name, state = named
    return not (state.recent and state.recent[-1]), name


def told_by_day(check: str, states: Mapping[str, State]) -> bool:
    """Whether a week's check says what that of the single nights says as gravely."""
    head, slash, name = check.partition("/")
    day = states.get(f"{head.removesuffix(WEEKLY)}{slash}{name}") if WEEKLY in head else None
    return day is not None and day.standing == "confirmed"


def _of_state(state: State, found: _Settling, *, what: str, now: str, bound: str) -> Alarm:
    learned = found.learned.get(state.check)
    learning = state.check in found.learning
    suspected = SUSPECTED if state.standing == "suspected" and not learning else ""
    said = state.acknowledged
    standing: Standing = "confirmed" if state.standing == "confirmed" else "suspected"
    return Alarm(
        check=state.check,
        severity="critical" if state.severity == "critical" else "warning",
        found=now,
        bound=bound,
        reason=f"{suspected}{what} ({state.tally})",
        state="learning" if learning else standing,
        since=state.since,
        tally=state.tally,
        change=None if learning or state.change == "cleared" else state.change,
        silenced=_silenced(said) if said else None,
        belief=learned.sentence() if learned else UNCALIBRATED,
    )


def _of_drift(check: str, drift: _Drift) -> dict[str, str]:
    counted, bound = drift.counted[check], drift.bounds[check]
    index, chance = float(counted.index[-1]), float(counted.chance[-1])
    head, _, name = check.partition("/")
    what = name or "the score"
    what = f"the score of {name}" if name and head.startswith("score") else what
    span = "the last seven nights" if counted.span > 1 else "this night"
    told = "undefined" if math.isnan(index) else f"{index:.2f}"
    odds = "p undefined" if math.isnan(chance) else f"p {chance:.1g}"
    odds = "p < 1e-12" if chance < 1e-12 else odds
    tonight = drift.nights[-1].get(check)
    has = "has drifted" if tonight != "none" else "had drifted and is within its bound now"
    return {
        "what": f"{what} {has}, {span} against training: PSI {told}, "
        f"{'a week' if counted.span > 1 else 'a day'} usually shows {counted.scale:.2f}",
        "now": f"PSI {told}, {odds}",
        "bound": f"PSI below {bound.warning:.2f}, critical from {bound.critical:.2f}",
    }


def _of_performance(metric: str, said: Measured | None) -> dict[str, str]:
    if said is None:
        what = f"{metric} was beyond its bound when it was judged last"
        return {"what": what, "now": "not judged this night", "bound": "as then"}
    if said.level == "none":
        what = f"{metric} is {said.found:.3f}, within its bound this night"
        return {"what": what, "now": f"{said.found:.4f}", "bound": said.bound or "not broken"}
    return {
        "what": f"{said.metric} is {said.found:.3f} on {said.labelled:,} matured labels, "
        f"where {said.bound} is the bound",
        "now": f"{said.found:.4f}",
        "bound": said.bound,
    }


def _facts(found: _Settling, acknowledgements: Sequence[Acknowledgement]) -> Iterator[Alarm]:
    """What is no statistic: known of this night alone, and true as it stands."""
    for alarm in found.report.alarms:
        if alarm.check.startswith(CURABLE):
            continue
        said = next(
            (a for a in reversed(acknowledgements) if _covers(a, alarm, found.report.partition)),
            None,
        )
        yield replace(alarm, silenced=_silenced(said) if said else None, belief="a fact, no test")


def _covers(said: Acknowledgement, alarm: Alarm, night: str) -> bool:
    return said.check == alarm.check and said.first <= night and night <= (said.until or night)


def _silenced(said: Acknowledgement) -> str:
    until = f"until {said.until}" if said.until else "until it clears"
    return f"acknowledged by {said.by} {until}: {said.reason}"


def _asks_for_retraining(alarm: Alarm) -> bool:
    return alarm.loud and alarm.severity == "critical" and alarm.check.startswith(CURABLE)


def _gravest_first(alarm: Alarm) -> tuple[bool, bool, bool, int]:
    """A stable order keeps what exceeds its bound tonight before what did so before."""
    return (
        alarm.state == "learning",
        alarm.state != "confirmed",
        alarm.silenced is not None,
        SEVERITIES.index(alarm.severity),
    )
