"""Beside the memory, on the disk of this machine."""

from __future__ import annotations

import ctypes
from pathlib import Path

from laurel.adapters.engine.memory import MemoryEngine
from laurel.adapters.tables import use_system_memory
from laurel.domain.config.engine import External


class ExternalEngine(MemoryEngine):
    """One file of the frame in memory at a time; what is learned from lies in files meanwhile."""

    hands = 1
    """Each process would need memory of its own."""

    def __init__(self, config: External, folder: Path) -> None:
        _give_back_what_is_free()
        self.folder = folder
        self.match_memory = f"{config.memory_mb}MB"


_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 128 * 1024
"""Bytes from which an array is a mapping of its own, which goes back when it is freed."""


def _give_back_what_is_free() -> None:
    """Let what this process frees go back to the system at once, instead of to its allocators.

    They keep it for later, which under a limit is as bad as using it. Without GNU's C library the
    allocator stays as it is.
    """
    use_system_memory()
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        for option, value in (
            (_TRIM_THRESHOLD, _LARGE),
            (_MMAP_THRESHOLD, _LARGE),
            (_ARENA_MAX, 1),
        ):
            set_option(option, value)
