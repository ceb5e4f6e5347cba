"""The built wheel, installed into an empty environment: all that a user of the package gets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).parent / "uv"
KINDS = ("examine", "ingest", "monitor", "restate", "rollback", "score", "train")

PARSE = """
import json, runpy, sys
from importlib.metadata import entry_points
from pathlib import Path
from airflow.sdk import DAG
files = sorted(Path(sys.argv[1]).glob("*.py"))
drawn = [v for file in files for v in runpy.run_path(str(file)).values() if isinstance(v, DAG)]
plugins = [each.load().__module__ for each in entry_points(group="airflow.plugins")]
from laurel.pages import page
from laurel_airflow.web.app import create_app
create_app()
import laurel, laurel_airflow
print(json.dumps([len(files), plugins, laurel.__file__, laurel_airflow.__file__]))
"""


@dataclass(frozen=True)
class Installation:
    """An environment with the wheel in it, and an empty folder with an empty home."""

    python: Path
    site: Path
    folder: Path

    def run(self, *command: str) -> str:
        """Run a command of the environment; returns what it printed."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [str(self.python.parent / command[0]), *command[1:]],
            cwd=self.folder,
            env={"PATH": os.defpath, "HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installation")
    python = folder / "venv" / "bin" / "python"
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, folder / "venv"], check=True)
    _install(wheel, python)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (folder / "empty").mkdir()
    yield Installation(python=python, site=site, folder=folder / "empty")
    shutil.rmtree(folder / "venv")  # of the size of a gigabyte where uv cannot link


def _install(wheel: Path, python: Path) -> None:
    """Install what the wheel itself asks for, in the locked versions; from uv's cache if it can."""
    command = [UV, "pip", "install", "-q", "--python", python, "-c", ROOT / "locks" / "dev.lock"]
    for network in (["--offline"], []):
        done = subprocess.run([*command, *network, wheel], capture_output=True, check=False)
        if done.returncode == 0:
            return
    raise AssertionError(done.stderr.decode())


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def tracked(folder: str, pattern: str) -> set[str]:
    """The files of a folder of this checkout, as paths relative to it."""
    root = ROOT / folder
    return {str(file.relative_to(root)) for file in root.rglob(pattern) if file.is_file()}


def test_wheel_holds_code_templates_and_what_it_ships(wheel: Path) -> None:
    held = names(wheel)
    asked = {
        "laurel": tracked("include/laurel", "*.py") | tracked("include/laurel", "*.html"),
        "laurel_airflow": tracked("plugins/laurel_airflow", "*.py")
        | tracked("plugins/laurel_airflow", "*.html"),
        "laurel/_shipped/dags": tracked("dags", "*.py"),
        "laurel/_shipped/usecases": tracked("include/usecases", "*.py")
        | tracked("include/usecases", "usecase.yaml"),
        "laurel/_shipped/expectations": tracked("expectations", "*.json"),
        "laurel/_shipped": {"dvc.yaml", "params.yaml"},
    }

    for package, files in asked.items():
        assert files, package
        assert {f"{package}/{file}" for file in files} <= held
    assert "laurel/py.typed" in held


def test_wheel_holds_nothing_else(wheel: Path) -> None:
    held = names(wheel)

    tops = {name.split("/")[0] for name in held}
    assert tops == {"laurel", "laurel_airflow", f"{wheel.name.rsplit('-', 3)[0]}.dist-info"}
    assert not [name for name in held if name.endswith((".pyc", ".env")) or "/tests/" in name]


def test_wheel_is_built_alike_twice(wheel: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )

    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_wheel_registers_one_plugin_and_one_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        points = ConfigParser()
        points.read_string(archive.read(path).decode())

    assert {section: dict(points[section]) for section in points.sections()} == {
        "airflow.plugins": {"laurel": "laurel_airflow:LaurelPlugin"},
        "console_scripts": {"laurel": "laurel.cli:main"},
    }


def test_installed_command_points_to_the_shipped_dags(installation: Installation) -> None:
    path = Path(installation.run("laurel", "dags", "path").strip())

    assert path == installation.site / "laurel" / "_shipped" / "dags"
    assert sorted(file.stem for file in path.glob("*.py")) == sorted(KINDS)


def test_installed_command_lists_the_shipped_use_cases(installation: Installation) -> None:
    rows = [line.split("\t") for line in installation.run("laurel", "usecases").splitlines()]

    assert [name for name, *_ in rows] == sorted(
        file.parent.name for file in (ROOT / "include" / "usecases").glob("*/usecase.yaml")
    )
    assert rows
    assert all(Path(folder).is_relative_to(installation.site) for *_, folder in rows)


def test_installed_dags_plugin_and_pages_load(installation: Installation) -> None:
    folder = installation.site / "laurel" / "_shipped" / "dags"

    printed = installation.run("python", "-c", PARSE, str(folder)).splitlines()[-1]
    count, plugins, *places = json.loads(printed)

    assert count == len(KINDS)
    assert plugins == ["laurel_airflow"]
    assert all(Path(place).is_relative_to(installation.site) for place in places)


def test_looking_around_leaves_nothing_behind(installation: Installation) -> None:
    installation.run("laurel", "dags", "path")
    installation.run("laurel", "usecases")

    left = {file.name for file in installation.folder.iterdir()}
    assert left <= {"home"}
    assert not (installation.folder / "home" / ".laurel").exists()
