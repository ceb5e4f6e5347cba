"""States of alarms: a pure fold over nights, with hysteresis and acknowledgements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from laurel.domain.alarms.judged import Level
from laurel.domain.alarms.record import AlarmEntry, AlarmLog, AlarmReducer, parse_alarm_entry
from laurel.domain.alarms.state import Acknowledgement, Night, State, fold_nights, nights_between
from laurel.domain.config import Alarms
from laurel.domain.journal import beginning, fold, next_entry
from laurel.domain.partition import Partition
from laurel.errors import IntegrityError

FIRST = Partition.of("2024-02-01")
RULES = Alarms()
LEVELS: dict[str, Level] = {".": "none", "w": "warning", "c": "critical"}
NOW = datetime(2024, 3, 1, tzinfo=UTC)


def nights(text: str) -> list[Night]:
    """A night for each letter: quiet, warning, critical; ``-`` could not be judged."""
    return [
        Night(FIRST.shifted(n).key, {"x": LEVELS[letter]} if letter != "-" else {})
        for n, letter in enumerate(text)
    ]


def after(text: str, *said: Acknowledgement, rules: Alarms = RULES) -> State:
    return fold_nights(nights(text), rules=rules, acknowledgements=said)["x"]


def acknowledged(night: int, *, until: int | None = None) -> Acknowledgement:
    last = FIRST.shifted(until).key if until is not None else None
    return Acknowledgement("x", "ada", "a sale", FIRST.shifted(night).key, last)


@pytest.mark.parametrize(
    ("text", "standing", "severity", "change"),
    [
        ("....", "quiet", "none", None),
        ("...w", "suspected", "warning", "suspected"),
        ("..w.", "suspected", "warning", None),
        ("..w.w", "confirmed", "warning", "confirmed"),
        ("..w..w", "suspected", "warning", None),
        ("..ww", "confirmed", "warning", "confirmed"),
        ("..www", "confirmed", "warning", None),
        ("..wwc", "confirmed", "critical", "worsened"),
        ("..wwcw", "confirmed", "critical", None),
        ("..ww..", "confirmed", "warning", None),
        ("..ww...", "quiet", "none", "cleared"),
        ("..w...", "quiet", "none", None),
        ("..w-w", "confirmed", "warning", "confirmed"),
        ("..ww---", "confirmed", "warning", None),
    ],
)
def test_states_follow_the_nights(
    text: str, standing: str, severity: str, change: str | None
) -> None:
    state = after(text)

    assert (state.standing, state.severity, state.change) == (standing, severity, change)


def test_a_state_says_since_when_and_how_often() -> None:
    state = after("...w.w")

    assert (state.since, state.confirmed) == (FIRST.shifted(3).key, FIRST.shifted(5).key)
    assert state.tally == "2 of the last 3 nights"
    assert state.began


def test_the_first_night_that_is_seen_is_no_known_beginning() -> None:
    assert not after("ww").began


@given(st.text("-.wc", min_size=1, max_size=30))
def test_a_night_depends_on_the_nights_before_it_alone(text: str) -> None:
    for end in range(1, len(text) + 1):
        found = fold_nights(nights(text)[:end], rules=RULES)
        again = fold_nights(nights(text[:end]), rules=RULES)
        assert found == again


@given(st.text(".wc", min_size=1, max_size=30))
def test_confirmed_needs_its_nights_and_clears_only_after_quiet_ones(text: str) -> None:
    states = [after(text[:end]) for end in range(1, len(text) + 1)]

    for place, state in enumerate(states):
        recent = text[max(0, place - RULES.nights + 1) : place + 1]
        flags = sum(letter != "." for letter in recent)
        if flags >= RULES.confirm:
            assert state.standing == "confirmed"
        if state.change == "cleared":
            assert set(recent) == {"."}
        if state.standing == "quiet":
            assert flags == 0


def test_an_acknowledgement_silences_until_its_night() -> None:
    said = acknowledged(3, until=5)

    assert after("www", said).acknowledged is None
    assert after("wwww", said).acknowledged == said
    assert after("wwwwww", said).acknowledged == said
    assert after("wwwwwww", said).acknowledged is None


def test_an_acknowledgement_without_an_end_holds_until_the_alarm_clears() -> None:
    said = acknowledged(4)

    assert after("..wwww", said).acknowledged == said
    assert after("..wwwwwwwwww", said).acknowledged == said
    assert after("..wwww...", said).acknowledged is None
    assert after("..wwww...ww", said).acknowledged is None, "the next alarm is another one"


def test_an_alarm_that_is_older_than_what_is_seen_stays_acknowledged() -> None:
    assert after("wwwwwwwww", acknowledged(0)).acknowledged is not None


def test_one_night_may_be_enough_and_all_may_be_asked_for() -> None:
    assert after("..w", rules=Alarms(confirm=1, nights=1)).standing == "confirmed"
    assert after("..ww", rules=Alarms(confirm=3, nights=3)).standing == "suspected"
    with pytest.raises(ValidationError, match="3 of the last 2 nights cannot be"):
        Alarms(confirm=3, nights=2)


def entry(event: str, **fields: object) -> AlarmEntry:
    return AlarmEntry.model_validate({"event": event, "at": NOW, **fields})


def calibrated(first: str, digest: str) -> AlarmEntry:
    return entry("calibrated", first=first, calibration=digest, by="ada", reason="calm")


def test_a_night_knows_the_newest_calibration_that_holds_by_then() -> None:
    log = AlarmLog(
        (
            calibrated("2024-03-01", "b"),
            calibrated("2024-02-01", "a"),
            calibrated("2024-03-01", "c").model_copy(update={"number": 3}),
        )
    )
    known = {night: log.calibration(night) for night in ("2024-01-31", "2024-02-15", "2024-03-02")}

    assert [each and each.calibration for each in known.values()] == [None, "a", "c"]


def test_entries_say_what_belongs_to_their_event() -> None:
    with pytest.raises(ValidationError, match="acknowledged names no check"):
        entry("acknowledged", by="ada", reason="known", first="2024-02-01")
    with pytest.raises(IntegrityError, match="journal of alarms cannot be read"):
        parse_alarm_entry({"event": "calibrated", "number": 1})


@given(st.lists(st.sampled_from(["2024-02-01", "2024-03-01"]), max_size=6))
def test_the_fold_of_the_journal_survives_a_checkpoint(firsts: list[str]) -> None:
    reducer, head = AlarmReducer(), beginning(AlarmReducer())
    for number, first in enumerate(firsts):
        body = calibrated(first, f"digest {number}").body()
        head = fold(head, next_entry(head, body), reducer=reducer)

    assert reducer.load(reducer.dump(head.state)) == head.state
    assert [each.number for each in head.state.history] == [*range(1, len(firsts) + 1)]


def test_nights_are_counted_either_way() -> None:
    later = FIRST.shifted(9)
    assert nights_between(FIRST.key, later.key) == nights_between(later.key, FIRST.key) == 9
    assert (later.start - FIRST.start) == timedelta(days=9)
