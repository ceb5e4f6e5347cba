"""The ledger: who is champion when, and what may be decided in which order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from laurel.adapters.journal import Journal
from laurel.adapters.records import Ledger
from laurel.adapters.store.local import LocalStore
from laurel.domain.catalog import CatalogReducer
from laurel.domain.ledger import LedgerEntry, sameness, settled, waiting_for
from laurel.errors import IntegrityError, Refused, StoreFault
from support.memory import MemoryStore
from support.records import FaultyStore, day, decision


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(MemoryStore(), "flights")


def champion(ledger: Ledger, t: int) -> str | None:
    entry = ledger.read().champion_as_of(day(t))
    return entry.model_version if entry else None


def test_a_promotion_reigns_from_its_effective_moment_on(ledger: Ledger) -> None:
    assert ledger.decide(decision(7, name="A"))
    assert champion(ledger, 7) is None
    assert ledger.read().champion_as_of(day(8) - timedelta(microseconds=1)) is None
    assert champion(ledger, 8) == "A"
    assert ledger.read().passed("A")


def test_a_rejection_changes_no_champion_but_settles_its_as_of(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A"))
    ledger.decide(decision(14, "rejected", name="B"))
    assert champion(ledger, 30) == "A"
    state = ledger.read()
    assert state.newest_as_of == day(14)
    assert not state.passed("B")
    stands = state.decision(day(14))
    assert stands is not None
    assert stands.event == "rejected"


def test_a_store_that_cannot_be_read_is_an_error_and_never_no_champion() -> None:
    ledger = Ledger(FaultyStore(), "flights")
    with pytest.raises(StoreFault, match="use case flights"):
        ledger.read()
    with pytest.raises(StoreFault):
        ledger.decide(decision(7))


def test_an_entry_written_by_something_else_is_an_error_and_never_skipped() -> None:
    store = MemoryStore()
    Journal(store, "ledger/flights", CatalogReducer()).append(
        lambda _: {
            "partitions": [],
            "tree": {"md5": "x.dir", "nfiles": 0},
            "published_at": "2013-07-01T00:00:00Z",
        }
    )
    with pytest.raises(IntegrityError, match="cannot be read"):
        Ledger(store, "flights").read()


def test_a_decision_is_refused_where_a_later_one_exists(ledger: Ledger) -> None:
    ledger.decide(decision(14, name="B"))
    head = ledger.head()
    for event in ("promoted", "rejected", "registered"):
        with pytest.raises(Refused, match="too late") as caught:
            ledger.decide(decision(7, event, name="A"))
        assert caught.value.usecase == "flights"
        with pytest.raises(Refused, match="too late"):
            ledger.decide(decision(7, event, name="A"), supersede=True)
    assert ledger.head() == head


def test_the_same_decision_again_returns_the_one_that_exists(ledger: Ledger) -> None:
    first = ledger.decide(decision(7, name="A", decided_at=day(8)))
    ledger.decide(decision(14, name="B"))
    again = ledger.decide(decision(7, name="A", decided_at=day(99)))
    assert first.entry.number == 1
    assert (again.outcome, again.entry) == ("existing", first.entry)
    assert not again
    assert ledger.head().number == 2


def test_other_inputs_for_a_decided_as_of_leave_the_bundle_alone(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A", inputs="first"))
    for other in (
        decision(7, name="B", inputs="second"),
        decision(7, name="A", inputs="first", policy="stricter"),
    ):
        ruling = ledger.decide(other)
        assert (ruling.outcome, ruling.entry.model_version) == ("bundle alone", "A")
    assert ledger.head().number == 1


def test_a_training_by_other_code_or_parameters_is_not_the_one_that_was_decided(
    ledger: Ledger,
) -> None:
    first = decision(7, name="A", inputs="same")
    other = decision(7, name="B", inputs="same").model_copy(update={"run": "by other parameters"})
    ledger.decide(first)

    ruling = ledger.decide(other)
    assert (ruling.outcome, ruling.entry.model_version) == ("bundle alone", "A")
    assert ruling.differs(other) == "of a training by other code or parameters"
    assert ledger.decide(other, supersede=True)
    assert champion(ledger, 20) == "B"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"inputs": "second"}, "on other inputs"),
        ({"inputs": "first", "policy": "stricter"}, "by another policy"),
    ],
)
def test_a_decision_that_stands_says_in_what_it_differs(
    ledger: Ledger, words: dict[str, str], said: str
) -> None:
    ledger.decide(decision(7, name="A", inputs="first"))
    other = decision(7, name="B", **words)
    assert ledger.decide(other).differs(other) == said


def test_superseding_replaces_the_newest_decision_whatever_it_says(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A"))
    ledger.decide(decision(14, name="B", inputs="wrong"))
    assert champion(ledger, 20) == "B"
    ledger.decide(decision(14, "rejected", name="C", inputs="corrected"), supersede=True)
    assert champion(ledger, 20) == "A"
    again = ledger.decide(decision(14, name="B", inputs="wrong"))
    assert (again.outcome, again.entry.number) == ("existing", 2)
    ledger.decide(decision(14, name="B", inputs="wrong"), supersede=True)
    assert champion(ledger, 20) == "B"


def test_only_the_newest_decision_can_be_superseded(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A", inputs="first"))
    ledger.decide(decision(14, name="B"))
    with pytest.raises(Refused, match="too late"):
        ledger.decide(decision(7, name="C", inputs="second"), supersede=True)
    assert ledger.head().number == 2


def test_a_registered_model_reigns_only_after_a_person_approved_it(ledger: Ledger) -> None:
    ledger.decide(decision(7, "registered", name="A"))
    assert champion(ledger, 20) is None
    assert not ledger.read().passed("A")
    ruling = ledger.approve("A", by="ada", reason="reviewed", decided_at=day(12))
    assert champion(ledger, 8) == "A"
    assert ruling.entry.decided_by == "ada"
    assert ruling.entry.evidence == "evidence of A"
    assert ledger.approve("A", by="bob", reason="again").outcome == "existing"
    assert ledger.decide(decision(7, "registered", name="A")).entry.event == "approved"


def test_a_declined_model_never_reigns_and_cannot_be_approved_later(ledger: Ledger) -> None:
    ledger.decide(decision(7, "registered", name="A"))
    ruling = ledger.decline(day(7), by="ada", reason="slice of the night is bad")
    assert (ruling.entry.event, ruling.entry.model_version) == ("declined", "A")
    assert ledger.read().newest_as_of == day(7)
    with pytest.raises(Refused, match="cannot be approved"):
        ledger.approve("A", by="bob", reason="but I like it")
    assert champion(ledger, 99) is None


def test_an_approval_that_a_later_decision_overtook_is_refused(ledger: Ledger) -> None:
    ledger.decide(decision(7, "registered", name="A"))
    ledger.decide(decision(14, name="B"))
    assert ledger.read().pending == ()
    with pytest.raises(Refused, match="too late"):
        ledger.approve("A", by="ada", reason="reviewed")
    assert champion(ledger, 30) == "B"


def test_an_approval_of_what_was_superseded_is_refused(ledger: Ledger) -> None:
    ledger.decide(decision(7, "registered", name="A", inputs="first"))
    ledger.decide(decision(7, "registered", name="B", inputs="second"), supersede=True)
    assert [entry.model_version for entry in ledger.read().pending] == ["B"]
    with pytest.raises(Refused, match="superseded"):
        ledger.approve("A", by="ada", reason="reviewed")


def test_approving_an_unknown_model_names_the_near_match(ledger: Ledger) -> None:
    ledger.decide(decision(7, "registered"))
    with pytest.raises(Refused, match="did you mean 'flights-20130708-inputs'"):
        ledger.approve("flights-20130708-input", by="ada", reason="reviewed")


def test_a_person_settles_a_tick_whose_training_can_never_succeed(ledger: Ledger) -> None:
    assert not settled(ledger.read(), day(7))
    ruling = ledger.decline(day(7), by="ada", reason="the source lost that week")
    assert ruling.entry.model_version is None
    assert settled(ledger.read(), day(7))
    assert champion(ledger, 30) is None
    assert ledger.decline(day(7), by="bob", reason="again").outcome == "existing"
    late = ledger.decide(decision(7, name="A"))
    assert late.outcome == "bundle alone"


def test_a_decided_as_of_cannot_be_declined(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A"))
    with pytest.raises(Refused, match="decided already"):
        ledger.decline(day(7), by="ada", reason="changed my mind")
    with pytest.raises(Refused, match="too late"):
        ledger.decline(day(1), by="ada", reason="never mind")


def test_scoring_waits_for_the_due_tick_and_for_people(ledger: Ledger) -> None:
    assert settled(ledger.read(), None, t=day(3))
    assert waiting_for(ledger.read(), day(7), t=day(8)) == (day(7),)
    ledger.decide(decision(7, name="A"))
    assert settled(ledger.read(), day(7), t=day(8))
    ledger.decide(decision(10, "registered", name="B"))
    assert settled(ledger.read(), day(7), t=day(10))
    assert waiting_for(ledger.read(), day(7), t=day(11)) == (day(10),)
    ledger.decide(decision(14, "rejected", name="C"))
    assert settled(ledger.read(), day(14), t=day(15))


def test_a_rollback_reigns_from_its_effective_moment_until_a_later_promotion(
    ledger: Ledger,
) -> None:
    ledger.decide(decision(7, name="A"))
    ledger.decide(decision(14, name="B"))
    ruling = ledger.roll_back("A", by="ada", reason="B is biased", effective_from=day(18))
    ledger.decide(decision(21, name="C"))
    assert [champion(ledger, t) for t in (8, 15, 17, 18, 21, 22)] == ["A", "B", "B", "A", "A", "C"]
    assert ruling.entry.bundle == "bundle of A"


def test_a_rollback_changes_the_past_only_as_far_as_it_reaches_back(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A"))
    ledger.decide(decision(14, name="B"))
    ledger.decide(decision(21, name="C"))
    ledger.roll_back("A", by="ada", reason="B and C are wrong", effective_from=day(16))
    assert [champion(ledger, t) for t in (8, 15, 16, 22, 99)] == ["A", "B", "A", "A", "A"]


def test_a_training_that_was_under_way_cannot_undo_a_rollback(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A"))
    ledger.decide(decision(14, name="B"))
    ledger.roll_back("A", by="ada", reason="B is wrong", effective_from=day(23))
    ledger.decide(decision(21, name="C"))
    assert [champion(ledger, t) for t in (21, 22, 23, 28)] == ["B", "C", "A", "A"]
    ledger.decide(decision(28, name="D"))
    assert champion(ledger, 29) == "D"


def test_an_auditor_sees_the_champion_as_it_was_known_then(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A", decided_at=day(8)))
    ledger.decide(decision(14, name="B", decided_at=day(15)))
    ledger.roll_back("A", by="ada", reason="B is wrong", effective_from=day(15), decided_at=day(40))
    state = ledger.read()
    then = state.champion_as_known(day(20), at=day(39))
    now = state.champion_as_known(day(20), at=day(40))
    assert then is not None
    assert now is not None
    assert (then.model_version, now.model_version) == ("B", "A")
    assert state.champion_as_known(day(20), at=day(7)) is None


def test_a_rollback_to_a_model_that_never_passed_the_gate_is_refused(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="flights-good"))
    ledger.decide(decision(14, "rejected", name="flights-bad"))
    with pytest.raises(Refused, match="never passed the gate") as caught:
        ledger.roll_back("flights-bad", by="ada", reason="please")
    assert caught.value.expected == "flights-good"
    with pytest.raises(Refused, match="did you mean 'flights-good'"):
        ledger.roll_back("flights-god", by="ada", reason="please")
    with pytest.raises(Refused, match="a name and a reason"):
        ledger.roll_back("flights-good", by="ada", reason=" ")
    assert ledger.head().number == 2


def test_a_rollback_never_lets_a_model_score_a_past_it_has_learned_from(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A"))
    ledger.decide(decision(14, name="B"))
    with pytest.raises(Refused, match="before it was there"):
        ledger.roll_back("B", by="ada", reason="B everywhere", effective_from=day(10))
    with pytest.raises(Refused, match="2013-07-16T00:00:00Z or later"):
        ledger.roll_back("B", by="ada", reason="from its as_of on", effective_from=day(14))


def test_a_shorter_decision_lag_does_not_bring_an_older_model_back(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A", lag=7))
    ledger.decide(decision(12, name="B", lag=1))
    assert [champion(ledger, t) for t in (12, 13, 14, 30)] == [None, "B", "B", "B"]


def test_a_rollback_asked_for_twice_is_written_once(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A"))
    ledger.decide(decision(14, name="B"))
    first, second = (
        ledger.roll_back("A", by="ada", reason="B is wrong", effective_from=day(18))
        for _ in range(2)
    )
    assert second.outcome == "existing"
    assert second.entry == first.entry
    ledger.decide(decision(21, name="C"))
    assert ledger.roll_back("A", by="ada", reason="B is wrong", effective_from=day(18))
    assert champion(ledger, 30) == "A"


def test_a_challenger_meets_the_champion_of_the_decisions_before_it(ledger: Ledger) -> None:
    ledger.decide(decision(7, name="A", lag=0))
    ledger.decide(decision(14, name="B", lag=0))
    state = ledger.read()
    met = state.champion_before(day(14))
    assert met is not None
    assert met.model_version == "A"
    assert state.champion_before(day(7)) is None


def test_a_challenger_can_meet_the_champion_it_would_replace() -> None:
    ledger = Ledger(MemoryStore(), "flights")
    ledger.decide(decision(7, name="A", lag=3))
    state = ledger.read()
    assert state.champion_before(day(8)) is None
    met = state.champion_before(day(8), t=day(11))
    assert met is not None
    assert met.model_version == "A"


def test_ledgers_decided_at_other_times_are_the_same() -> None:
    first, second = Ledger(MemoryStore(), "flights"), Ledger(MemoryStore(), "flights")
    for number in (7, 14):
        first.decide(decision(number))
        second.decide(decision(number, decided_at=day(500)))
    assert sameness(first.read()) == sameness(second.read())
    assert first.head().digest != second.head().digest
    second.decide(decision(21, "rejected"))
    assert sameness(first.read()) != sameness(second.read())


def test_an_entry_that_lacks_what_a_decision_needs_is_refused() -> None:
    for fault, words in (
        ({"bundle": None}, "names no bundle"),
        ({"inputs": None}, "names no inputs"),
        ({"effective_from": day(6)}, "before its as_of"),
        ({"decided_at": day(8).replace(tzinfo=None)}, "no time zone"),
    ):
        with pytest.raises(ValueError, match=words):
            LedgerEntry.model_validate({**decision(7).model_dump(), **fault})


def test_of_two_decisions_at_the_same_time_one_stands(tmp_path: Path) -> None:
    store = LocalStore(f"file://{tmp_path}/store")
    start = threading.Barrier(4)

    def work(name: str) -> str:
        start.wait()
        return Ledger(store, "flights").decide(decision(7, name=name, inputs=name)).outcome

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(work, "ABCD"))
    assert outcomes == ["appended", *["bundle alone"] * 3]
    assert len(Ledger(store, "flights").audit().state.history) == 1


def test_a_ledger_read_from_its_checkpoint_is_the_one_read_entry_by_entry() -> None:
    store = MemoryStore()
    ledger = Ledger(store, "flights")
    for number in range(120):
        ledger.decide(decision(number, "rejected" if number % 3 else "promoted"))
    ledger.roll_back("flights-20130701-inputs", by="ada", reason="oh", effective_from=day(60))
    store.calls.clear()
    read = Ledger(store, "flights").head()
    assert store.calls["read"] < 30
    assert read == Ledger(store, "flights").audit()
    assert champion(ledger, 200) == "flights-20130701-inputs"
