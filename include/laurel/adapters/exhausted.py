"""What a machine runs out of, memory and disk, seen in the errors of whatever library met it."""

from __future__ import annotations

import errno
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from laurel.errors import MORE_MEMORY, LaurelError, OutOfMemory, StoreFault

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space, no quota, and a file that may not be as large."""
_NO_ROOM = ("database or disk is full", "disk I/O error")
"""How SQLite says it, in which DVC keeps what it knows of files."""
_STATUS = Path("/proc/self/status")
_NO_MEMORY = (
    "bad_alloc",
    "annot allocate memory",
    "failed to map segment",
    "can't start new thread",
    "Out of Memory Error",
)
"""How C++, the loader of libraries, threads and DuckDB say it."""


def exhausted(error: BaseException, *, usecase: str, place: str) -> LaurelError | None:
    """The error to tell where memory or disk ran out; ``None`` where something else failed.

    usecase: the use case that was at work. place: the folder that it wrote to.
    """
    if isinstance(error, LaurelError) and error.retryable:
        return None
    if memory_is_short(error):
        return OutOfMemory(
            "there was not enough memory",
            usecase=usecase,
            found=f"{_first_line(error)}; peak memory {peak_bytes() >> 20:,} MiB",
            hint=MORE_MEMORY,
        )
    if disk_is_full(error):
        return StoreFault(
            "the disk is full",
            usecase=usecase,
            found=f"{_first_line(error)}, below {place}",
            hint="free some room there; trying again is safe",
        )
    return None


def disk_is_full(error: BaseException | None) -> bool:
    """Whether a full disk is among the causes of an error."""
    return any(
        (isinstance(each, OSError) and each.errno in FULL)
        or (isinstance(each, sqlite3.OperationalError) and any(w in str(each) for w in _NO_ROOM))
        for each in _causes(error)
    )


def memory_is_short(error: BaseException | None) -> bool:
    """Whether a lack of memory is among the causes of an error."""
    return any(
        isinstance(each, MemoryError)
        or (isinstance(each, OSError) and each.errno == errno.ENOMEM)
        or any(words in str(each) for words in _NO_MEMORY)
        for each in _causes(error)
    )


def peak_bytes() -> int:
    """The most memory that this process has had so far."""
    if _STATUS.exists():
        # not of getrusage, whose peak begins with that of the process that started this one
        lines = _STATUS.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    kind = type(error).__name__.lstrip("_")
    return f"{kind}: {str(error).strip().splitlines()[0]}" if str(error).strip() else kind
