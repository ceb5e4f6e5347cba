"""Names that are Laurel's own: no dataset and no column may take them."""

from __future__ import annotations

PREDICTIONS = "predictions"
"""The dataset of what the champion said."""
ROWS = "rows"
"""The table of a snapshot that holds the rows with their labels."""
HISTORY = "history"
"""The table in which features find past rows with their labels."""
PARTITION = "partition"
CUTOFF = "cutoff"
KNOWN_AT = "known_at"

OWN_TABLES = (PREDICTIONS, ROWS, HISTORY)
OWN_COLUMNS = (PARTITION, CUTOFF, KNOWN_AT)
