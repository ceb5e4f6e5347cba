"""Tasks of batch inference: score a partition once its inputs are there, deliver what it gave."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.bases.operatorlink import BaseOperatorLink

from laurel_airflow.links import DataDocsLink
from laurel_airflow.operators import LaurelOperator, announce
from laurel_airflow.sensors import LaurelSensor
from laurel_airflow.times import partition_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from laurel.runs.site import Site
    from laurel.usecase import UseCase


class ScoreOperator(LaurelSensor):
    """Waits for the partition and for due decisions, then scores and publishes the predictions.

    One task, since a second one costs as much as it takes to score a day. While it waits it is
    rescheduled and holds no worker.
    """

    verb: ClassVar[str] = "score"
    operator_extra_links: Collection[BaseOperatorLink] = (DataDocsLink(),)
    ui_color = LaurelOperator.ui_color

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pages: dict[str, str] = {}

    def check(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.inputs import await_inputs

        # before what scores is loaded: a look that finds nothing needs none of it
        partition = partition_of(context)
        await_inputs(site, usecase, partition=partition)
        from laurel.runs.score import score

        made = score(site, usecase, partition=partition, pages=self.pages)
        self.log.info("%s", made.sentence())
        announce(self, context, made.reference())
        return made.reference()


class DeliverOperator(LaurelOperator):
    """Delivers published predictions to one sink; a fault of it is retried alone.

    After a scoring the partition of the run, after a rollback every partition of which the sink
    holds an earlier revision.
    """

    verb = "deliver"

    def __init__(self, *, sink: str, behind: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sink, self.behind = sink, behind

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.deliver import behind, deliver

        days = behind(site, usecase, sink=self.sink) if self.behind else [partition_of(context)]
        made = [deliver(site, usecase, sink=self.sink, partition=day) for day in days]
        for each in made:
            self.log.info("%s", each.sentence())
        return {
            "sink": self.sink,
            "partitions": len(made),
            "changed": sum(each.changed for each in made),
            "rows": sum(each.rows for each in made),
        }
