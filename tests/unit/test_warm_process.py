"""The warm process: stages one after the other in one interpreter, as the command line has them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from laurel.adapters.warm import WarmProcess, stage_words
from laurel.errors import NO_MEMORY

KILLED_IN_VALIDATE = """
import os, signal, sys

def hook(event, args):
    if event == "import" and args[0] == "great_expectations":
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
"""


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[WarmProcess]:
    process = WarmProcess()
    assert process.start(env={**os.environ, "LAUREL_HOME": str(tmp_path)}, cwd=str(tmp_path))
    yield process
    process.close()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("laurel stage train flights", ["train", "flights"]),
        ("laurel stage train flights --threads 2", ["train", "flights", "--threads", "2"]),
        ("laurel stage train flights; rm -r data", None),
        ("laurel stage train $(whoami)", None),
        ("laurel train flights", None),
        ("cat data/rows", None),
        ("LAUREL_THREADS=1 laurel stage train flights", None),
    ],
)
def test_only_plain_stages_are_run_warm(command: str, words: list[str] | None) -> None:
    assert stage_words(command) == words


def test_a_failing_stage_does_not_end_the_process(warm: WarmProcess, tmp_path: Path) -> None:
    said: list[str] = []
    cwd = str(tmp_path)

    assert warm.run(["assemble", "no-such-case"], cwd=cwd, heard=said.append) == 1
    assert "no-such-case" in "".join(said)
    assert warm.run(["no-such-stage"], cwd=cwd, heard=said.append) == 2
    assert "No such command" in "".join(said)
    assert warm.run(["assemble", "--help"], cwd=cwd, heard=said.append) == 0


def test_a_stage_that_runs_apart_is_told_when_its_process_is_killed(tmp_path: Path) -> None:
    """It is the one that imports Great Expectations; the process that serves goes on."""
    killing = tmp_path / "sitecustomize.py"
    killing.write_text(KILLED_IN_VALIDATE)
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "LAUREL_THREADS": "2"}
    said: list[str] = []
    with begun(env, tmp_path) as warm:
        assert warm.run(["validate", "toy"], cwd=str(tmp_path), heard=said.append) == NO_MEMORY
        assert "out of memory?" in "".join(said)
        assert warm.run(["assemble", "--help"], cwd=str(tmp_path), heard=said.append) == 0


@contextmanager
def begun(env: Mapping[str, str], folder: Path) -> Iterator[WarmProcess]:
    with WarmProcess() as process:
        process.begin(env=env)
        assert process.start(env=env, cwd=str(folder))
        yield process


def test_a_killed_process_is_told_by_its_signal_and_its_memory(
    warm: WarmProcess, tmp_path: Path
) -> None:
    assert warm._child is not None
    os.kill(warm._child.pid, signal.SIGKILL)

    assert warm.run(["train", "toy"], cwd=str(tmp_path), heard=print) == -signal.SIGKILL
    assert warm.peak_bytes is not None
    assert warm.peak_bytes > 1 << 20


def test_the_process_ends_when_its_parent_lets_go_of_it(warm: WarmProcess) -> None:
    child = warm._child
    assert child is not None
    assert child.stdin is not None

    child.stdin.close()

    assert child.wait(60) == 0


def test_a_command_line_of_an_older_commit_is_not_served(tmp_path: Path) -> None:
    older = tmp_path / "laurel" / "__init__.py"
    older.parent.mkdir()
    older.touch()
    process = WarmProcess()

    assert not process.start(env={"PYTHONPATH": str(tmp_path)}, cwd=str(tmp_path))
