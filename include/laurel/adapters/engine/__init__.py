"""Where a training run computes: one setting, ``training.engine``, picks it.

An engine does a stage's work on each file of a table, and it fits. Files of the snapshot and the
frame have the same bytes whichever does it; docs/engines.md says what a model's bytes depend on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from laurel.adapters.engine.contract import Engine
from laurel.adapters.engine.dask import open_dask
from laurel.adapters.engine.external import ExternalEngine
from laurel.adapters.engine.memory import MemoryEngine
from laurel.domain.config.engine import Dask, External
from laurel.domain.config.engine import Engine as EngineConfig
from laurel.settings import Settings, load_settings

__all__ = ["Engine", "open_engine"]


@contextmanager
def open_engine(
    config: EngineConfig,
    *,
    folder: Path,
    settings: Settings | None = None,
) -> Iterator[Engine]:
    """The engine of a use case; what it started ends with the context.

    folder: where it may keep temporary files. Raises :class:`ConfigError` where its packages are
    not installed, :class:`WorkersFault` where its scheduler cannot be reached.
    """
    if isinstance(config, Dask):
        with open_dask(config, settings or load_settings(), folder=folder) as engine:
            yield engine
    elif isinstance(config, External):
        yield ExternalEngine(config, folder)
    else:
        yield MemoryEngine()
