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


PLAN, SCORED = "plan", "scored"
"""The task that plans shards, and the key under which it hands on what it scored itself."""


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

    def check(self, site: Site, usecase: UseCase, context: Context) -> Any:
        from laurel.runs.inputs import await_inputs

        # before what scores is loaded: a look that finds nothing needs none of it
        await_inputs(site, usecase, partition=partition_of(context))
        return self.made(site, usecase, context)

    def made(self, site: Site, usecase: UseCase, context: Context) -> Any:
        """References to what is made once all inputs are there."""
        return self.scored(site, usecase, context)

    def scored(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        """Score and publish; references to that."""
        from laurel.runs.score import score

        made = score(site, usecase, partition=partition_of(context), pages=self.pages)
        self.log.info("%s", made.sentence())
        announce(self, context, made.reference())
        return made.reference()


class PlanShardsOperator(ScoreOperator):
    """Waits as :class:`ScoreOperator` does, then cuts the partition into shards.

    What it hands on is one reference for each shard; none where the partition fits into one: then
    it is scored and published here.
    """

    verb: ClassVar[str] = "plan shards"

    def made(self, site: Site, usecase: UseCase, context: Context) -> list[str]:
        from laurel.runs.shards import plan_shards

        planned = plan_shards(site, usecase, partition=partition_of(context))
        self.log.info("%s", planned.sentence())
        if not planned.shards:
            context["ti"].xcom_push(key=SCORED, value=self.scored(site, usecase, context))
        return [f"{planned.run}/{shard}" for shard in planned.shards]


class ScoreShardOperator(LaurelOperator):
    """Scores one shard into the staging place of its run; a fault of it is retried alone."""

    verb = "score shard"

    def __init__(self, *, shard: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        from laurel.runs.shards import score_shard

        run, _, shard = self.shard.partition("/")
        made = score_shard(site, usecase, partition=partition_of(context), run=run, shard=shard)
        how = "scored" if made["changed"] else "found"
        self.log.info("%s shard %s, %d rows", how, made["shard"], made["rows"])
        return made


class PublishShardsOperator(LaurelOperator):
    """Puts the shards of a plan together and publishes the predictions."""

    verb = "publish shards"
    operator_extra_links = (DataDocsLink(),)

    def run_verb(self, site: Site, usecase: UseCase, context: Context) -> dict[str, Any]:
        planned = context["ti"].xcom_pull(task_ids=PLAN)
        if not planned:
            found: dict[str, Any] = context["ti"].xcom_pull(task_ids=PLAN, key=SCORED)
            self.announce(context, found)
            return found
        from laurel.runs.shards import publish_shards

        (run,) = {each.partition("/")[0] for each in planned}
        made = publish_shards(
            site,
            usecase,
            partition=partition_of(context),
            run=run,
            shards=[each.partition("/")[2] for each in planned],
            pages=self.pages,
        )
        self.log.info("%s", made.sentence())
        self.announce(context, made.reference())
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
