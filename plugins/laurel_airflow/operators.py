"""Tasks: each hands one run of :mod:`laurel.runs` its interval and returns references only."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.bases.operatorlink import BaseOperatorLink
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from laurel.errors import LaurelError
from laurel_airflow.links import (
    CardLink,
    DataDocsLink,
    DecisionLink,
    ExaminationLink,
    ReportLink,
    RestatementLink,
    SearchLink,
    WeekLink,
)
from laurel_airflow.times import (
    as_of_of,
    days_of,
    kind_of,
    moment_of,
    partition_of,
    range_of,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

    from laurel.runs.site import Site
    from laurel.usecase import UseCase

LOGGED = 200
"""Lines that the impact of a correction writes into a log at most."""


def announce(task: BaseOperator, context: Context, extra: dict[str, Any]) -> None:
    """Write lineage into the event of every outlet of a task."""
    for asset in task.outlets:
        context["outlet_events"][asset].extra = extra


class LaurelOperator(BaseOperator):
    """A task of one use case; faults are retried, verdicts and bad data are not."""

    operator_extra_links: Collection[BaseOperatorLink] = ()
    ui_color = "#e9f0e4"
    verb: ClassVar[str] = ""

    def __init__(self, *, usecase: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.usecase = usecase
        self.pages: dict[str, str] = {}

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the verb; raises ``AirflowFailException`` for all but faults."""
        made: dict[str, Any] = self.enter(context, self.run_verb)
        return made

    def enter(self, context: Context, verb: Callable[[Site, UseCase, Context], Any]) -> Any:
        """Hand a verb the site and the use case; raises as :meth:`execute`."""
        from laurel.settings import load_settings, share_cores

        # before a library that brings threads is imported
        share_cores(load_settings())
        from laurel.runs.site import open_site
        from laurel.usecase import get_usecase
        from laurel_airflow.connections import AirflowConnections

        try:
            site = open_site(connections=AirflowConnections())
            return verb(site, get_usecase(self.usecase, site.settings), context)
        except LaurelError as error:
            self.log.error("%s", error)
            kind = AirflowException if error.retryable else AirflowFailException
            raise kind(str(error)) from None

    @abstractmethod
    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        """Do the work and return references of about 1 KB."""

    def announce(self, context: Context, extra: dict[str, Any]) -> None:
        """Write lineage into the event of every outlet."""
        announce(self, context, extra)


class IngestOperator(LaurelOperator):
    """Pulls an interval of a dataset, validates it, publishes it or puts it into quarantine."""

    verb = "ingest"
    operator_extra_links = (DataDocsLink(),)

    def __init__(self, *, dataset: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.ingest import ingest

        start, end = range_of(context, first=usecase.config.first_instant)
        made = ingest(site, usecase, dataset=self.dataset, start=start, end=end, pages=self.pages)
        self.log.info("%s", made.sentence())
        self.announce(context, made.reference())
        return made.reference()


class TrainOperator(LaurelOperator):
    """Trains a challenger on what was known at as_of and measures it beside the champion."""

    verb = "train"
    operator_extra_links: Collection[BaseOperatorLink] = (
        DecisionLink(),
        CardLink(),
        DataDocsLink(),
    )

    def __init__(self, *, searches: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if searches:
            self.operator_extra_links = (*self.operator_extra_links, SearchLink())

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.train import train

        made = train(site, usecase, as_of=as_of_of(context), pages=self.pages)
        self.log.info("%s", made.sentence())
        return made.reference()


class DecideOperator(LaurelOperator):
    """Writes the gate's verdict into the ledger: promoted or rejected."""

    verb = "decide"
    operator_extra_links = (DecisionLink(),)

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.decide import decide

        trained = context["ti"].xcom_pull(task_ids="train")
        made = decide(
            site,
            usecase,
            run=trained["run"],
            supersede=bool(context["params"].get("supersede")),
        )
        self.pages["Decision"] = made.page
        self.log.info("%s", made.sentence())
        self.announce(context, made.reference())
        return made.reference()


class MonitorOperator(LaurelOperator):
    """Measures drift and realised performance of a night and writes the report."""

    verb = "monitor"
    operator_extra_links = (ReportLink(), WeekLink())

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.monitor import monitor

        made = monitor(
            site,
            usecase,
            partition=partition_of(context),
            backfilled=kind_of(context) == "backfill",
            pages=self.pages,
        )
        self.log.info("%s", made.sentence())
        self.announce(context, made.reference())
        return made.reference()


class ExamineOperator(LaurelOperator):
    """Shuffles and leaves out features of the newest model and trains simpler ones beside it."""

    verb = "examine"
    operator_extra_links = (ExaminationLink(),)

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.examine import examine

        made = examine(site, usecase, as_of=as_of_of(context), pages=self.pages, said=self.log.info)
        self.log.info("%s", made.sentence())
        self.announce(context, made.reference())
        return made.reference()


class RollBackOperator(LaurelOperator):
    """Writes a person's rollback into the ledger."""

    verb = "roll back"

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.rollback import roll_back

        params, dag_run = context["params"], context["dag_run"]
        made = roll_back(
            site,
            usecase,
            target=params["target"],
            reason=params["reason"],
            by=dag_run.triggering_user_name or "unknown",
            # the same at every retry, which must not roll back twice
            effective_from=moment_of(context, "effective_from") or dag_run.run_after,
        )
        self.log.info("%s", made.sentence())
        self.announce(context, made.reference())
        return made.reference()


class RescoreOperator(LaurelOperator):
    """Scores again each partition whose champion a rollback changed."""

    verb = "re-score"

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.rollback import rescore

        made = rescore(site, usecase)
        self.log.info("%s", made.sentence())
        self.announce(context, made.reference())
        return made.reference()


class ImpactOperator(LaurelOperator):
    """Says what rests on the revisions that a correction has superseded."""

    verb = "impact"

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.impact import impact

        found = impact(
            site,
            usecase,
            dataset=context["params"]["dataset"],
            partitions=days_of(context),
        )
        for item in found.items[:LOGGED]:
            use = "directly" if item.direct else "indirectly"
            self.log.info("%s %s %s: %s, by %s", item.sort, item.at, item.name, use, item.via)
        if len(found.items) > LOGGED:
            self.log.info("and %d more; see laurel impact", len(found.items) - LOGGED)
        return found.reference()


class RestateOperator(LaurelOperator):
    """Recomputes what rests on superseded revisions and reports what differs."""

    verb = "restate"
    operator_extra_links = (RestatementLink(),)

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.restate import plan_restatement, restate

        params = context["params"]
        plan = plan_restatement(
            site,
            usecase,
            dataset=params["dataset"],
            partitions=days_of(context),
            known_by=moment_of(context, "known_by"),
            limit=params.get("limit"),
        )
        self.log.info("%s", plan.sentence())
        made = restate(site, usecase, plan=plan, pages=self.pages)
        self.log.info("%s", made.sentence())
        self.announce(context, made.reference())
        return made.reference()
