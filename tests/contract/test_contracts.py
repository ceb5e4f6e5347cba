"""What every use case keeps: a contract that says what the data mean, and suites that hold it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from laurel.adapters.gx_suite import ALLOWED, find_suite
from laurel.domain.schema.dictionary import dictionary_page
from laurel.domain.schema.suite import contract_expectations, is_contract, synced
from laurel.settings import checkout_root, load_settings
from laurel.usecase import UseCase, load_usecase
from support.sample import USECASES
from support.synthetic import write_toy


@pytest.fixture(params=[*sorted(USECASES), "toy"])
def usecase(request: pytest.FixtureRequest, tmp_path: Path) -> UseCase:
    if request.param in USECASES:
        return USECASES[request.param]
    return load_usecase(write_toy(tmp_path)[0] / "toy")


def document(usecase: UseCase, suite: str) -> dict[str, Any]:
    folder = usecase.folder.parent.parent / "expectations"
    settings = load_settings({"LAUREL_EXPECTATIONS": str(folder)} if usecase.name == "toy" else {})
    said: dict[str, Any] = json.loads(find_suite(suite, settings).read_text())
    return said


def test_every_column_has_a_meaning_and_every_number_a_unit_or_says_that_it_has_none(
    usecase: UseCase,
) -> None:
    for name, dataset in usecase.config.datasets.items():
        for column, said in dataset.columns.items():
            assert said.description.strip(), f"{name}.{column}"
            if said.type in ("int64", "float64"):
                assert said.unit, f"{name}.{column}"


def test_suites_hold_all_that_the_contract_says_and_say_nothing_twice(usecase: UseCase) -> None:
    for dataset in usecase.config.datasets.values():
        held = document(usecase, dataset.suite)
        wanted = contract_expectations(dataset)
        assert [said for said in held["expectations"] if is_contract(said)] == wanted
        assert synced(held, dataset) == held


def test_what_is_written_from_contracts_is_judged_alike_on_whole_tables_and_parts(
    usecase: UseCase,
) -> None:
    for dataset in usecase.config.datasets.values():
        assert {said["type"] for said in contract_expectations(dataset)} <= ALLOWED


def test_the_data_dictionary_is_in_step(usecase: UseCase) -> None:
    root = checkout_root()
    if root is None or usecase.name == "toy":
        pytest.skip("only use cases of a checkout have a page")
    page = root / "docs" / "usecases" / f"{usecase.name}.md"
    assert page.read_text() == dictionary_page(usecase.config)
