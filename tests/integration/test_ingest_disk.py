"""A disk that is full, of the store or of the home: a clear error, and nothing half visible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.full_disk import BEFORE, DATASET, DAYS, namespace
from support.runs import open_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same with room enough."""
    home = open_home(tmp_path_factory.mktemp("undisturbed"))
    home.ingest(DATASET, BEFORE, BEFORE)
    home.ingest(DATASET, *DAYS)
    state = home.site.catalog(home.usecase, DATASET).read()
    md5s = {revision.partition: revision.md5 for revision in state.newest()}
    return {"md5": md5s, "tree": state.tree, "broken": []}


@pytest.mark.parametrize(
    ("what", "mode"), [("store", "tmpfs"), ("home", "tmpfs"), ("home", "limit")]
)
def test_a_full_disk_is_told_and_an_ingest_with_room_ends_as_ever(
    what: str, mode: str, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    """Where nothing may be mounted, files are limited in size instead."""
    found = namespace()
    if mode == "tmpfs" and found is None:
        mode = "limit"
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-m", "support.full_disk", tmp_path / "full", what, mode]
    done = subprocess.run(
        [*(found or ()), *command] if mode == "tmpfs" else command,
        cwd=tests,
        env={**os.environ, "PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)

    failed = [one for one in said["tries"] if one["error"]]
    assert failed
    assert len(failed) < len(said["tries"])
    for one in failed:
        assert one["error"]["kind"] == "StoreFault", one["error"]
        assert one["error"]["retry"]
        assert len(one["error"]["text"].splitlines()) <= 10
        assert {"tmpfs": "No space left", "limit": "oo large"}[mode] in one["error"]["text"]
    for one in said["tries"]:
        assert one["broken"] == []
        assert list(one["md5"]) in ([BEFORE], [BEFORE, *DAYS])
    assert said["after"] == undisturbed
