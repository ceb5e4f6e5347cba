"""How many threads XGBoost gets: they change the time, never a byte."""

from __future__ import annotations

import os

import pandas as pd

CELLS_PER_THREAD = 2_000_000


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))


def threads_for(frame: pd.DataFrame) -> int:
    """The threads that learning from a frame pays for."""
    # threads wait for each other in each round: on a machine with other work, few rows are
    # learned from many times slower by two threads than by one
    return max(1, min(cores(), frame.size // CELLS_PER_THREAD))
