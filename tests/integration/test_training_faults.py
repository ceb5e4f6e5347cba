"""Faults of a training: a race, a full disk, no memory, ``kill -9`` in every stage; repeats."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from laurel.domain.stagefile import verbs_of
from support.killing_train import FILE_SIZES, WRITES
from support.runs import Home, running_from

pytestmark = pytest.mark.slow

AS_OF = "2024-02-26"
KILLED = -9
Said = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def said(prepared: Home, source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What each try ended with, by its name."""
    folder = tmp_path_factory.mktemp("faults")
    for name in ("cases", "store"):
        shutil.copytree(prepared.folder / name, folder / name)
    tests = Path(__file__).parents[1]
    with running_from(source_checkout):
        path = os.environ["PYTHONPATH"]
    done = subprocess.run(
        [sys.executable, "-m", "support.killing_train", folder, AS_OF],
        cwd=tests,
        env={**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{tests}"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines}


@pytest.fixture(scope="module")
def stages(prepared: Home) -> list[str]:
    return list(verbs_of(prepared.usecase.config))


def test_two_trainings_of_one_as_of_at_once_have_one_result(said: Said) -> None:
    first, second = said["raced"]["tries"]

    assert first["bundle"] == second["bundle"]
    assert list(said["raced"]["bundles"]) == [first["run"]]


def test_a_training_was_killed_in_every_stage_and_before_each_kind_of_write(
    said: Said, stages: list[str]
) -> None:
    assert {name: said[name]["code"] for name in (*stages, *WRITES)} == dict.fromkeys(
        (*stages, *WRITES), KILLED
    )
    assert said["before the bundle"]["bundles"] == {}


def test_a_retry_runs_the_stage_that_was_killed_and_none_before_it(
    said: Said, stages: list[str]
) -> None:
    for number, verb in enumerate(stages):
        assert said[verb]["ran"][-1] == verb
        before = max(0, number - 1)
        assert said[verb]["taken"][:before] == stages[:before]
        assert set(said[verb]["ran"]) <= set(stages[before : number + 1])
    assert said["undisturbed"]["ran"] == []
    assert said["undisturbed"]["taken"] == stages


def test_after_all_kills_there_is_the_bundle_of_an_undisturbed_training(said: Said) -> None:
    assert said["after all"]["bundles"] == said["raced"]["bundles"]
    assert said["undisturbed"]["bundle"] == said["raced"]["tries"][0]["bundle"]


def test_a_repeat_finds_its_bundle_and_runs_nothing(said: Said) -> None:
    assert said["repeated"]["repeated"]
    assert said["repeated"]["bundle"] == said["undisturbed"]["bundle"]
    assert said["repeated"]["ran"] == said["repeated"]["taken"] == []


def test_another_machine_takes_all_outputs_from_the_store(said: Said, stages: list[str]) -> None:
    """Its cache is empty and there is no bundle: the run cache at the remote is all it has."""
    assert said["another machine"]["ran"] == []
    assert said["another machine"]["taken"] == stages
    assert said["another machine"]["bundle"] == said["undisturbed"]["bundle"]


def test_a_stage_without_memory_says_so_and_may_be_tried_again(said: Said) -> None:
    error = said["out of memory"]["error"]

    assert error["kind"] == "OutOfMemory"
    assert error["retry"]
    for words in ("stage toy_train", "use case toy", "peak memory", "out of memory", "hint: "):
        assert words in error["text"]
    assert len(error["text"].splitlines()) <= 10


@pytest.mark.parametrize("kib", FILE_SIZES)
def test_a_full_disk_says_so_and_may_be_tried_again(said: Said, kib: int) -> None:
    error = said[f"{kib} KiB"]["error"]

    assert error["kind"] == "StoreFault"
    assert error["retry"]
    assert "the disk is full" in error["text"]
    assert len(error["text"].splitlines()) <= 10
