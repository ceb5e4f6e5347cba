"""The journal: one chain, folds that agree, and an audit that finds what was tampered with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.adapters import journal as module
from laurel.adapters import memory
from laurel.adapters.journal import Journal
from laurel.domain.canonical import canonical_json, digest
from laurel.domain.journal import GENESIS, Entry, Head, fold_all, next_entry, parse_entry
from laurel.errors import Contention, IntegrityError, StoreFault
from support.counting import Counting, Tally, says
from support.memory import MemoryStore

ENTRY = "ledger/entries/{:010d}.json"
CHECKPOINT = "ledger/checkpoints/1/{:010d}.json"
START: Head[Tally] = Head(0, GENESIS, Tally())

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


def open_journal(store: Any) -> Journal[Tally]:
    return Journal(store, "ledger", Counting())


def written(amounts: list[int], *, store: MemoryStore | None = None) -> MemoryStore:
    store = store or MemoryStore()
    journal = open_journal(store)
    for amount in amounts:
        journal.append(says(amount))
    return store


@pytest.fixture
def short_interval() -> Iterator[None]:
    with patch.object(module, "CHECKPOINT_EVERY", 5):
        yield


# The values


@given(body=st.dictionaries(st.text(st.characters(codec="utf-8")), plain), nonce=st.text("abc"))
def test_an_entry_is_read_as_it_was_written(body: dict[str, Any], nonce: str) -> None:
    entry = next_entry(START, body, nonce=nonce)
    again = parse_entry(entry.encode(), key="k")
    assert again == entry
    assert again.encode() == entry.encode()


def test_an_entry_holds_what_its_bytes_say_not_what_was_passed() -> None:
    entry = next_entry(START, {"pair": (1, 2), "map": {10: "a", 9: "b"}})
    assert entry.body == {"pair": [1, 2], "map": {"10": "a", "9": "b"}}
    assert parse_entry(entry.encode(), key="k") == entry


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": object()}, {"x": b"bytes"}])
def test_a_body_that_json_cannot_hold_is_not_written(body: Any) -> None:
    store = MemoryStore()
    with pytest.raises((TypeError, ValueError)):
        open_journal(store).append(lambda _: body)
    assert store.objects == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"a":1e999}',
        b"[" * 100_000,
        next_entry(START, {}).encode() + b"\n",
        b" " + next_entry(START, {}).encode(),
        canonical_json({**vars(next_entry(START, {})), "number": True}),
        canonical_json({**vars(next_entry(START, {})), "extra": 1}),
    ],
)
def test_bytes_that_are_no_entry_are_an_integrity_error(data: bytes) -> None:
    with pytest.raises(IntegrityError) as error:
        parse_entry(data, key="ledger/entries/1")
    assert "ledger/entries/1" in str(error.value)


# Appending and reading


def test_an_empty_journal_has_the_initial_state() -> None:
    journal = open_journal(MemoryStore())
    assert journal.read() == journal.audit() == START
    assert list(journal.entries()) == []


def test_entries_are_numbered_and_chained() -> None:
    store = MemoryStore()
    journal = open_journal(store)
    head, first = journal.append(says(7, "a"))
    head, second = journal.append(says(5, "b"))
    assert first is not None
    assert second is not None
    assert (first.number, first.previous) == (1, GENESIS)
    assert (second.number, second.previous) == (2, first.digest)
    assert head == Head(2, second.digest, Tally(2, 12, "b"))
    assert list(store.objects) == [ENTRY.format(1), ENTRY.format(2)]
    assert list(journal.entries()) == [first, second]
    assert list(journal.entries(after=1)) == [second]


def test_a_decision_that_says_nothing_appends_nothing() -> None:
    store = written([1, 2])
    before = dict(store.objects)
    head, entry = open_journal(store).append(lambda _: None)
    assert entry is None
    assert head.state == Tally(2, 3)
    assert store.objects == before


def test_an_entry_that_cannot_be_folded_is_not_written() -> None:
    store = written([1])
    with pytest.raises(KeyError):
        open_journal(store).append(lambda _: {"no": "amount"})
    assert open_journal(store).audit().number == 1


steps = st.lists(
    st.tuples(
        st.sampled_from(["append", "append elsewhere", "lose checkpoints", "read", "reopen"]),
        st.integers(-50, 50),
    ),
    max_size=40,
)


@given(steps=steps)
def test_every_reader_agrees_with_the_fold_of_all_entries(steps: list[tuple[str, int]]) -> None:
    store, amounts = MemoryStore(), []
    with patch.object(module, "CHECKPOINT_EVERY", 5):
        here, elsewhere = open_journal(store), open_journal(store)
        for step, amount in steps:
            if step.startswith("append"):
                (here if step == "append" else elsewhere).append(says(amount, f"t{amount}"))
                amounts.append(amount)
            elif step == "lose checkpoints":
                for key in list(store.keys("ledger/checkpoints/")):
                    del store.objects[key]
            elif step == "reopen":
                here = open_journal(store)
            else:
                here.read()
        whole = fold_all(open_journal(store).entries(), reducer=Counting())
        assert whole.state.total == sum(amounts)
        assert whole.number == whole.state.count == len(amounts)
        for journal in (here, elsewhere, open_journal(store)):
            assert journal.read() == journal.audit() == whole


def test_reading_costs_the_same_at_100_and_at_10000_entries() -> None:
    store, costs = MemoryStore(), {}
    journal = open_journal(store)
    for length in range(1, 10_051):
        journal.append(says(1))
        if length in (100, 150, 10_000, 10_050):
            store.calls.clear()
            assert open_journal(store).read().state.count == length
            costs[length] = dict(store.calls)
    # One listing of checkpoints, the newest of them, the entries after it, one look for another.
    assert costs[100] == costs[10_000] == {"keys": 1, "read": 2}
    assert costs[150] == costs[10_050] == {"keys": 1, "read": 52}


def test_a_journal_that_was_read_looks_only_for_what_is_new() -> None:
    store = written([1] * 50)
    journal = open_journal(store)
    journal.read()
    store.calls.clear()
    journal.append(says(1))
    assert dict(store.calls) == {"read": 1, "create": 1}


# Races and faults


class Interrupted(MemoryStore):
    """A store in which something happens just before or after the next creates."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Any] = []
        self.after: list[Any] = []

    def create(self, key: str, data: bytes) -> bool:
        if self.before and "entries" in key:
            self.before.pop(0)()
        won = super().create(key, data)
        if self.after and "entries" in key:
            return bool(self.after.pop(0)(won))
        return won


def test_a_lost_race_is_decided_anew_on_the_new_head() -> None:
    store = Interrupted()
    store.before = [lambda: open_journal(store).append(says(10, "rival"))]
    shown: list[int] = []

    def decide(head: Head[Tally]) -> dict[str, Any]:
        shown.append(head.state.total)
        return {"amount": head.state.total + 1, "tag": "mine"}

    head, entry = open_journal(store).append(decide)
    assert shown == [0, 10]
    assert entry is not None
    assert entry.number == 2
    assert head.state == Tally(2, 21, "mine")


def test_after_a_lost_race_the_decision_may_be_to_append_nothing() -> None:
    store = Interrupted()
    store.before = [lambda: open_journal(store).append(says(10, "rival"))]
    head, entry = open_journal(store).append(
        lambda head: None if head.number else {"amount": 1, "tag": "mine"}
    )
    assert entry is None
    assert head.state.last == "rival"


def test_losing_every_race_ends_in_contention(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Interrupted()
    rival = [lambda: open_journal(store).append(says(1, "rival"))]
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        store.before = list(rival)

    monkeypatch.setattr(module.time, "sleep", pause)
    store.before = list(rival)
    with pytest.raises(Contention, match="30 lost races") as fault:
        open_journal(store).append(says(1, "mine"))
    assert fault.value.retryable
    assert len(pauses) == 30
    assert max(pauses) <= 0.5
    assert len(set(pauses)) > 20
    assert open_journal(store).audit().state == Tally(30, 30, "rival")


def test_a_win_whose_answer_was_lost_is_not_appended_twice() -> None:
    store = Interrupted()
    # The first answer of the server got lost; the client tried again and met its own object.
    store.after = [lambda _: False]
    head, entry = open_journal(store).append(says(3))
    assert entry is not None
    assert head == open_journal(store).audit()
    assert head.state == Tally(1, 3)


def test_two_writers_of_equal_decisions_do_not_take_each_other_for_themselves() -> None:
    store = Interrupted()
    store.before = [lambda: open_journal(store).append(says(3))]
    _, entry = open_journal(store).append(says(3))
    assert entry is not None
    assert entry.number == 2
    assert open_journal(store).audit().state == Tally(2, 6)


def test_a_fault_after_the_write_shows_in_the_next_head() -> None:
    def fault(won: bool) -> bool:
        raise StoreFault("the store did not answer")

    store = Interrupted()
    store.after = [fault]
    journal = open_journal(store)
    with pytest.raises(StoreFault):
        journal.append(says(3))
    head, entry = journal.append(lambda head: None if head.state.total else says(3)(head))
    assert (head.state.total, entry) == (3, None)


# Checkpoints


@pytest.mark.usefixtures("short_interval")
def test_a_checkpoint_lost_in_a_crash_is_written_by_the_next_who_appends() -> None:
    store = written([1] * 5)
    checkpoint = store.objects.pop(CHECKPOINT.format(5))
    assert open_journal(store).audit().number == 5
    journal = open_journal(store)
    journal.read()
    assert CHECKPOINT.format(5) not in store.objects
    journal.append(says(1))
    assert store.objects[CHECKPOINT.format(5)] == checkpoint
    assert open_journal(store).audit().number == 6


@pytest.mark.usefixtures("short_interval")
def test_an_append_stands_even_if_its_checkpoint_cannot_be_written() -> None:
    class Faulty(MemoryStore):
        def create(self, key: str, data: bytes) -> bool:
            if "checkpoints" in key:
                raise StoreFault("the store did not answer")
            return super().create(key, data)

    store = Faulty()
    written([1] * 12, store=store)
    assert open_journal(store).audit().state == Tally(12, 12)


def test_a_reducer_that_dumps_another_form_has_checkpoints_of_its_own() -> None:
    class Renamed(Counting):
        def dump(self, state: Tally) -> Any:
            return [state.count, state.total, state.last]

        def load(self, value: Any) -> Tally:
            return Tally(*value)

    store = written([1] * 100)
    later = Journal(store, "ledger", Renamed(), version=2)
    assert later.read().state == later.audit().state == Tally(100, 100)
    later.append(says(1))
    assert Journal(store, "ledger", Renamed(), version=2).read().state == Tally(101, 101)
    assert open_journal(store).audit().state == Tally(101, 101)
    assert list(store.keys("ledger/checkpoints/")) == [
        "ledger/checkpoints/1/0000000100.json",
        "ledger/checkpoints/2/0000000100.json",
    ]


# The audit


@given(data=st.data())
def test_any_change_of_one_byte_is_found(data: st.DataObject) -> None:
    with patch.object(module, "CHECKPOINT_EVERY", 5):
        store = written([3, -1, 4, -1, 5, -9, 2, 6, -5, 3, 5])
        key = data.draw(st.sampled_from(sorted(store.objects)))
        whole = store.objects[key]
        place = data.draw(st.integers(0, len(whole) - 1))
        kind = data.draw(st.sampled_from(["replace", "delete", "insert"]))
        byte = bytes([data.draw(st.integers(0, 255))])
        tail = whole[place:] if kind == "insert" else whole[place + 1 :]
        changed = whole[:place] + (b"" if kind == "delete" else byte) + tail
        store.objects[key] = changed
        if changed == whole:
            open_journal(store).audit()
        else:
            with pytest.raises(IntegrityError):
                open_journal(store).audit()


@given(data=st.data())
def test_a_missing_entry_is_found(data: st.DataObject) -> None:
    store = written([1, 2, 3, 4, 5, 6, 7])
    head = open_journal(store).read()
    gone = data.draw(st.integers(1, 7))
    del store.objects[ENTRY.format(gone)]
    with pytest.raises(IntegrityError, match="missing"):
        open_journal(store).audit((head.number, head.digest))
    if gone < 7:
        with pytest.raises(IntegrityError, match=f"entry {gone} is missing"):
            open_journal(store).audit()


def test_an_audit_names_the_tail_that_is_missing_below_the_trusted_head() -> None:
    store = written([1, 2, 3, 4])
    head = open_journal(store).read()
    for number in (3, 4):
        del store.objects[ENTRY.format(number)]
    # Alone the chain cannot know; the head that is returned says where its proof ends.
    assert open_journal(store).audit().number == 2
    with pytest.raises(IntegrityError, match="entries 3 to 4") as error:
        open_journal(store).audit((head.number, head.digest))
    assert "trusted head" in str(error.value)


@pytest.mark.usefixtures("short_interval")
def test_a_checkpoint_witnesses_the_tail_up_to_it() -> None:
    store = written([1] * 11)
    for number in (9, 10, 11):
        del store.objects[ENTRY.format(number)]
    with pytest.raises(IntegrityError, match="entries 9 to 10"):
        open_journal(store).audit()


def test_a_tail_that_was_written_anew_is_found_by_the_trusted_head() -> None:
    store = written([1, 2, 3])
    head = open_journal(store).read()
    del store.objects[ENTRY.format(3)]
    open_journal(store).append(says(300))
    assert open_journal(store).audit().state.total == 303
    with pytest.raises(IntegrityError, match="entry 3 is not the one that was witnessed"):
        open_journal(store).audit((head.number, head.digest))


def test_a_trusted_head_in_the_middle_proves_up_to_there() -> None:
    store = written([1, 2, 3])
    second = list(open_journal(store).entries())[1]
    assert open_journal(store).audit((2, second.digest)).number == 3
    assert open_journal(store).audit((0, GENESIS)).number == 3
    with pytest.raises(IntegrityError, match="entry 0 is not"):
        open_journal(store).audit((0, second.digest))


def test_an_entry_that_was_replaced_with_a_valid_one_breaks_the_chain() -> None:
    store = written([1, 2, 3])
    first = next(open_journal(store).entries())
    forged = next_entry(Head(1, first.digest, None), {"amount": 200, "tag": ""})
    store.objects[ENTRY.format(2)] = forged.encode()
    for look in (
        lambda: open_journal(store).audit(),
        lambda: open_journal(store).read(),
        lambda: list(open_journal(store).entries()),
    ):
        with pytest.raises(
            IntegrityError, match="chain of the journal is broken at entry 3"
        ) as error:
            look()
        assert "memory:////ledger" in str(error.value)


def test_two_entries_that_changed_places_are_found() -> None:
    store = written([1, 2, 3])
    one, two = ENTRY.format(1), ENTRY.format(2)
    store.objects[one], store.objects[two] = store.objects[two], store.objects[one]
    with pytest.raises(IntegrityError, match="under another number"):
        open_journal(store).audit()


@pytest.mark.parametrize(
    "intruder",
    ["entries/0000000000.json", "entries/5.json", "entries/x", "entries/0000000002.json.bak"],
)
def test_an_intruder_among_the_entries_is_found(intruder: str) -> None:
    store = written([1, 2, 3])
    store.objects[f"ledger/{intruder}"] = store.objects[ENTRY.format(3)]
    with pytest.raises(IntegrityError):
        open_journal(store).audit()


def test_an_entry_far_beyond_the_tail_is_found() -> None:
    store = written([1, 2, 3])
    store.objects[ENTRY.format(9)] = store.objects[ENTRY.format(3)]
    with pytest.raises(IntegrityError, match="entry 4 is missing"):
        open_journal(store).audit()


@pytest.mark.usefixtures("short_interval")
def test_a_checkpoint_forged_with_a_valid_digest_is_found() -> None:
    store = written([1] * 6)
    key = CHECKPOINT.format(5)
    content = json.loads(store.objects[key])
    content["state"]["total"] = 500
    del content["digest"]
    store.objects[key] = canonical_json({**content, "digest": digest(content)})
    # This process folded the entries itself; another trusts the checkpoint, hence the audit.
    assert open_journal(store).read().state.total == 6
    with patch.dict(memory._values, clear=True):
        assert open_journal(store).read().state.total == 501
    with pytest.raises(IntegrityError, match="checkpoint 5 is not the fold"):
        open_journal(store).audit()


@pytest.mark.parametrize("large", [0, module.LARGE])
@given(amounts=st.lists(st.integers(1, 9), min_size=1, max_size=12), data=st.data())
def test_what_was_folded_before_is_not_taken_for_what_a_store_holds_now(
    large: int, amounts: list[int], data: st.DataObject
) -> None:
    with patch.object(module, "LARGE", large):
        store = written(amounts)
        assert open_journal(store).read().state.total == sum(amounts)
        key = ENTRY.format(number := data.draw(st.integers(1, len(amounts))))
        store.objects[key] = store.objects[key].replace(b'"amount":', b'"amount":1')
        with pytest.raises(IntegrityError, match="was changed"):
            open_journal(store).read()
        del store.objects[key]
        assert open_journal(store).read().state.count == number - 1


@pytest.mark.usefixtures("short_interval")
def test_a_checkpoint_that_was_changed_is_not_read() -> None:
    store = written([1] * 6)
    key = CHECKPOINT.format(5)
    store.objects[key] = store.objects[key].replace(b'"total":5', b'"total":6')
    with pytest.raises(IntegrityError, match="checkpoint of the journal was changed"):
        open_journal(store).read()


@pytest.mark.usefixtures("short_interval")
def test_a_checkpoint_under_another_number_is_found() -> None:
    store = written([1] * 6)
    store.objects[CHECKPOINT.format(3)] = store.objects.pop(CHECKPOINT.format(5))
    for look in (open_journal(store).audit, open_journal(store).read):
        with pytest.raises(IntegrityError, match="checkpoint stands"):
            look()


def test_an_audit_beside_a_writer_raises_no_false_alarm() -> None:
    class Growing(MemoryStore):
        """A store in which two entries and a checkpoint appear with each listing."""

        growing = False

        def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
            listed = list(super().keys(prefix, after=after))
            if self.growing:
                self.growing = False
                written([1] * 7, store=self)
                self.growing = True
            return iter(listed)

    with patch.object(module, "CHECKPOINT_EVERY", 5):
        store = Growing()
        written([1] * 4, store=store)
        store.growing = True
        assert open_journal(store).audit().number in (4, 11)


def test_entries_are_plain_values() -> None:
    entry = next_entry(START, {"a": 1})
    assert entry == Entry(1, GENESIS, {"a": 1}, entry.digest)
    with pytest.raises(AttributeError):
        entry.number = 2  # type: ignore[misc]
