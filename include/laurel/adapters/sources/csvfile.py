"""CSV files read as text, in parts, strictly."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from laurel.adapters.sources.compressed import decompressed, whole_file
from laurel.adapters.sources.contract import BATCH_ROWS
from laurel.adapters.sources.text import CheckedText, csv_reader
from laurel.adapters.tables.arrow import to_pandas
from laurel.domain.config.source import Compression, Csv
from laurel.errors import DataError

ROOM = 4
"""Blocks have room for a row of that many of the longest fields."""
BLOCK = 2**20
"""Bytes of text that are parsed at a time, at least."""


def read_csv(
    path: Path, *, name: str, options: Csv, compression: Compression = "none"
) -> Iterator[pd.DataFrame]:
    """The rows of a CSV file, all text, null where a cell without quotes is a null value.

    A file without rows gives one batch without rows, which has the columns.

    Raises :class:`DataError` that names file and line for what is no CSV with one header and as
    many fields in each row, in its encoding, whole.
    """
    with whole_file(name), decompressed(path, compression) as stream:
        text = CheckedText(stream, options, name)
        names = text.header()
        wrong: list[pa.csv.InvalidRow] = []
        try:
            yield from _parsed(text, names, options, wrong, name)
        except (pa.ArrowException, OSError, ValueError) as error:
            line = _line_of(path, options, compression, len(names)) if wrong else None
            raise text.error or _worded(error, name, options, wrong, line) from error


def _parsed(
    text: CheckedText, names: list[str], options: Csv, wrong: list[pa.csv.InvalidRow], name: str
) -> Iterator[pd.DataFrame]:
    def refuse(row: pa.csv.InvalidRow) -> str:
        wrong.append(row)
        return "error"

    with pa.csv.open_csv(
        text,
        # one thread: rows are counted, and it is the source that is slow
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=_block(options)),
        parse_options=pa.csv.ParseOptions(
            delimiter=options.delimiter,
            quote_char=options.quote or False,
            newlines_in_values=options.quote is not None,
            ignore_empty_lines=False,
            invalid_row_handler=refuse,
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=list(options.null_values),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ) as reader:
        if reader.schema.names != names:
            raise DataError(
                "the header can be read in two ways",
                found=", ".join(reader.schema.names[:20]),
                expected=", ".join(names[:20]),
            )
        rows = 0
        for batch in reader:
            rows += batch.num_rows
            _check_lengths(batch, options, name)
            for first in range(0, batch.num_rows, BATCH_ROWS):
                yield to_pandas(pa.Table.from_batches([batch.slice(first, BATCH_ROWS)]))
        if not rows:
            yield to_pandas(reader.schema.empty_table())


def _block(options: Csv) -> int:
    return max(BLOCK, ROOM * options.max_field_bytes)


def _check_lengths(batch: pa.RecordBatch, options: Csv, name: str) -> None:
    for label, column in zip(batch.schema.names, batch.columns, strict=True):
        longest = pc.max(pc.binary_length(column)).as_py() or 0
        if longest > options.max_field_bytes:
            raise _too_long(f"{longest:,} bytes in column {label!r}", options, name)


def _too_long(found: str, options: Csv, name: str) -> DataError:
    return DataError(
        "a field is too long",
        found=found,
        expected=f"at most {options.max_field_bytes:,} bytes (csv.max_field_bytes)",
        hint="most likely a quote is missing somewhere before",
        detail=name,
    )


def _line_of(path: Path, options: Csv, compression: Compression, width: int) -> int | None:
    """The line of the first row of another width; a slower reader knows lines, which Arrow does
    not where cells hold line breaks."""
    with decompressed(path, compression) as stream:
        # it has what a text reader asks of a stream: read()
        text = io.TextIOWrapper(
            CheckedText(stream, options, path.name),  # type: ignore[type-var]
            encoding="utf-8",
            newline="",
        )
        rows = csv_reader(text, options)
        try:
            return next((rows.line_num for row in rows if len(row) not in (0, width)), None)
        except csv.Error:
            return None


def _worded(
    error: Exception, name: str, options: Csv, wrong: list[pa.csv.InvalidRow], line: int | None
) -> DataError:
    if wrong:
        row = wrong[0]
        place = f"line {line}" if line else f"row {row.number} with the header"
        return DataError(
            "a row has another number of fields than the header",
            found=f"{place}: {row.actual_columns} fields: {row.text[:100]!r}",
            expected=f"{row.expected_columns} fields",
            hint="is csv.delimiter right, and is the file whole?",
            detail=name,
        )
    if "straddling" in str(error):
        return _too_long(f"a row of more than {_block(options):,} bytes", options, name)
    return DataError(
        "the CSV cannot be read",
        found=str(error).splitlines()[0][:200],
        hint="is csv.delimiter right, and is the file whole?",
        detail=name,
    )
