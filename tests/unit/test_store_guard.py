"""The guards at start-up, against stores that no real server should be."""

from __future__ import annotations

from threading import Barrier

import pytest

from laurel.adapters.store import claim, claimed_by, probe
from laurel.adapters.store.guard import CLAIM, RIVALS
from laurel.errors import IntegrityError, Refused, StoreFault
from support.memory import MemoryStore


class LooksThenWrites(MemoryStore):
    """Honours the condition for one writer at a time, and not when several meet."""

    def __init__(self) -> None:
        super().__init__()
        self.meeting = Barrier(RIVALS)

    def create(self, key: str, data: bytes) -> bool:
        free = key not in self.objects
        if free:
            self.meeting.wait(10)
            self.objects[key] = data
        return free


class Overwrites(MemoryStore):
    """Says rightly who was first, and writes all the same."""

    def create(self, key: str, data: bytes) -> bool:
        won = super().create(key, data)
        self.objects[key] = data
        return won


class Loses(MemoryStore):
    """Says that every key exists."""

    def create(self, key: str, data: bytes) -> bool:
        super().create(key, data)
        return False


@pytest.mark.parametrize("kind", [LooksThenWrites, Overwrites, Loses])
def test_the_probe_refuses_a_store_that_does_not_keep_the_promise(kind: type[MemoryStore]) -> None:
    with pytest.raises(Refused, match="ignores create-only writes") as refusal:
        probe(kind())
    assert not refusal.value.retryable


def test_a_store_that_is_down_is_a_fault_not_a_refusal() -> None:
    class Down(MemoryStore):
        def create(self, key: str, data: bytes) -> bool:
            raise StoreFault("the store did not answer", found=(key, len(data)))

    with pytest.raises(StoreFault):
        probe(Down())


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff"])
def test_a_claim_that_cannot_be_read_is_nobodys(data: bytes) -> None:
    store = MemoryStore()
    store.create(CLAIM, data)
    for use in (lambda: claimed_by(store), lambda: claim(store, "production")):
        with pytest.raises(IntegrityError, match="claim on the store cannot be read"):
            use()
