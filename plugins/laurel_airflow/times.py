"""Airflow's run → Laurel's time: the range, the partition and the as_of that a run owns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from laurel.domain.canonical import parse_instant
from laurel.domain.partition import Partition, partitions
from laurel.errors import ConfigError

if TYPE_CHECKING:
    from airflow.sdk import Context

Interval = tuple[datetime, datetime]

OWN_INTERVAL = ("scheduled", "backfill")
"""Kinds of run whose data interval is theirs; others are given the last complete one."""


def kind_of(context: Context) -> str:
    """The kind of the run: ``scheduled``, ``backfill``, ``manual``, ``operator_triggered`` …

    >>> from types import SimpleNamespace
    >>> kind_of({"dag_run": SimpleNamespace(run_type="backfill")})
    'backfill'
    """
    kind = context["dag_run"].run_type
    # str() of the enumeration that a task is given is its name, not its value
    return str(getattr(kind, "value", kind))


def moment_of(context: Context, name: str) -> datetime | None:
    """The moment that a Param holds, if any; raises :class:`ConfigError` for other words."""
    given = context["params"].get(name)
    if not given:
        return None
    try:
        return parse_instant(given)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{name} is not a moment", found=repr(given), expected="such as 2013-08-05T00:00:00Z"
        ) from None


def range_of(context: Context, *, first: datetime) -> Interval:
    """The range ``[start, end)`` that a run of ingest owns.

    Params ``start`` and ``end`` (days, the end included) win over the data interval; ``first``
    stands in for a missing ``start``.
    """
    params = context["params"]
    if params.get("end"):
        start = Partition.of(params["start"]).start if params.get("start") else first
        return start, Partition.of(params["end"]).end
    if params.get("start"):
        raise ConfigError(
            "a range needs its end", found=f"start {params['start']}", hint="fill in end, too"
        )
    return interval_of(context)


def days_of(context: Context) -> list[Partition]:
    """The partitions of the Params ``start`` to ``end``, which is included; one without it."""
    params = context["params"]
    first = Partition.of(params["start"])
    last = Partition.of(params["end"]) if params.get("end") else first
    return list(partitions(first.start, last.end))


def partition_of(context: Context) -> Partition:
    """The one partition that a run of score or monitor owns."""
    named = context["params"].get("partition")
    return Partition.of(named) if named else Partition.at(interval_of(context)[0])


def as_of_of(context: Context) -> datetime:
    """The bound of knowledge of a training run: the Param, else the end of the data interval.

    A run triggered by hand or by another DAG would get the last complete interval from Airflow and
    so rebuild the model of last week; it has to name its as_of.
    """
    given = moment_of(context, "as_of")
    if given is not None:
        return given
    if kind_of(context) not in OWN_INTERVAL:
        raise ConfigError(
            "a training run triggered by hand has to say what it may know",
            found=f"a {kind_of(context)} run without as_of",
            expected="as_of, a moment such as 2013-08-05T00:00:00Z",
            hint="fill in as_of in the form",
        )
    return interval_of(context)[1]


def interval_of(context: Mapping[str, Any] | Context) -> Interval:
    """The data interval; raises :class:`ConfigError` for a run without one."""
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None or start == end:
        raise ConfigError(
            "this run has no data interval",
            found=f"{start} to {end}",
            hint="fill in the days in the form, or create a backfill",
        )
    return start, end
