"""Beside the memory, on the disk of this machine."""

from __future__ import annotations

from pathlib import Path

from laurel.adapters.engine.memory import MemoryEngine
from laurel.domain.config.engine import External


class ExternalEngine(MemoryEngine):
    """One file of the frame in memory at a time; what is learned from lies in files meanwhile."""

    def __init__(self, config: External, folder: Path) -> None:
        self.folder = folder
        self.match_memory = f"{config.memory_mb}MB"
