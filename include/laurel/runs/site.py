"""Where runs work: the settings, the store they name, and the data plane beside it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from laurel.adapters.dvc import DataPlane
from laurel.adapters.dvc.faults import room_expected, worded
from laurel.adapters.records import Catalog, Ledger, RunRecords
from laurel.adapters.sources.connections import Connections, EnvironmentConnections
from laurel.adapters.store import (
    Store,
    claim,
    claimed_by,
    expect_claim,
    open_store,
    probe,
    remember_claim,
)
from laurel.settings import Settings, load_settings
from laurel.usecase import UseCase

KEPT = "reproduced-"
"""How the folders below the workspaces begin that a person asked to keep."""


@dataclass(frozen=True)
class Site:
    """The settings, the store, and DVC's cache and remote."""

    settings: Settings
    store: Store
    plane: DataPlane
    connections: Connections = field(default_factory=EnvironmentConnections, kw_only=True)
    """Where sources find their servers and credentials."""

    def catalog(self, usecase: UseCase, dataset: str) -> Catalog:
        """The catalog of a dataset."""
        return Catalog(self.store, usecase.name, dataset)

    def run_records(self, usecase: UseCase) -> RunRecords:
        """The journal of the runs of a use case."""
        return RunRecords(self.store, usecase.name)

    def ledger(self, usecase: UseCase) -> Ledger:
        """The ledger of a use case."""
        return Ledger(self.store, usecase.name)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder of its own for one run, removed afterwards.

        It is locked as long as this process lives: one without a lock was left by a killed run.
        """
        root = self.settings.home / "workspaces"
        with worded("make a folder for a run", str(root)):
            root.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=root))
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            with room_expected(str(folder)):
                yield folder
        finally:
            os.close(handle)
            shutil.rmtree(folder, ignore_errors=True)


def look_at_site(settings: Settings | None = None) -> Site:
    """The configured store for a person who only reads: nothing is probed, claimed or written.

    So it may be that of another scheduler, and one that credentials allow no writing to. Raises
    :class:`laurel.errors.StoreFault` when a store that was claimed from this machine is empty.
    """
    settings = settings or load_settings()
    store = open_store(settings)
    if claimed_by(store) is None:
        expect_claim(settings, there=False)
    return Site(settings=settings, store=store, plane=DataPlane(settings))


def open_site(settings: Settings | None = None, *, connections: Connections | None = None) -> Site:
    """Open the configured store; refuses one that is unsafe or belongs to another scheduler.

    Sources find their servers by ``connections``, or by variables of the environment.

    A store is probed before it is claimed, and again whenever a stack starts; a claimed one is
    not probed by each of its tasks, since every probe leaves a key behind.

    Raises :class:`laurel.errors.StoreFault` when it does not answer, and when a store that was
    claimed from this machine is empty.
    """
    settings = settings or load_settings()
    store = open_store(settings)
    if claimed_by(store) is None:
        expect_claim(settings, there=False)
        probe(store)
    claim(store, settings.scheduler)
    remember_claim(settings)
    return Site(
        settings=settings,
        store=store,
        plane=DataPlane(settings),
        connections=connections or EnvironmentConnections(),
    )
