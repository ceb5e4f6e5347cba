"""How labels came: late, corrected, or not at all though they were due.

A label is due in the partition that lies the label delay after its row's; it is *late* when the
first one for its key arrives in a later partition, and *corrected* when more than one arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from laurel.domain.config import UseCaseConfig
from laurel.domain.history import PARTITION


@dataclass(frozen=True)
class LabelCounts:
    """How the labels of some rows came."""

    due: int
    """Rows whose label should have arrived."""
    missing: int
    """Of these, rows without any label."""
    late: int
    """Rows whose first label came later than it was due."""
    corrected: int
    """Rows for which more than one label came."""

    @property
    def missing_share(self) -> float:
        """Share of the rows due that have no label; nan where none is due."""
        return self.missing / self.due if self.due else float("nan")

    def sentence(self) -> str:
        """How they came, in a sentence.

        >>> LabelCounts(due=90, missing=2, late=1, corrected=0).sentence()
        'of 90 labels due 2 never came, 1 came late and 0 were corrected'
        """
        return (
            f"of {self.due:,} labels due {self.missing:,} never came, {self.late:,} came late "
            f"and {self.corrected:,} were corrected"
        )


def count_labels(
    rows: pd.DataFrame, labels: pd.DataFrame, config: UseCaseConfig, *, last: str
) -> LabelCounts:
    """Count how the labels of rows came.

    rows: the key and ``partition``, that of the event, each row once. labels: the key and
    ``partition``, that of the arrival, every label. last: the newest partition of labels that was
    known; labels due later are not missing. Order matters in neither table.
    """
    key, delay = list(config.rows.key), np.timedelta64(config.label.delay_days, "D")
    came = labels[[*key, PARTITION]].groupby(key, sort=False, dropna=False)[PARTITION]
    seen = came.agg(first="min", count="size").reset_index()
    joined = rows[[*key, PARTITION]].merge(seen, on=key, how="left", sort=False)
    due = joined[PARTITION].to_numpy(dtype="datetime64[D]") + delay
    first = pd.to_datetime(joined["first"]).to_numpy(dtype="datetime64[D]")
    expected = due <= np.datetime64(last, "D")
    return LabelCounts(
        due=int(expected.sum()),
        missing=int((expected & np.isnat(first)).sum()),
        late=int((first > due).sum()),
        corrected=int((joined["count"] > 1).sum()),
    )
