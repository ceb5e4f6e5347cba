"""``kill -9`` before each write of an ingest, then the same again: as if nothing had happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.servers import S3Server

pytestmark = pytest.mark.slow

PARTS = 2
CALM = {"OPENBLAS_NUM_THREADS": "1"}
"""No threads in an interpreter that forks."""
KILLED = -9


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """What each part of the runner said: the undisturbed run, then a line for each write."""
    folder = tmp_path_factory.mktemp("killed")
    tests = Path(__file__).parents[1]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "support.killing", folder / str(part), str(part), str(PARTS)],
            cwd=tests,
            env={**os.environ, **CALM, "PYTHONPATH": str(tests)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for part in range(PARTS)
    ]
    outputs = [process.communicate(timeout=400) for process in running]
    assert [process.returncode for process in running] == [0] * PARTS, outputs[0][1][-2000:]
    return [[json.loads(line) for line in out.splitlines()] for out, _ in outputs]


@pytest.fixture(scope="module")
def told_on_s3(
    seaweedfs: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> list[list[dict[str, Any]]]:
    """The same on S3, at each request that writes."""
    tests = Path(__file__).parents[1]
    folder = tmp_path_factory.mktemp("killed-s3") / "home"
    done = subprocess.run(
        [sys.executable, "-m", "support.killing_s3", folder, seaweedfs.fresh_url()],
        cwd=tests,
        env={**os.environ, **CALM, **seaweedfs.env, "PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [[json.loads(line) for line in done.stdout.splitlines()]]


def kills(told: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return sorted((line for lines in told for line in lines[1:]), key=lambda line: line["number"])


def test_a_run_was_killed_at_every_write(told: list[list[dict[str, Any]]]) -> None:
    writes = told[0][0]["writes"]
    found = kills(told)
    assert [line["number"] for line in found] == list(range(1, len(writes) + 1))
    assert [line for line in found if line["code"] != KILLED] == []
    for kind in ("/catalog/", "/quarantine/", "/dvc/files/", "/cache/files/", "/workspaces/"):
        assert any(kind in write for write in writes), kind


def test_nothing_half_written_is_visible_after_a_kill(told: list[list[dict[str, Any]]]) -> None:
    expected = told[0][0]["expected"]
    for line in kills(told):
        left = line["left"]
        assert left["broken"] == [], line["write"]
        assert len(left["content"]) in (1, 2), line["write"]
        assert set(left["md5"]) <= set(expected["md5"])
        assert set(left["held"]) <= set(expected["held"])


def test_a_repeat_ends_as_an_undisturbed_run(told: list[list[dict[str, Any]]]) -> None:
    expected = told[0][0]["expected"]
    assert len(expected["content"]) == 2
    assert len(expected["held"]) == 1
    for line in kills(told):
        assert line["after"] == expected, line["write"]


def test_on_s3_a_kill_before_any_request_leaves_nothing_half_visible_and_a_repeat_ends_it(
    told_on_s3: list[list[dict[str, Any]]],
) -> None:
    (first, *found) = told_on_s3[0]
    assert len(found) == len(first["writes"]) > 5
    assert {line["code"] for line in found} == {KILLED}
    for kind in ("/catalog/", "/quarantine/", "/dvc/files/", "/profiles/"):
        assert any(kind in line["write"] for line in found), kind
    for line in found:
        assert line["left"]["broken"] == [], line["write"]
        assert line["after"] == first["expected"], line["write"]
