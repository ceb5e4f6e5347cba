"""What a run spent: observed where it ran, and no part of what a repeated run must equal."""

from __future__ import annotations

from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter

from laurel.adapters.exhausted import peak_bytes


def spent_since(started: float, *, rows: int) -> dict[str, float]:
    """Seconds since :func:`time.perf_counter` said ``started``, rows per second, peak memory.

    The peak is that of this process or of a child that it waited for, whichever is larger, since
    it began: of one that did other things before, it may be theirs.
    """
    seconds = perf_counter() - started
    return {
        "seconds": round(seconds, 3),
        "rows_per_second": round(rows / seconds),
        "peak_memory_bytes": max(peak_bytes(), getrusage(RUSAGE_CHILDREN).ru_maxrss << 10),
    }
