"""Rows of a table that does not fit into memory: a share of them by their keys, or by a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from laurel.adapters.tables.arrow import to_arrow, to_pandas
from laurel.adapters.tables.matching import MATCH_MEMORY, connected, quoted

_HASHES = 2**64
_SEPARATOR = "\x1f"


def sampled_rows(path: Path, key: Sequence[str], *, share: float, folder: Path) -> pd.DataFrame:
    """The rows of a Parquet file whose keys have the least MD5, about such a share of them.

    Whether a row is taken follows from its key alone, so a row is in the sample whenever and
    beside whichever others it is looked at. They come in the order of the file. Raises
    :class:`laurel.errors.StoreFault` when the disk is full.
    """
    texts = ", ".join(f"coalesce(CAST({quoted(name)} AS VARCHAR), '')" for name in key)
    query = (
        f"SELECT * FROM read_parquet(?, file_row_number = true) "  # noqa: S608 (quoted)
        f"WHERE md5_number_lower(concat_ws(?, {texts})) < ?::UBIGINT ORDER BY file_row_number"
    )
    bound = min(_HASHES - 1, int(share * _HASHES))
    with connected(folder, MATCH_MEMORY) as connection:
        found = connection.execute(query, [str(path), _SEPARATOR, bound])
        return _typed(found, path, list(pq.read_schema(path).names))


def rows_of_keys(
    path: Path,
    keys: pd.DataFrame,
    *,
    folder: Path,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The rows of a Parquet file that have one of some keys, in the order of the file.

    keys: one column for each of the key, of the types of the file. Raises
    :class:`laurel.errors.StoreFault` when the disk is full.
    """
    names = list(columns or pq.read_schema(path).names)
    chosen = ", ".join(f"t.{quoted(name)}" for name in names)
    by = ", ".join(quoted(str(name)) for name in keys.columns)
    query = (
        f"SELECT {chosen} FROM read_parquet(?, file_row_number = true) AS t "  # noqa: S608 (quoted)
        f"SEMI JOIN laurel_keys USING ({by}) ORDER BY t.file_row_number"
    )
    with connected(folder, MATCH_MEMORY) as connection:
        connection.register("laurel_keys", to_arrow(keys.drop_duplicates()))
        return _typed(connection.execute(query, [str(path)]), path, names)


def _typed(found: duckdb.DuckDBPyConnection, path: Path, names: Sequence[str]) -> pd.DataFrame:
    """With the types of the file, whatever DuckDB makes of them."""
    schema = pq.read_schema(path).remove_metadata()
    table = found.to_arrow_table().select(names)
    return to_pandas(table.cast(pa.schema([schema.field(name) for name in names])))
