"""How many threads XGBoost gets: they change the time, never a byte."""

from __future__ import annotations

import pandas as pd

from laurel.settings import load_settings

CELLS_PER_THREAD = 2_000_000


def cores() -> int:
    """The cores this process may use, so that those beside it have theirs."""
    return load_settings().share


def threads_for(frame: pd.DataFrame) -> int:
    """The threads that learning from a frame pays for."""
    return threads_for_cells(frame.size)


def threads_for_cells(cells: int) -> int:
    """The threads that learning from so many values pays for."""
    # threads wait for each other in each round: on a machine with other work, few rows are
    # learned from many times slower by two threads than by one
    return max(1, min(cores(), cells // CELLS_PER_THREAD))
