"""Fixtures of whole runs: prepared once for all workers, copied by who changes something."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.runs import (
    Home,
    keep,
    kept_home,
    make_checkout,
    open_home,
    prepare,
    running_from,
)
from support.sharing import made_once


@pytest.fixture(scope="session")
def source_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed copy of this source tree."""
    return made_once(tmp_path_factory, "checkout", make_checkout)


@pytest.fixture
def own_checkout(source_checkout: Path) -> Iterator[Path]:
    """Run from the committed copy."""
    with running_from(source_checkout):
        yield source_checkout


@pytest.fixture(scope="session")
def prepared(source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """60 days, two trainings with their decisions, four scored and monitored days; not to be
    changed: tests that write work in a copy."""

    def make(folder: Path) -> None:
        with running_from(source_checkout):
            keep(prepare(open_home(folder)))

    made = made_once(tmp_path_factory, "prepared-once", make)
    own = tmp_path_factory.mktemp("prepared") / "home"
    with running_from(source_checkout):
        return kept_home(shutil.copytree(made, own))


@pytest.fixture
def copied(prepared: Home, own_checkout: Path, tmp_path: Path) -> Home:
    """A copy of the prepared home for this test alone."""
    return prepared.copy(tmp_path)


@pytest.fixture
def fresh(own_checkout: Path, tmp_path: Path) -> Home:
    """A home in which nothing has happened."""
    return open_home(tmp_path)
