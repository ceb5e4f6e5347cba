"""Names that are Laurel's own: no dataset and no column may take them."""

from __future__ import annotations

PREDICTIONS = "predictions"
"""The dataset of what the champion said."""
ROWS = "rows"
"""The table of a snapshot that holds the rows with their labels."""
HISTORY = "history"
"""The table in which features find past rows with their labels."""
SUPERSEDED = "superseded"
"""The folder of a snapshot that holds tables with the revisions that were superseded."""
PARTITION = "partition"
CUTOFF = "cutoff"
KNOWN_AT = "known_at"
KNOWN_FROM, KNOWN_UNTIL = "known_from", "known_until"
"""Between them a row of the past was the newest known of it; no end where none superseded it."""

OWN_TABLES = (PREDICTIONS, ROWS, HISTORY, SUPERSEDED)
OWN_COLUMNS = (PARTITION, CUTOFF, KNOWN_AT, KNOWN_FROM, KNOWN_UNTIL)
