"""The only package besides ``dags/`` that imports Airflow: tasks, sensors, assets, links, pages."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from laurel_airflow.links import (
    PREFIX,
    CardLink,
    DataDocsLink,
    DecisionLink,
    ExaminationLink,
    ReportLink,
    RestatementLink,
    SearchLink,
    WeekLink,
)
from laurel_airflow.web.lazy import LazyApp


class LaurelPlugin(AirflowPlugin):
    """Registered by entry point only; Airflow would report a second registration as an error."""

    name = "laurel"
    operator_extra_links = [  # noqa: RUF012
        ReportLink(),
        WeekLink(),
        DecisionLink(),
        CardLink(),
        SearchLink(),
        DataDocsLink(),
        RestatementLink(),
        ExaminationLink(),
    ]
    fastapi_apps: list[dict[str, Any]] = [  # noqa: RUF012
        {
            "app": LazyApp("laurel_airflow.web.app:create_app"),
            "url_prefix": PREFIX,
            "name": "Laurel",
        }
    ]
    external_views: list[dict[str, Any]] = [  # noqa: RUF012
        {
            "name": "Laurel",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "url_route": "laurel",
            "icon": f"{PREFIX}/icon.svg",
        }
    ]
