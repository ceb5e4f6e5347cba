"""What every DAG of a use case shares: names, intervals, owners, retries, the words of its page."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, Param

from laurel.domain.config import Dataset, UseCaseConfig
from laurel.domain.ledger import intervals_before, ticks
from laurel.domain.schema.dictionary import dictionary_table, escape
from laurel.settings import load_settings
from laurel.usecase import UseCase, find_usecases

HEAVY_POOL = load_settings().heavy_pool
"""Tasks that take a large share of a worker's cores; set-up creates the pool.

An Airflow that has no such pool never starts them: create it with as many slots as
``LAUREL_HEAVY_SLOTS`` says, or name another one, such as ``default_pool``, in
``LAUREL_HEAVY_POOL``."""

RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
}
"""For faults of network and store; a verdict or bad data fails its task at once."""


def usecases() -> list[UseCase]:
    """All configured use cases, sorted by name."""
    return list(find_usecases(load_settings()).values())


def dag_id(usecase: str, kind: str) -> str:
    """The name of a use case's DAG of one kind.

    >>> dag_id("flights", "score")
    'flights_score'
    """
    return f"{usecase}_{kind}"


def intervals(cron: str) -> CronDataIntervalTimetable:
    """Data intervals between the ticks of ``cron`` in UTC.

    A bare cron string would give intervals of length zero.
    """
    return CronDataIntervalTimetable(cron, timezone="UTC")


def first_training_day(config: UseCaseConfig) -> date:
    """The day on which the interval begins that ends with the first as_of of a use case."""
    years = timedelta(days=3660)
    first = next(
        ticks(
            config.training.schedule,
            start=config.training.start,
            end=datetime.combine(config.training.start, time(), UTC) + years,
        )
    )
    return next(iter(intervals_before(config, first + timedelta(seconds=1)))).date()


def first_examination_day(config: UseCaseConfig) -> date:
    """The day on which the first interval begins that ends when there is a training to examine."""
    training, cron = config.training, config.examination.schedule
    years = timedelta(days=3660)
    begun = datetime.combine(training.start, time(), UTC)
    first = next(ticks(training.schedule, start=training.start, end=begun + years))
    end = next(ticks(cron, start=first, end=first + years))
    before = list(ticks(cron, start=end - timedelta(days=400), end=end))
    return (before[-1] if before else end).date()


def day_param(description: str, *, title: str | None = None) -> Param:
    """A field of the form that takes a day, or stays empty."""
    schema: dict[str, Any] = {"type": ["null", "string"], "format": "date"}
    if title:
        schema["title"] = title
    return Param(None, description=description, **schema)


def moment_param(title: str, description: str) -> Param:
    """A field of the form that takes a moment, or stays empty."""
    return Param(None, type=["null", "string"], title=title, description=description)


def dag_arguments(usecase: UseCase, kind: str, *, doc: str, start: date) -> dict[str, Any]:
    """The keyword arguments that every DAG of a use case shares."""
    config = usecase.config
    return {
        "dag_id": dag_id(config.name, kind),
        "description": f"{config.title}: {doc.splitlines()[0]}",
        "doc_md": _page(config, doc),
        "start_date": datetime.combine(start, time(), UTC),
        "end_date": datetime.combine(config.end, time(), UTC) if config.end else None,
        "catchup": False,
        "tags": {"laurel", config.name, kind, *config.tags},
        "default_args": {"owner": config.owner, **RETRIES},
        "render_template_as_native_obj": False,
    }


def dataset_page(dataset: Dataset) -> str:
    """A dataset's description and its columns, with units and personal data, as Markdown."""
    return f"{escape(dataset.description)}\n\n{dictionary_table(dataset)}"


def _page(config: UseCaseConfig, doc: str) -> str:
    title, description, owner = map(escape, (config.title, config.description, config.owner))
    return f"### {title}\n\n{description}\n\n{doc}\n\nOwner: {owner}\n"
