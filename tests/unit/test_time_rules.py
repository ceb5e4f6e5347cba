"""Properties of time: whatever is decided in whatever order, the rules of the design hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.domain.canonical import canonical_json
from laurel.domain.journal import Entry
from laurel.domain.ledger import (
    CROWNING,
    DECIDING,
    LedgerEntry,
    LedgerReducer,
    LedgerState,
    Ruling,
    approve,
    decide,
    decline,
    due_as_of,
    roll_back,
    settled,
    ticks,
)
from laurel.errors import Refused
from support.records import DAY, FIRST, day, decision

DAYS = 10
Step = Callable[[LedgerState], Ruling]

days = st.integers(0, DAYS - 1)
decisions = st.builds(
    decision,
    days,
    st.sampled_from(["promoted", "promoted", "rejected", "registered"]),
    inputs=st.sampled_from("xy"),
    lag=st.integers(0, 4),
)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Something that the gate or a person asks of a ledger."""
    kind = draw(st.sampled_from(["decide", "decide", "decide", "approve", "decline", "back"]))
    number = draw(st.integers(0, 9))
    moment = day(draw(days))
    if kind == "decide":
        proposal, supersede = draw(decisions), draw(st.booleans())
        return lambda state: decide(state, proposal, supersede=supersede)
    if kind == "decline":
        return lambda state: decline(state, moment, by="ada", reason="no", decided_at=moment)

    def on_some_version(state: LedgerState) -> Ruling:
        version = state.versions[number % len(state.versions)] if state.versions else "none"
        if kind == "approve":
            return approve(state, version, by="ada", reason="yes", decided_at=moment)
        return roll_back(
            state, version, by="ada", reason="back", effective_from=moment, decided_at=moment
        )

    return on_some_version


def run(state: LedgerState, step: Step) -> LedgerState:
    """The state after a step; what is refused changes nothing."""
    try:
        ruling = step(state)
    except Refused:
        return state
    if not ruling:
        return state
    number = len(state.history) + 1
    body = json.loads(canonical_json(ruling.entry.body()))
    return LedgerReducer().apply(state, Entry(number, "", body, ""))


def run_all(all_steps: list[Step]) -> LedgerState:
    state = LedgerState()
    for step in all_steps:
        state = run(state, step)
    return state


ledgers = st.lists(steps(), max_size=18).map(run_all)
moments = st.integers(0, DAYS + 6).map(day)


def painted(state: LedgerState, t: datetime) -> LedgerEntry | None:
    """The champion at ``t`` by another way: a pile of claims, laid on and taken off in order."""
    pile: list[LedgerEntry] = []
    floor: datetime | None = None
    for entry in state.history:
        if entry.effective_from > t:
            continue
        if entry.event == "rolled_back":
            pile.append(entry)
            floor = entry.effective_from
        elif entry.event in DECIDING:
            pile = [e for e in pile if e.event == "rolled_back" or e.as_of != entry.as_of]
            if entry.event in CROWNING and (floor is None or entry.effective_from >= floor):
                pile.append(entry)
    return pile[-1] if pile else None


@given(state=ledgers, t=moments)
def test_the_champion_is_the_claim_on_top_of_the_pile(state: LedgerState, t: datetime) -> None:
    assert state.champion_as_of(t) == painted(state, t)


@given(state=ledgers, t=moments)
def test_the_champion_depends_only_on_effective_entries(state: LedgerState, t: datetime) -> None:
    effective = LedgerState(tuple(e for e in state.history if e.effective_from <= t))
    assert state.champion_as_of(t) == effective.champion_as_of(t)


@given(state=ledgers, t=moments)
def test_no_champion_knows_what_happened_after_the_moment_asked_about(
    state: LedgerState, t: datetime
) -> None:
    entry = state.champion_as_of(t)
    if entry is not None:
        assert entry.as_of <= entry.effective_from <= t
        assert entry.model_version is not None
        assert state.passed(entry.model_version)


@given(before=st.lists(steps(), max_size=12), step=steps())
def test_an_append_changes_no_champion_before_it_takes_effect(
    before: list[Step], step: Step
) -> None:
    old = run_all(before)
    new = run(old, step)
    if len(new.history) > len(old.history):
        effect = new.history[-1].effective_from
        for t in map(day, range(DAYS + 6)):
            if t < effect:
                assert new.champion_as_of(t) == old.champion_as_of(t)


@given(state=ledgers)
def test_decisions_are_in_the_order_of_as_of(state: LedgerState) -> None:
    decided = [e.as_of for e in state.history if e.event in DECIDING]
    assert decided == sorted(decided)
    assert state.newest_as_of == max(decided, default=None)


@given(before=st.lists(steps(), max_size=12), step=steps())
def test_the_same_step_twice_appends_once(before: list[Step], step: Step) -> None:
    once = run(run_all(before), step)
    again = run(once, step)
    # A superseding decision may alternate only with another one, never with itself.
    assert again == once


@given(state=ledgers)
def test_reigns_say_the_same_as_asking_for_every_day(state: LedgerState) -> None:
    for t in map(day, range(DAYS + 6)):
        reigning = [
            reign.entry
            for reign in state.reigns()
            if reign.start <= t and (reign.end is None or t < reign.end)
        ]
        champion = state.champion_as_of(t)
        assert reigning == ([champion] if champion else [])


@given(state=ledgers, t=moments, at=moments)
def test_what_was_known_then_ignores_what_was_decided_later(
    state: LedgerState, t: datetime, at: datetime
) -> None:
    known = LedgerState(tuple(e for e in state.history if e.decided_at <= at))
    assert state.champion_as_known(t, at=at) == known.champion_as_of(t)


@given(state=ledgers)
def test_the_dump_of_a_ledger_is_json_and_loads_to_the_same(state: LedgerState) -> None:
    reducer = LedgerReducer()
    assert reducer.load(json.loads(canonical_json(reducer.dump(state)))) == state


outcomes = st.lists(
    st.sampled_from(["promoted", "rejected", "approved", "declined", "failed"]), max_size=8
)


def _trained(said: list[str], *, until: datetime | None = None, delay: int = 0) -> LedgerState:
    """Weekly trainings in their order, each with a lag of a day, decided ``delay`` days late."""
    state = LedgerState()
    for week, outcome in enumerate(said):
        tick, late = 7 * week, day(7 * week + 1 + delay)
        if until is not None and late > until:
            break
        for step in _week(tick, outcome, late):
            state = run(state, step)
    return state


def _week(tick: int, outcome: str, late: datetime) -> list[Step]:
    version = f"flights-{tick}"
    if outcome == "failed":
        return [lambda s: decline(s, day(tick), by="ada", reason="lost", decided_at=late)]
    if outcome in ("promoted", "rejected"):
        gate = decision(tick, outcome, name=version, decided_at=late)  # type: ignore[arg-type]
        return [lambda s: decide(s, gate)]
    asked = decision(tick, "registered", name=version, decided_at=late)
    if outcome == "approved":
        answer: Step = lambda s: approve(s, version, by="ada", reason="y", decided_at=late)  # noqa: E731
    else:
        answer = lambda s: decline(s, day(tick), by="ada", reason="n", decided_at=late)  # noqa: E731
    return [lambda s: decide(s, asked), answer]


@given(said=outcomes, now=st.integers(0, 70).map(day), t=st.integers(0, 60).map(day))
def test_live_scoring_and_a_later_backfill_meet_the_same_champion(
    said: list[str], now: datetime, t: datetime
) -> None:
    """Whenever a live scoring finds all due decisions settled, later ones cannot change it."""
    live = _trained(said, until=now, delay=3)
    due = due_as_of("0 0 * * 1", start=FIRST, lag=DAY, t=t)
    if settled(live, due, t=t):
        backfill = _trained(said)
        there, here = backfill.champion_as_of(t), live.champion_as_of(t)
        assert (there and there.model_version) == (here and here.model_version)


schedules = st.sampled_from(["0 0 * * 1", "0 0 * * *", "30 6 * * 1,4", "0 0 1 * *", "0 */6 * * *"])
instants = st.datetimes(datetime(2013, 6, 1), datetime(2013, 12, 1)).map(  # noqa: DTZ001
    lambda naive: naive.replace(tzinfo=UTC)
)
lags = st.integers(0, 10 * 24).map(lambda hours: timedelta(hours=hours))


@settings(deadline=None)
@given(schedule=schedules, t=instants, lag=lags)
def test_the_due_tick_is_the_newest_one_that_is_effective(
    schedule: str, t: datetime, lag: timedelta
) -> None:
    start = date(2013, 7, 1)
    effective = [
        tick
        for tick in ticks(schedule, start=start, end=t - lag + timedelta(microseconds=1))
        if tick + lag <= t
    ]
    due = due_as_of(schedule, start=start, lag=lag, t=t)
    assert due == (effective[-1] if effective else None)


@given(schedule=schedules, t=instants)
def test_a_tick_is_due_exactly_from_its_effective_moment_on(schedule: str, t: datetime) -> None:
    start, lag = date(2013, 6, 1), DAY
    tick = due_as_of(schedule, start=start, lag=lag, t=t)
    if tick is not None:
        just_before = tick + lag - timedelta(microseconds=1)
        assert due_as_of(schedule, start=start, lag=lag, t=tick + lag) == tick
        assert due_as_of(schedule, start=start, lag=lag, t=just_before) != tick


@given(schedule=schedules, t=instants, later=lags)
def test_what_is_due_never_goes_back(schedule: str, t: datetime, later: timedelta) -> None:
    first = due_as_of(schedule, start=date(2013, 6, 1), lag=DAY, t=t)
    second = due_as_of(schedule, start=date(2013, 6, 1), lag=DAY, t=t + later)
    assert first is None or (second is not None and second >= first)


def test_the_first_tick_that_counts_is_the_start_of_training() -> None:
    start = date(2013, 7, 8)
    assert due_as_of("0 0 * * 1", start=start, lag=DAY, t=day(7)) is None
    assert due_as_of("0 0 * * 1", start=start, lag=DAY, t=day(8)) == day(7)
    assert due_as_of("0 0 * * 1", start=start, lag=timedelta(), t=day(7)) == day(7)
