"""A model card in Airflow says what the ledger says now; the stored page stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from laurel.adapters.records import Ledger
from laurel.adapters.store import Store, open_store
from laurel.pages.card import END, START
from laurel.settings import load_settings
from laurel_airflow.web.cards import with_ledger
from support.records import decision

RUN = "0123456789abcdef"
KEY = f"runs/toy/train/{RUN}/card.html"
PAGE = f"<p>before</p>{START}<p>ask the ledger</p>{END}<p>after</p>".encode()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(load_settings({"LAUREL_STORE": f"file://{tmp_path}/store"}))


def test_the_ledger_takes_the_place_of_where_to_ask(store: Store) -> None:
    entry = decision(1, name="toy-20130702-0123456")
    Ledger(store, "toy").decide(entry.model_copy(update={"run": RUN}))
    shown = with_ledger(store, KEY, PAGE).decode()
    assert shown.startswith("<p>before</p>")
    assert shown.endswith("<p>after</p>")
    assert "ask the ledger" not in shown
    assert "the champion from" in shown


def test_a_version_that_the_ledger_does_not_name_keeps_its_page(store: Store) -> None:
    assert with_ledger(store, KEY, PAGE) == PAGE


def test_other_pages_are_served_as_they_are(store: Store) -> None:
    Ledger(store, "toy").decide(decision(1).model_copy(update={"run": RUN}))
    assert with_ledger(store, KEY.replace("card", "validation"), PAGE) == PAGE


def test_what_a_person_wrote_into_the_ledger_is_escaped(store: Store) -> None:
    hostile = "<script>alert('x')</script>"
    entry = decision(1).model_copy(
        update={"run": RUN, "reasons": (hostile,), "decided_by": hostile, "event": "approved"}
    )
    Ledger(store, "toy").decide(entry)
    shown = with_ledger(store, KEY, PAGE).decode()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
