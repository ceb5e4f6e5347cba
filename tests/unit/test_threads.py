"""How many threads a process gets, and how they wait, by settings and by the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from laurel.errors import ConfigError
from laurel.settings import cores, load_settings


def test_trainings_share_the_cores_by_the_slots_of_their_pool() -> None:
    alone, four = load_settings({}), load_settings({"LAUREL_HEAVY_SLOTS": "4"})

    assert (alone.heavy_pool, alone.heavy_slots, alone.share) == ("laurel_heavy", 1, cores())
    assert (four.heavy_slots, four.share) == (4, max(1, cores() // 4))


def test_threads_that_are_given_win() -> None:
    given = {"LAUREL_HEAVY_SLOTS": "2", "LAUREL_THREADS": "7"}

    assert load_settings(given).share == 7


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
@pytest.mark.parametrize("name", ["LAUREL_THREADS", "LAUREL_HEAVY_SLOTS"])
def test_what_is_no_count_is_refused(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_settings({name: text})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000", None),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("10000000 100000", None),
    ],
)
def test_a_container_s_share_bounds_the_cores(
    text: str, expected: int | None, tmp_path: Path
) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text(f"{text}\n")

    assert cores(quota) == (expected or len(os.sched_getaffinity(0)))
    assert cores(tmp_path / "nothing") == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("said", [None, "3"])
def test_a_command_s_products_of_matrices_have_one_thread(said: str | None, tmp_path: Path) -> None:
    """Several spin while they wait for each other, and starve on a busy machine."""
    code = (
        "import os, sys\n"
        "from laurel.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "import numpy\n"
        "from threadpoolctl import threadpool_info\n"
        "print([each['num_threads'] for each in threadpool_info() if each['user_api'] == 'blas'])\n"
    )
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("OMP", "OPENB"))}
    environ = {**kept, **({"OPENBLAS_NUM_THREADS": said} if said else {})}

    printed = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert printed.splitlines()[-1] == f"[{min(int(said or 1), os.cpu_count() or 1)}]"


def test_a_stage_sets_its_threads_before_a_library_brings_them(tmp_path: Path) -> None:
    """What the environment says already is left as it is."""
    code = (
        "import json, os, sys\n"
        "from laurel.cli import stage\n"
        "stage.share()\n"
        "heavy = {'numpy', 'xgboost', 'sklearn', 'pyarrow'} & set(sys.modules)\n"
        "names = ('OMP_WAIT_POLICY', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS')\n"
        "print(json.dumps([sorted(heavy), *(os.environ[name] for name in names)]))\n"
    )
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("OMP", "OPENB"))}
    environ = {**kept, "LAUREL_THREADS": "3", "OPENBLAS_NUM_THREADS": "2"}

    said = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=tmp_path, capture_output=True, check=True
    )

    assert json.loads(said.stdout) == [[], "passive", "3", "2"]
