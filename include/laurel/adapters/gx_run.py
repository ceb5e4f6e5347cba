"""A suite run over a table that comes in parts: GX's pandas metrics, added up over the parts.

GX rebuilds the graph of a suite's metrics for every batch, which costs more than the metrics of a
small one; here it is built once for each schema. Row-level metrics add up over the parts, so that
a table of any size is judged as a small one is. What has to see all rows at once (uniqueness,
different values, moments, quantiles) is asked of :class:`WholeTable`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from laurel.adapters.gx_import import (
    ExpectationConfiguration,
    ExpectationValidationGraph,
    MetricConfiguration,
    MetricsCalculator,
    PandasBatchData,
    PandasExecutionEngine,
    ValidationGraph,
    convert_to_json_serializable,
)

EXAMPLES = 20
"""Unexpected values that GX samples for the document and the page."""
_BATCH = "rows"
_ADDED = (".unexpected_count", ".filtered_row_count", "table.row_count")
_LISTED = (".unexpected_values", ".unexpected_index_list")
_WHOLE = ("column.", "column_values.unique.", "compound_columns.unique.")
_UNUSED = ".unexpected_index_query"
_POSITIONS = ".unexpected_index_list"


class WholeTable(Protocol):
    """Metrics that need all rows of a table at once."""

    def take(self, metric: MetricConfiguration, rows: pd.DataFrame) -> None:
        """Keep the rows of one part that a metric with a row condition looks at."""

    def value(self, metric: MetricConfiguration, types: Mapping[str, Any]) -> Any:
        """The metric's value over all rows; ``types`` are those of the columns in memory."""


@dataclass(frozen=True)
class _Planned:
    """An expectation, and the metrics that it is judged by."""

    expectation: Any
    said: dict[str, Any]
    """Its configuration as JSON values."""
    metrics: Mapping[str, MetricConfiguration]
    result_format: dict[str, Any]
    graph: ExpectationValidationGraph | None
    broken: str | None = None
    """Why it cannot be planned over this schema."""


class SuiteRun:
    """A suite that is run over many tables, one after the other; not to be shared by threads."""

    def __init__(self, expectations: Sequence[Any], *, positions: bool = False) -> None:
        """Take the expectations; with ``positions`` find unexpected rows, and judge nothing."""
        self._expectations = tuple(expectations)
        self._runtime = {
            "result_format": {
                "result_format": "COMPLETE" if positions else "BASIC",
                "partial_unexpected_count": EXAMPLES,
            }
        }
        self._engine = PandasExecutionEngine()
        self._calculator = MetricsCalculator(self._engine)
        self._plans: dict[tuple[Any, ...], list[_Planned]] = {}

    def plan(self, table: pd.DataFrame) -> None:
        """Build the graph of metrics for tables of these columns and types beforehand."""
        self._load(table)
        self._plan(table)

    def results(self, parts: Iterable[pd.DataFrame], whole: WholeTable | None = None) -> list[Any]:
        """Judge a table: GX's result of each expectation as a mapping, in the suite's order.

        parts: at least one frame, all with the same columns and types; several only with
        ``whole``.
        """
        plan, values, aborted = self._gather(parts, whole)
        return [self._judge(each, values, aborted) for each in plan]

    def positions(
        self, parts: Iterable[pd.DataFrame], whole: WholeTable | None = None
    ) -> dict[str, list[int]]:
        """The rows, counted from 0, that each row-level expectation found unexpected, by its id."""
        plan, values, _ = self._gather(parts, whole)
        found = {}
        for each in plan:
            for name, metric in each.metrics.items():
                if name.endswith(_POSITIONS) and metric.id in values:
                    found[each.said["id"]] = [int(row) for row in values[metric.id]]
        return found

    def _gather(
        self, parts: Iterable[pd.DataFrame], whole: WholeTable | None
    ) -> tuple[list[_Planned], dict[Any, Any], dict[Any, str]]:
        values: dict[Any, Any] = {}
        aborted: dict[Any, str] = {}
        plan: list[_Planned] = []
        types: dict[str, Any] = {}
        for number, (part, last) in enumerate(_with_last(parts)):
            self._load(part)
            plan = self._plan(part)
            types = types or dict(part.dtypes)
            alone = number == 0 and last
            found = self._resolve(plan, aborted, whole=number == 0)
            _add(values, found, plan, limit=self._limit, alone=alone)
            if alone:
                return plan, values, aborted
            if whole is not None:
                self._take(plan, whole)
        for metric in _metrics(plan):
            if whole is not None and _is_whole(metric) and metric.id not in aborted:
                values[metric.id] = _whole_value(whole, metric, types, aborted)
        return plan, values, aborted

    @property
    def _limit(self) -> int | None:
        complete = self._runtime["result_format"]["result_format"] == "COMPLETE"
        return None if complete else EXAMPLES

    def _load(self, part: pd.DataFrame) -> None:
        self._engine.load_batch_data(_BATCH, PandasBatchData(self._engine, part))

    def _plan(self, part: pd.DataFrame) -> list[_Planned]:
        schema = tuple((name, str(kind)) for name, kind in part.dtypes.items())
        if schema not in self._plans:
            self._plans[schema] = [self._planned(each) for each in self._expectations]
        return self._plans[schema]

    def _planned(self, expectation: Any) -> _Planned:
        configuration: ExpectationConfiguration = copy.deepcopy(expectation.configuration)
        configuration.kwargs.update({"batch_id": _BATCH})
        judged = configuration.to_domain_obj()
        said = configuration.to_json_dict()
        try:
            needed = judged.get_validation_dependencies(
                execution_engine=self._engine, runtime_configuration=self._runtime
            )
            metrics = {
                name: metric
                for name, metric in needed.metric_configurations.items()
                if not name.endswith(_UNUSED)
            }
            graph = ExpectationValidationGraph(configuration, self._graph(metrics.values()))
        except Exception as error:  # whatever GX raises over this schema is the result
            return _Planned(judged, said, {}, {}, None, broken=str(error))
        return _Planned(judged, said, metrics, needed.result_format, graph)

    def _graph(self, metrics: Iterable[MetricConfiguration]) -> ValidationGraph:
        return self._calculator.build_metric_dependency_graph(
            metric_configurations=list(metrics), runtime_configuration=self._runtime
        )

    def _resolve(
        self, plan: list[_Planned], aborted: dict[Any, str], *, whole: bool
    ) -> dict[Any, Any]:
        """Compute the metrics of the part that is loaded; the later parts need fewer of them."""
        if whole:
            edges = [edge for each in plan if each.graph for edge in each.graph.graph.edges]
            graph = ValidationGraph(execution_engine=self._engine, edges=edges)
        else:
            graph = self._graph([metric for metric in _metrics(plan) if not _is_whole(metric)])
        values, lost = self._calculator.resolve_validation_graph(
            graph=graph, runtime_configuration=self._runtime
        )
        aborted.update({key: _said(info["exception_info"]) for key, info in lost.items()})
        return dict(values)

    def _take(self, plan: list[_Planned], whole: WholeTable) -> None:
        domains = {m.metric_domain_kwargs_id: m for m in _metrics(plan) if _is_whole(m)}
        for metric in domains.values():
            kwargs = dict(metric.metric_domain_kwargs)
            if kwargs.get("row_condition"):
                whole.take(metric, self._engine.get_domain_records(domain_kwargs=kwargs))

    def _judge(
        self, each: _Planned, values: Mapping[Any, Any], aborted: Mapping[Any, str]
    ) -> dict[str, Any]:
        said = {**each.said, "kwargs": dict(each.said["kwargs"])}
        broken = sorted({aborted[key] for key in _touched(each) if key in aborted})
        if each.broken is not None:
            broken = [each.broken]
        if broken:
            return _broken(said, "; ".join(broken))
        provided = {name: values[metric.id] for name, metric in each.metrics.items()}
        try:
            raw = each.expectation._validate(
                metrics=provided,
                runtime_configuration={"result_format": copy.deepcopy(each.result_format)},
                execution_engine=self._engine,
            )
        except Exception as error:  # whatever GX raises over these values is the result
            return _broken(said, str(error))
        found = raw if isinstance(raw, dict) else raw.to_json_dict()
        result = convert_to_json_serializable(found.get("result") or {})
        return {"success": found["success"], "expectation_config": said, "result": result}


def _add(
    values: dict[Any, Any],
    found: Mapping[Any, Any],
    plan: list[_Planned],
    *,
    limit: int | None,
    alone: bool,
) -> None:
    for metric in _metrics(plan):
        key, name = metric.id, metric.metric_name
        if key not in found or (not alone and _is_whole(metric)):
            continue
        if key not in values:
            values[key] = found[key]
        elif name.endswith(_ADDED):
            values[key] = values[key] + found[key]
        elif name.endswith(_LISTED):
            values[key] = [*values[key], *found[key]][:limit]


def _metrics(plan: list[_Planned]) -> list[MetricConfiguration]:
    return list({m.id: m for each in plan for m in each.metrics.values()}.values())


def _is_whole(metric: MetricConfiguration) -> bool:
    name = metric.metric_name
    return name.startswith(_WHOLE) and not name.endswith(".filtered_row_count")


def _whole_value(
    whole: WholeTable,
    metric: MetricConfiguration,
    types: Mapping[str, Any],
    aborted: dict[Any, str],
) -> Any:
    try:
        return whole.value(metric, types)
    except ValueError as error:
        aborted[metric.id] = str(error)
        return None


def _touched(each: _Planned) -> Iterator[Any]:
    if each.graph is not None:
        for edge in each.graph.graph.edges:
            yield edge.left.id
            if edge.right is not None:
                yield edge.right.id


def _broken(said: dict[str, Any], message: str) -> dict[str, Any]:
    info = {"raised_exception": True, "exception_message": message}
    return {"success": False, "expectation_config": said, "result": {}, "exception_info": info}


def _said(info: Any) -> str:
    return str(info["exception_message"] if isinstance(info, Mapping) else info.exception_message)


def _with_last(parts: Iterable[pd.DataFrame]) -> Iterator[tuple[pd.DataFrame, bool]]:
    """Each part, and whether it is the last; rows are numbered through all of them."""
    first, waiting = 0, None
    for part in parts:
        if waiting is not None:
            yield waiting, False
        waiting = part.set_axis(pd.RangeIndex(first, first + len(part)), axis=0)
        first += len(part)
    if waiting is not None:
        yield waiting, True
