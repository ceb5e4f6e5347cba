"""The index of all nights and the summary of a week, written into the store when a week is over."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from laurel.adapters.store import Store
from laurel.domain.canonical import digest
from laurel.domain.nights import Nights, Week, week_days, week_of
from laurel.domain.partition import Partition
from laurel.pages.nights import render_nights, render_week
from laurel.runs.reports import NightReport, list_reports
from laurel.runs.site import Site
from laurel.usecase import UseCase

THREADS = 16


@dataclass(frozen=True)
class WeekWritten:
    """The pages of a week in the store."""

    week: str
    """The key of the summary."""
    nights: str
    """The key of the index of all nights up to the week's end."""


def all_nights(store: Store, usecase: UseCase, *, last: str | None = None) -> Nights:
    """Every reported night of a use case, or those up to one."""
    reports = list_reports(store, usecase.name)
    lines = tuple(each.line for each in reports if last is None or each.partition <= last)
    return Nights(usecase.name, usecase.config.title, lines)


def find_week(store: Store, usecase: UseCase, day: Partition) -> Week:
    """The week of a day, of the nights that are reported by now."""
    days = week_days(day)
    return _week(usecase, days, _reports(store, usecase, days))


def write_week(site: Site, usecase: UseCase, day: Partition) -> WeekWritten | None:
    """Write the pages of a day's week once its last night is reported; ``None`` before.

    A night that is reported later makes other pages, beside those written before.
    """
    days = week_days(day)
    reports = _reports(site.store, usecase, days)
    if not reports or reports[-1].partition != days[-1].key:
        return None
    made = digest([each.run for each in reports])[:16]
    prefix = f"weeks/{usecase.name}/{days[0].key}/{made}"
    written = WeekWritten(week=f"{prefix}/week.html", nights=f"{prefix}/nights.html")
    if not any(key == written.nights for key in site.store.keys(f"{prefix}/")):
        nights = all_nights(site.store, usecase, last=days[-1].key)
        week = render_week(_week(usecase, days, reports))
        site.store.create(written.week, week.encode())
        site.store.create(written.nights, render_nights(nights).encode())
    return written


def _reports(store: Store, usecase: UseCase, days: Sequence[Partition]) -> tuple[NightReport, ...]:
    return list_reports(store, usecase.name, {day.key for day in days})


def _week(usecase: UseCase, days: Sequence[Partition], reports: Sequence[NightReport]) -> Week:
    with ThreadPoolExecutor(THREADS) as pool:
        documents = list(pool.map(lambda each: each.document, reports))
    lines = [each.line for each in reports]
    pairs = list(zip(lines, documents, strict=True))
    return week_of(usecase.name, usecase.config.title, days, pairs)
