"""All nights of a use case, drawn when they are looked at; the metrics of the newest one."""

from __future__ import annotations

from laurel.adapters.openmetrics import exposition
from laurel.adapters.store import Store
from laurel.domain.report_metrics import gauges
from laurel.pages.nights import render_nights
from laurel.runs.reports import list_reports
from laurel.runs.week import all_nights
from laurel.usecase import UseCase
from laurel_airflow.links import page_url


def nights_page(store: Store, usecase: UseCase) -> str:
    """The index of all nights, with the addresses of this application."""
    return render_nights(all_nights(store, usecase), address=page_url)


def newest_metrics(store: Store, usecase: UseCase) -> bytes:
    """The newest report as OpenMetrics text; without a sample where there is none."""
    found = list_reports(store, usecase.name)
    return exposition(gauges(found[-1].document if found else {}))
