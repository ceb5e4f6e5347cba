"""What a suite asks of all rows at once, asked of DuckDB: memory is bounded, the rest is on disk.

The values are those that GX computes of a frame in memory: pandas is asked where a few values
decide, and its rules (nulls, interpolation, order) are followed where DuckDB counts.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from laurel.adapters.gx_import import (
    MetricConfiguration,
    MetricsCalculator,
    PandasBatchData,
    PandasExecutionEngine,
)
from laurel.adapters.gx_run import EXAMPLES
from laurel.adapters.tables import numbered_sql

MEMORY = "300MB"
PASS_ROWS = 2_000_000
"""Values that are counted at a time, about."""
DIFFERENT = 100_000
"""Different values of a column that are compared by name at most."""
_ROW = "laurel_row"
_MISSING = {"never": "true", "all_values_are_missing": " or ", "any_value_is_missing": " and "}


class WholeTable:
    """Parquet files, one below the other, as a whole; a context, with temporary files beside."""

    def __init__(self, *files: Path) -> None:
        self._files = files
        self._taken: set[str] = set()
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> WholeTable:
        return self

    @cached_property
    def _db(self) -> duckdb.DuckDBPyConnection:
        """Connected when first asked: a small table asks nothing."""
        folder = self._exits.enter_context(
            TemporaryDirectory(dir=self._files[0].parent, prefix=".whole-")
        )
        settings: dict[str, Any] = {
            "memory_limit": MEMORY,
            "temp_directory": folder,
            "threads": 2,  # each has buffers of its own
            "preserve_insertion_order": False,
        }
        db = duckdb.connect(":memory:", config=settings)
        self._exits.callback(db.close)
        db.execute("set TimeZone = 'UTC'")
        db.execute(f"create view whole as {numbered_sql(self._files, _ROW)}")
        return db

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def take(self, metric: MetricConfiguration, rows: pd.DataFrame) -> None:
        """Keep the rows of one part that a metric with a row condition looks at."""
        name = _relation(metric)
        part = rows[_columns(metric)].assign(**{_ROW: rows.index.to_numpy()})
        self._db.register("part", part)
        if name in self._taken:
            self._db.execute(f'insert into "{name}" select * from part')  # noqa: S608 (a digest)
        else:
            self._db.execute(f'create table "{name}" as select * from part')  # noqa: S608
            self._taken.add(name)
        self._db.unregister("part")

    def value(self, metric: MetricConfiguration, types: Mapping[str, Any]) -> Any:
        """The metric's value over all rows.

        types: pandas types of the columns. Raises ``ValueError`` where too many different values
        would have to be named.
        """
        base, _, asked = metric.metric_name.partition(".unique.")
        if base in ("column_values", "compound_columns"):
            return self._repeated(metric, asked, types)
        column = _columns(metric)[0]
        plain = {
            "column.mean": lambda: self._number(metric, "avg({c})", column),
            "column.sum": lambda: self._sum(metric, column, types),
            "column.standard_deviation": lambda: self._deviation(metric, column),
            "column.max": lambda: self._extreme(metric, "max", column, types),
            "column.min": lambda: self._extreme(metric, "min", column, types),
            "column.median": lambda: self._median(metric, column),
            "column.quantile_values": lambda: self._quantiles(metric, column),
            "column.distinct_values.count": lambda: self._one(
                metric, "count(distinct {c})", column
            ),
            "column.unique_proportion": lambda: self._share(
                metric, "count(distinct {c})", "count({c})", column
            ),
            "column.non_null_proportion": lambda: self._share(
                metric, "count({c})", "count(*)", column
            ),
            "column.most_common_value": lambda: self._modes(metric, column, types),
        }
        compute: Callable[[], Any] = plain.get(
            metric.metric_name, lambda: self._of_different(metric, column, types)
        )
        return compute()

    def _one(self, metric: MetricConfiguration, what: str, column: str) -> Any:
        row = self._db.execute(f"select {what.format(c=_quoted(column))} from {_from(metric)}")  # noqa: S608
        found = row.fetchone()
        return found[0] if found else None

    def _number(self, metric: MetricConfiguration, what: str, column: str) -> float:
        value = self._one(metric, what, column)
        return math.nan if value is None else float(value)

    def _sum(self, metric: MetricConfiguration, column: str, types: Mapping[str, Any]) -> Any:
        value = self._one(metric, "sum({c})", column)
        exact = not pd.api.types.is_float_dtype(types[column])
        return (int(value or 0)) if exact else float(value or 0.0)

    def _deviation(self, metric: MetricConfiguration, column: str) -> float:
        try:
            return self._number(metric, "stddev_samp({c})", column)
        except duckdb.OutOfRangeException:  # an infinite value, of which pandas says the same
            return math.nan

    def _extreme(
        self, metric: MetricConfiguration, which: str, column: str, types: Mapping[str, Any]
    ) -> Any:
        values = self._frame(
            f"select {which}({_quoted(column)}) as {_quoted(column)} from {_from(metric)}",  # noqa: S608
            types,
        )[column]
        return values.max()

    def _share(self, metric: MetricConfiguration, part: str, whole: str, column: str) -> float:
        total = self._one(metric, whole, column)
        return self._one(metric, part, column) / total if total else 0

    def _median(self, metric: MetricConfiguration, column: str) -> float:
        count = self._one(metric, "count({c})", column)
        if not count:
            return math.nan
        low, high = self._sorted(metric, column, (count - 1) // 2), None
        high = low if count % 2 else self._sorted(metric, column, count // 2)
        return float(pd.Series([low, high]).median())

    def _quantiles(self, metric: MetricConfiguration, column: str) -> list[Any]:
        """As numpy interpolates: between the two values around (n - 1) q."""
        count = self._one(metric, "count({c})", column)
        how: Any = metric.metric_value_kwargs.get("allow_relative_error") or "nearest"
        quantiles = metric.metric_value_kwargs["quantiles"]
        if not count:
            return [math.nan] * len(quantiles)
        found = []
        for quantile in quantiles:
            place = (count - 1) * quantile
            low = math.floor(place)
            around = [
                self._sorted(metric, column, min(count - 1, n)) for n in (low, math.ceil(place))
            ]
            # Two values: the same share of the way between them, the same parity for "nearest".
            if how == "nearest":
                found.append(around[0] if np.rint(place) == low else around[1])
            else:
                pair = pd.Series(around)
                found.append(pair.quantile(place - low, interpolation=how))
        return found

    def _sorted(self, metric: MetricConfiguration, column: str, place: int) -> Any:
        name = _quoted(column)
        row = self._db.execute(
            f"select {name} from {_from(metric)} where {name} is not null "  # noqa: S608
            f"order by {name} limit 1 offset {place}"
        ).fetchone()
        return row[0] if row else None

    def _modes(
        self, metric: MetricConfiguration, column: str, types: Mapping[str, Any]
    ) -> list[Any]:
        name = _quoted(column)
        query = (
            f"with counts as (select {name}, count(*) as n from {_from(metric)} "  # noqa: S608
            f"where {name} is not null group by {name}) "
            f"select {name} from counts where n = (select max(n) from counts) "
            f"order by {name} limit {DIFFERENT + 1}"
        )
        return list(_few(self._frame(query, types), column)[column].to_numpy())

    def _of_different(
        self, metric: MetricConfiguration, column: str, types: Mapping[str, Any]
    ) -> Any:
        """A metric that depends on the different values alone: GX computes it from them."""
        name = _quoted(column)
        query = (
            f"select distinct {name} from {_from(metric)} order by {name} "  # noqa: S608
            f"limit {DIFFERENT + 1}"
        )
        engine = PandasExecutionEngine()
        frame = _few(self._frame(query, types), column)
        engine.load_batch_data("different", PandasBatchData(engine, frame))
        again = MetricConfiguration(
            metric_name=metric.metric_name,
            metric_domain_kwargs={"column": column, "batch_id": "different"},
            metric_value_kwargs=dict(metric.metric_value_kwargs),
        )
        return MetricsCalculator(engine).get_metric(again)

    def _repeated(self, metric: MetricConfiguration, asked: str, types: Mapping[str, Any]) -> Any:
        """Rows whose values occur in another row too."""
        columns = _columns(metric)
        source = f"(select * from {_from(metric)} where {_present(metric)})"  # noqa: S608
        many = self._many(source, columns)
        if asked == "unexpected_count":
            row = self._db.execute(f"select coalesce(sum(n), 0) from {many}").fetchone()  # noqa: S608
            return int(row[0]) if row else 0
        same = " and ".join(f"a.{_quoted(c)} is not distinct from b.{_quoted(c)}" for c in columns)
        limit = f"limit {EXAMPLES}" if asked == "unexpected_values" else ""
        wanted = ", ".join(f"a.{_quoted(c)}" for c in (*columns, _ROW))
        query = (
            f"select {wanted} from {source} as a semi join {many} as b on {same} "  # noqa: S608
            f"order by a.{_ROW} {limit}"
        )
        found = self._frame(query, types)
        if asked == "unexpected_index_list":
            return found[_ROW].tolist()
        if len(columns) == 1 and metric.metric_name.startswith("column_values"):
            return found[columns[0]].tolist()
        return found[columns].to_dict("records")

    def _many(self, source: str, columns: list[str]) -> str:
        """A table of the values that occur more than once, made once for each question.

        Groups need not fit into memory, nor do they go to the disk: so some are counted at a time.
        """
        table = _quoted(f"many {source} {columns}")
        if table in self._taken:
            return table
        names = ", ".join(map(_quoted, columns))
        (rows,) = self._db.execute(f"select count(*) from {source}").fetchall()[0]  # noqa: S608
        passes = 1 + rows // PASS_ROWS
        make = f"create table {table} as"
        for number in range(passes):
            self._db.execute(
                f"{make} select {names}, count(*) as n from {source} "  # noqa: S608
                f"where hash({names}) % {passes} = {number} group by all having n > 1"
            )
            make = f"insert into {table}"
        self._taken.add(table)
        return table

    def _frame(self, query: str, types: Mapping[str, Any]) -> pd.DataFrame:
        """A small answer, its columns of the types that they have in memory."""
        frame = self._db.execute(query).df()
        return frame.astype({name: types[name] for name in frame.columns if name in types})


def _relation(metric: MetricConfiguration) -> str:
    return f"taken {metric.metric_domain_kwargs_id}"


def _from(metric: MetricConfiguration) -> str:
    conditional = metric.metric_domain_kwargs.get("row_condition")
    return _quoted(_relation(metric)) if conditional else "whole"


def _columns(metric: MetricConfiguration) -> list[str]:
    kwargs = metric.metric_domain_kwargs
    return list(kwargs["column_list"]) if "column_list" in kwargs else [kwargs["column"]]


def _present(metric: MetricConfiguration) -> str:
    """Which rows take part, by GX's ``ignore_row_if``; a null alone is never a repeated value."""
    columns = _columns(metric)
    rule = metric.metric_domain_kwargs.get("ignore_row_if", "all_values_are_missing")
    if not metric.metric_name.startswith("compound_columns"):
        rule = "any_value_is_missing"
    if rule == "never":
        return "true"
    return "(" + _MISSING[rule].join(f"{_quoted(c)} is not null" for c in columns) + ")"


def _few(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    if len(frame) > DIFFERENT:
        raise ValueError(f"{column} has more than {DIFFERENT:,} different values to be named")
    return frame


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
