"""Sources: where the rows of a dataset come from, each kind in a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from laurel.adapters.sources.connections import Connection, Connections, EnvironmentConnections
from laurel.adapters.sources.contract import BATCH_ROWS, Batch, KeepsFiles, Source, SourceState
from laurel.domain.config.source import (
    DvcSource,
    FilesSource,
    HttpSource,
    PythonSource,
    S3Source,
    SqlSource,
)
from laurel.settings import Settings
from laurel.usecase import UseCase

if TYPE_CHECKING:
    from laurel.adapters.sources.filebased import Place

__all__ = [
    "BATCH_ROWS",
    "Batch",
    "Connection",
    "Connections",
    "EnvironmentConnections",
    "KeepsFiles",
    "Source",
    "SourceState",
    "open_source",
]


def open_source(
    usecase: UseCase,
    dataset: str,
    *,
    settings: Settings,
    connections: Connections | None = None,
) -> Source:
    """The source of a dataset, as ``usecase.yaml`` names it; it is first asked by the first use.

    Raises :class:`ConfigError` for what the configuration names and is not there.
    """
    source = usecase.config.datasets[dataset].source or usecase.config.source
    if isinstance(source, PythonSource):
        from laurel.adapters.sources.python import PythonReader

        return PythonReader(usecase, dataset, source)
    found = connections or EnvironmentConnections()
    if isinstance(source, SqlSource):
        from laurel.adapters.sources.sql import SqlReader

        return SqlReader(usecase, dataset, source, connections=found)
    from laurel.adapters.sources.filebased import FileReader

    return FileReader(
        _place(source, usecase, settings=settings, connections=found),
        source,
        usecase=usecase.name,
        dataset=dataset,
        spool=settings.home / "workspaces",
    )


def _place(
    source: FilesSource | S3Source | HttpSource | DvcSource,
    usecase: UseCase,
    *,
    settings: Settings,
    connections: Connections,
) -> Place:
    if isinstance(source, S3Source):
        from laurel.adapters.sources.s3 import BucketPlace

        return BucketPlace(source, endpoint=settings.s3_endpoint, connections=connections)
    if isinstance(source, HttpSource):
        from laurel.adapters.sources.http import WebPlace

        return WebPlace(source, connections=connections)
    if isinstance(source, DvcSource):
        from laurel.adapters.sources.dvc import RepoPlace

        return RepoPlace(source, usecase.folder, scratch=settings.home / "dvc-sources")
    from laurel.adapters.sources.files import FolderPlace

    return FolderPlace(source, usecase.folder)
