"""The journal of runs: every run of every kind is entered, with the bytes of what it left."""

from __future__ import annotations

import hashlib

import pytest

from laurel.adapters.journal import Journal
from laurel.adapters.records import RunRecords, observe, write_bundle
from laurel.adapters.store.local import LocalStore
from laurel.domain.bundle import Bundle, Code, Environment
from laurel.domain.run_record import RunsReducer, parse_run_record
from laurel.errors import IntegrityError
from support.memory import MemoryStore

RUN = "1a2b3c4d5e6f7081"


def bundle(kind: str = "monitor") -> Bundle:
    return Bundle(
        id=RUN,
        kind=kind,  # type: ignore[arg-type]
        usecase="toy",
        code=Code(dirty=False, version="1"),
        environment=Environment(python="3.11", packages="p", machine="m", libc="l"),
    )


def entered(store: MemoryStore | LocalStore) -> list[dict[str, object]]:
    entries = Journal(store, "run_records/toy", RunsReducer()).entries()
    return [parse_run_record(entry).body() for entry in entries]


def test_a_bundle_is_entered_with_what_lies_beside_it_but_for_observations() -> None:
    store = MemoryStore()
    store.create(f"runs/toy/monitor/{RUN}/report.html", b"<p>fine</p>")
    observe(store, bundle(), {"seconds": 3})

    write_bundle(store, bundle())

    (body,) = entered(store)
    assert (body["kind"], body["run"]) == ("monitor", RUN)
    assert body["files"] == {
        "bundle.json": hashlib.sha256(bundle().encode()).hexdigest(),
        "report.html": hashlib.sha256(b"<p>fine</p>").hexdigest(),
    }


def test_a_bundle_without_an_entry_gets_one_when_it_is_met_again() -> None:
    store = MemoryStore()
    store.create(f"runs/toy/monitor/{RUN}/bundle.json", bundle().encode())

    assert write_bundle(store, bundle()) is False
    assert write_bundle(store, bundle()) is False

    assert len(entered(store)) == 1


def test_files_that_come_later_make_another_entry_only_where_they_may() -> None:
    store = MemoryStore()
    records = RunRecords(store, "toy")
    assert records.enter("ingest", RUN) is False, "a run that left nothing is not entered"
    store.create(f"runs/toy/ingest/{RUN}/validation/visits-2024-01-01.html", b"a")
    assert records.enter("ingest", RUN, grown=True)
    store.create(f"runs/toy/ingest/{RUN}/validation/visits-2024-01-02.html", b"b")

    assert records.enter("ingest", RUN) is False
    assert records.enter("ingest", RUN, grown=True)
    assert records.enter("ingest", RUN, grown=True) is False

    assert [len(body["files"]) for body in entered(store)] == [1, 2]  # type: ignore[arg-type]


def test_an_entry_of_another_shape_is_an_error() -> None:
    store = MemoryStore()
    Journal(store, "run_records/toy", _Blind()).append(lambda _: {"kind": "score"})

    with pytest.raises(IntegrityError, match="journal of runs cannot be read"):
        RunRecords(store, "toy").head()


class _Blind(RunsReducer):
    """Takes anything."""

    def apply(self, state: object, entry: object) -> object:  # type: ignore[override]  # noqa: ARG002
        return state
