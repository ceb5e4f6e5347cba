"""What rests on a revision: traced over runs as their bundles describe them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laurel.adapters.records import Catalog
from laurel.adapters.records.uses import find_uses
from laurel.domain.canonical import canonical_json
from laurel.domain.catalog import CatalogState, as_corrected
from laurel.domain.impact import Impact, Touched, trace
from laurel.domain.ledger import LedgerState
from laurel.domain.partition import Partition
from laurel.domain.uses import Use, read_use, spans
from laurel.errors import IntegrityError
from support.memory import MemoryStore
from support.records import Trees, day, decision, partition_file

LINES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), max_size=60)


def key(number: int) -> str:
    return Partition.at(day(number)).key


def training(name: str, *, at: int, champion: str | None = None, read: Sequence[int] = ()) -> Use:
    lines = {"rows": spans((key(number), 1) for number in read)}
    return Use("train", f"run of {name}", f"{key(at)}T00:00:00Z", name, champion, lines)


def scoring(at: int, model: str, *, read: Sequence[int] = ()) -> Use:
    lines = {"rows": spans((key(number), 1) for number in (*read, at))}
    return Use("score", f"scoring of {key(at)}", key(at), model, None, lines)


def report(at: int, model: str, *, past: Sequence[int]) -> Use:
    lines = {"predictions": spans((key(number), 1) for number in (*past, at))}
    return Use("monitor", f"report of {key(at)}", key(at), model, None, lines)


def predictions(*days: int) -> CatalogState:
    """The catalog in which each scoring published its day."""
    catalog, trees = Catalog(MemoryStore(), "toy", "predictions"), Trees()
    for number in days:
        run = f"scoring of {key(number)}"
        files = [partition_file(key(number))]
        catalog.publish(files, merge=trees.merge, run=run, published_at=day(99))
    return catalog.read()


def traced(uses: Sequence[Use], number: int, *, catalog: CatalogState | None = None) -> Any:
    """Sort and name of what rests on the first revision of a day, and whether directly."""
    found = trace(
        uses,
        dataset="rows",
        wanted={key(number): (1,)},
        ledger=LedgerState((decision(8, name="one"), decision(15, "rejected", name="two"))),
        predictions=catalog or CatalogState(),
    )
    return {(item.sort, item.run or item.name): item.direct for item in found}


@given(LINES)
def test_spans_hold_the_lines_that_were_read_and_no_other(lines: list[tuple[int, int]]) -> None:
    named = {(key(number), revision) for number, revision in lines}
    use = replace(training("one", at=8), read={"rows": spans(named)})

    assert set(use.lines("rows")) == named
    for number in range(41):
        for revision in (1, 2, 3):
            found = use.reads("rows", {key(number): (revision,)})
            assert (found is not None) is ((key(number), revision) in named)
    assert use.reads("labels", {key(1): (1, 2, 3)}) is None


def test_a_training_that_read_it_its_decision_and_its_predictions_are_found() -> None:
    uses = [
        training("one", at=8, read=range(8)),
        training("two", at=15, read=range(7, 15)),
        scoring(9, "one"),
        scoring(16, "two"),
    ]

    found = traced(uses, 2)

    assert found == {
        ("training", "run of one"): True,
        ("decision", decision(8, name="one").run): True,
        ("predictions", f"scoring of {key(9)}"): False,
    }


def test_a_challenger_of_a_model_that_learned_from_it_rests_on_it_indirectly() -> None:
    uses = [
        training("two", at=15, champion="one", read=range(7, 15)),
        training("one", at=8, read=range(8)),
        training("three", at=22, champion="two"),
        training("alone", at=22),
    ]

    assert traced(uses, 2) == {
        ("training", "run of one"): True,
        ("training", "run of two"): False,
        ("training", "run of three"): False,
        ("decision", decision(8, name="one").run): True,
        ("decision", decision(15, name="two").run): False,
    }


def test_a_report_rests_on_predictions_of_its_window() -> None:
    uses = [
        scoring(9, "one", read=[2]),
        scoring(10, "one"),
        report(10, "one", past=[9]),
        report(11, "one", past=[10]),
    ]

    assert traced(uses, 2, catalog=predictions(9, 10)) == {
        ("predictions", f"scoring of {key(9)}"): True,
        ("report", f"report of {key(10)}"): False,
    }


def test_what_was_replaced_since_is_told_from_what_stands() -> None:
    uses = [scoring(9, "one", read=[2])]
    state = predictions(9)
    again = replace(state.revisions[key(9)][0], run="another scoring")
    later = replace(state, revisions={key(9): (*state.revisions[key(9)], again)})

    found = [
        trace(uses, dataset="rows", wanted={key(2): (1,)}, ledger=LedgerState(), predictions=each)
        for each in (state, later)
    ]

    assert [item.stands for (item,) in found] == [True, False]


def test_a_training_that_was_never_decided_is_told_from_one_that_was() -> None:
    entry = decision(8, name="one")
    use = replace(training("one", at=8, read=[2]), run=entry.run or "")

    found = [
        trace(
            [use],
            dataset="rows",
            wanted={key(2): (1,)},
            ledger=LedgerState(history),
            predictions=CatalogState(),
        )
        for history in ((entry,), ())
    ]

    assert [items[0].stands for items in found] == [True, False]
    assert [len(items) for items in found] == [2, 1]


def test_counts_come_by_sort_and_by_how_it_is_used() -> None:
    item = Touched("training", "r", key(8), "one", True, "")
    found = Impact("toy", "rows", {key(2): (1,)}, {key(2): 1}, (item, replace(item, direct=False)))

    assert found.counts()["training"] == (1, 1)
    assert found.reference()["counts"]["report"] == {"direct": 0, "indirect": 0}
    assert not found.superseded
    assert replace(found, newest={key(2): 2}).superseded


def bundle(number: int, **other: Any) -> dict[str, Any]:
    return {
        "id": f"{number:016}",
        "kind": "score",
        "partitions": [key(number)],
        "model_version": "one",
        "inputs": {"rows": [key(number), 1, "h"], "past": {"labels": [[key(number - 1), 2, "h"]]}},
        **other,
    }


def write(store: MemoryStore, document: dict[str, Any]) -> None:
    prefix = f"runs/toy/{document['kind']}/{document['id']}"
    store.create(f"{prefix}/bundle.json", canonical_json(document))
    store.create(f"{prefix}/observed/000001.json", b"{}")


def test_each_bundle_is_read_once_on_this_machine(tmp_path: Path) -> None:
    store = MemoryStore()
    for number in (3, 4, 5):
        write(store, bundle(number))

    first = find_uses(store, "toy", rows="rows", memory=tmp_path)
    write(store, bundle(6))
    second = find_uses(store, "toy", rows="rows", memory=tmp_path)

    assert store.calls["read"] == 4
    assert second[:3] == first
    assert [use.at for use in second] == [key(number) for number in (3, 4, 5, 6)]
    assert second[0].read == {
        "labels": ((key(2), key(2), 2),),
        "rows": ((key(3), key(3), 1),),
    }


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'{"0": 1}', b'{"a": {"read": {}}}'])
def test_a_memory_that_cannot_be_read_is_no_harm(tmp_path: Path, text: bytes) -> None:
    store = MemoryStore()
    write(store, bundle(3))
    found = find_uses(store, "toy", rows="rows", memory=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(text)

    assert find_uses(store, "toy", rows="rows", memory=tmp_path) == found


def test_a_memory_that_cannot_be_kept_is_no_harm(tmp_path: Path) -> None:
    store, blocked = MemoryStore(), tmp_path / "file"
    write(store, bundle(3))
    blocked.write_text("no folder")

    for memory in (blocked, tmp_path / "folder"):
        (use,) = find_uses(store, "toy", rows="rows", memory=memory)
        assert use.at == key(3)


def test_a_bundle_that_does_not_say_what_was_read_is_named(tmp_path: Path) -> None:
    store = MemoryStore()
    write(store, bundle(3, inputs={}))

    with pytest.raises(IntegrityError, match="does not say") as raised:
        find_uses(store, "toy", rows="rows", memory=tmp_path)

    assert raised.value.detail == "runs/toy/score/0000000000000003/bundle.json"


def test_a_report_names_every_dataset_that_it_read() -> None:
    read = {"labels": [[key(1), 1, "h"], [key(2), 1, "h"]], "predictions": [[key(3), 2, "h"]]}
    use = read_use(bundle(3, kind="monitor", inputs={"read": read}), rows="rows")

    assert use.read == {
        "labels": ((key(1), key(2), 1),),
        "predictions": ((key(3), key(3), 2),),
    }


def test_a_catalog_as_corrected_knows_each_correction_from_the_start() -> None:
    catalog, trees = Catalog(MemoryStore(), "toy", "rows"), Trees()
    for number, content in enumerate("abc"):
        files = [partition_file(key(3), content)]
        catalog.publish(files, merge=trees.merge, run="r", published_at=day(50 + number))
    state = catalog.read()

    for known_by, expected in ((day(49), 1), (day(51), 2), (day(60), 3)):
        (found,) = as_corrected(state, known_by).revisions[key(3)]
        assert found.revision == expected
        assert found.known_at == state.revisions[key(3)][0].known_at
    assert as_corrected(state, day(3)).revisions == {}
