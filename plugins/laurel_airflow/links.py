"""Links from a task to what it made: its report, its decision, its Data Docs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs
from airflow.sdk.bases.operatorlink import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

PREFIX = "/laurel"
"""Where Laurel's pages are mounted in Airflow's API server."""


def page_url(key: str) -> str:
    """The address of a page kept in the store under ``key``.

    >>> page_url("runs/flights/train/1a2b/decision.html")
    '/laurel/pages/runs/flights/train/1a2b/decision.html'
    """
    return f"{PREFIX}/pages/{key}"


@attrs.define()
class PageLink(BaseOperatorLink):
    """A link whose target the task set while it ran, in ``operator.pages``."""

    page: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """The words on the button."""
        return self.page

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """The address, or nothing when the task made no such page."""
        key = getattr(operator, "pages", {}).get(self.page)
        return page_url(key) if key else ""


@attrs.define()
class ReportLink(PageLink):
    """To the nightly report."""

    page: ClassVar[str] = "Report"


@attrs.define()
class WeekLink(PageLink):
    """To the summary of a week, from its last night."""

    page: ClassVar[str] = "Week"


@attrs.define()
class DecisionLink(PageLink):
    """To the decision about a challenger."""

    page: ClassVar[str] = "Decision"


@attrs.define()
class CardLink(PageLink):
    """To the model card of a version."""

    page: ClassVar[str] = "Model card"


@attrs.define()
class SearchLink(PageLink):
    """To the search for parameters of a training that had one."""

    page: ClassVar[str] = "Search"


@attrs.define()
class DataDocsLink(PageLink):
    """To the page of a validation."""

    page: ClassVar[str] = "Data Docs"


@attrs.define()
class ExaminationLink(PageLink):
    """To what the features of a model gain and cost."""

    page: ClassVar[str] = "Examination"


@attrs.define()
class RestatementLink(PageLink):
    """To the report of a restatement."""

    page: ClassVar[str] = "Restatement"
