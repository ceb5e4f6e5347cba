"""What a warm process has planned is what its forks use, as long as the suite is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from laurel.adapters import gx
from laurel.adapters.gx import Suite, ready_suite
from laurel.adapters.gx_suite import find_suite
from laurel.adapters.tables import conform
from laurel.domain.history import KNOWN_AT, PARTITION
from laurel.domain.partition import Partition
from laurel.runs.warm import warm_up
from laurel.settings import Settings, load_settings
from laurel.stages.predictions import predictions_dataset
from laurel.usecase import get_usecase
from support.sample import read_days
from support.synthetic import write_toy

DAY = Partition.of("2024-02-06")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(gx, "_READY", {})
    usecases, suites = write_toy(tmp_path)
    return load_settings({"LAUREL_USECASES": str(usecases), "LAUREL_EXPECTATIONS": str(suites)})


def test_every_suite_of_a_use_case_is_planned_for_the_tables_that_it_will_judge(
    settings: Settings,
) -> None:
    warm_up(settings)
    usecase = get_usecase("toy", settings)
    for name, dataset in usecase.config.datasets.items():
        file = find_suite(dataset.suite, settings)
        kept = ready_suite(file, hidden=dataset.hidden)
        assert kept is ready_suite(file, hidden=dataset.hidden)
        planned = set(kept._run._plans)
        rows = read_days(usecase, name, 0, DAY).drop(columns=[PARTITION, KNOWN_AT])
        table = conform(rows, dataset, usecase="toy", name=name)
        found = kept.judge([table])
        assert set(kept._run._plans) == planned, "the plan of the empty table was not used"
        assert found.document == Suite(file, hidden=dataset.hidden).judge([table]).document
    scores = predictions_dataset(usecase.config)
    kept = ready_suite(find_suite(scores.suite, settings), hidden=scores.hidden)
    assert len(kept._run._plans) == 1


def test_a_suite_that_was_edited_is_read_anew(settings: Settings) -> None:
    warm_up(settings)
    dataset = get_usecase("toy", settings).config.datasets["visits"]
    file = find_suite(dataset.suite, settings)
    kept = ready_suite(file, hidden=dataset.hidden)
    document = json.loads(file.read_text())
    document["expectations"] = document["expectations"][:1]
    file.write_text(json.dumps(document))
    again = ready_suite(file, hidden=dataset.hidden)
    assert again is not kept
    assert again.digest != kept.digest


def test_a_suite_that_is_not_one_is_left_to_the_task_that_needs_it(settings: Settings) -> None:
    dataset = get_usecase("toy", settings).config.datasets["visits"]
    file = find_suite(dataset.suite, settings)
    file.write_text("{")
    warm_up(settings)
    assert (file, dataset.hidden) not in gx._READY
    assert gx._READY, "the others are ready"
