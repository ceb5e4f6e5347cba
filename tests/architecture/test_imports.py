"""Who imports whom, where import-linter cannot look: scripts, use cases, a fresh interpreter.

The contracts of import-linter stand in ``pyproject.toml``; ``make check`` runs them.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.synthetic import write_toy

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "boto3",
    "botocore",
    "dvc",
    "great_expectations",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "xgboost",
)
FLOORS = ("laurel.adapters", "laurel.local", "laurel.pages", "laurel.runs", "laurel.stages")

DRAW = f"""
import json, runpy, sys
from pathlib import Path
drawn = [runpy.run_path(str(file)) for file in sorted(Path(sys.argv[1]).glob("*.py"))]
import laurel_airflow
print(json.dumps([name for name in {(*HEAVY, *FLOORS)!r} if name in sys.modules]))
print(len(drawn))
"""


def imports(file: Path) -> Iterator[str]:
    """The modules that a file names in its import statements, wherever they stand in it."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def python_files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def test_import_contracts_name_every_floor_of_the_package() -> None:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(each for each in tables["contracts"] if each["type"] == "layers")

    assert tables["root_packages"] == ["laurel", "laurel_airflow"]
    assert layers["containers"] == ["laurel"]
    assert layers["exhaustive"] is True


def test_airflow_is_imported_by_the_plugin_and_dags_only() -> None:
    guilty = {
        (str(file.relative_to(ROOT)), name)
        for file in python_files("include")
        for name in imports(file)
        if is_in(name, "airflow")
    }

    assert guilty == set()


def test_dags_draw_with_airflow_and_the_plugin_only() -> None:
    guilty = {
        (file.name, name)
        for file in python_files("dags")
        for name in imports(file)
        if name.split(".")[0] not in {"airflow", "laurel_airflow", "__future__", "datetime"}
    }

    assert guilty == set()


def test_use_cases_know_the_domain_and_the_errors_only() -> None:
    guilty = {
        (str(file.relative_to(ROOT)), name)
        for file in python_files("include/usecases")
        for name in imports(file)
        if name.split(".")[0] in {"laurel", "laurel_airflow", "airflow"}
        and not (is_in(name, "laurel.domain") or is_in(name, "laurel.errors"))
    }

    assert guilty == set()


def test_parsing_all_dags_leaves_heavy_modules_out(tmp_path: Path) -> None:
    usecases, suites = write_toy(tmp_path)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "LAUREL_HOME": str(tmp_path / "laurel"),
        "LAUREL_USECASES": str(usecases),
        "LAUREL_EXPECTATIONS": str(suites),
    }

    done = subprocess.run(
        [sys.executable, "-c", DRAW, str(ROOT / "dags")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    loaded, drawn = done.stdout.splitlines()[-2:]
    assert json.loads(loaded) == []
    assert int(drawn) == 7


@pytest.mark.parametrize("module", ["laurel.settings", "laurel.usecase", "laurel.cli"])
def test_light_modules_load_nothing_heavy(module: str) -> None:
    code = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = set(json.loads(done.stdout))
    assert loaded.isdisjoint({*HEAVY, "airflow", "numpy", *FLOORS})
