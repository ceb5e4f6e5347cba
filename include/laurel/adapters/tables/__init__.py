"""Tables: Parquet files with exact types, written the same way each time, and their content hash.

A table in memory is a pandas frame with these types: ``int64`` and ``bool`` (``Int64`` and
``boolean`` where null is allowed), ``float64`` (null is NaN), ``str``, ``datetime64[us, UTC]``;
besides, for feature frames, narrower numbers and categories.
"""

from __future__ import annotations

from laurel.adapters.conform import conform, empty_table
from laurel.adapters.tables.arrow import to_arrow, to_pandas
from laurel.adapters.tables.content import content_hash
from laurel.adapters.tables.matching import ARRIVAL, MATCH_MEMORY, match_labels
from laurel.adapters.tables.ordered import OrderedWriter
from laurel.adapters.tables.parts import (
    PART_ROWS,
    PartsWriter,
    empty_folder,
    iter_parts,
    numbered_sql,
    part_files,
    read_parts,
)
from laurel.adapters.tables.reading import (
    equal_types,
    expect_types,
    file_facts,
    iter_table,
    read_counted,
    read_table,
    table_columns,
    table_rows,
    use_system_memory,
)
from laurel.adapters.tables.writing import ROW_GROUP, TableFacts, TableWriter, write_table

__all__ = [
    "ARRIVAL",
    "MATCH_MEMORY",
    "PART_ROWS",
    "ROW_GROUP",
    "OrderedWriter",
    "PartsWriter",
    "TableFacts",
    "TableWriter",
    "conform",
    "content_hash",
    "empty_folder",
    "empty_table",
    "equal_types",
    "expect_types",
    "file_facts",
    "iter_parts",
    "iter_table",
    "match_labels",
    "numbered_sql",
    "part_files",
    "read_counted",
    "read_parts",
    "read_table",
    "table_columns",
    "table_rows",
    "to_arrow",
    "to_pandas",
    "use_system_memory",
    "write_table",
]
