"""Fixtures of whole runs: prepared once for the session, copied by who changes something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.runs import Home, make_checkout, open_home, prepare, running_from


@pytest.fixture(scope="session")
def source_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed copy of this source tree."""
    return make_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture
def own_checkout(source_checkout: Path) -> Iterator[Path]:
    """Run from the committed copy."""
    with running_from(source_checkout):
        yield source_checkout


@pytest.fixture(scope="session")
def prepared(source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """60 days, two trainings with their decisions, four scored and monitored days; not to be
    changed: tests that write work in a copy."""
    with running_from(source_checkout):
        return prepare(open_home(tmp_path_factory.mktemp("prepared")))


@pytest.fixture
def copied(prepared: Home, own_checkout: Path, tmp_path: Path) -> Home:
    """A copy of the prepared home for this test alone."""
    return prepared.copy(tmp_path)


@pytest.fixture
def fresh(own_checkout: Path, tmp_path: Path) -> Home:
    """A home in which nothing has happened."""
    return open_home(tmp_path)
